"""A release as a directory or a ZIP of a stranger."""
