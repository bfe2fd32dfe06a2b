"""Files: whole or not there at all, found wherever this project is installed."""
