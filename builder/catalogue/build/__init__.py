"""One build of the catalogue."""
