"""The look of the catalogue."""
