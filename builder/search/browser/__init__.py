"""The search of the catalogue in a browser."""
