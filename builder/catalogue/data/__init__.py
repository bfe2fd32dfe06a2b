"""Files of the catalogue that programs read."""
