"""Validate, diff, package and release libraries; render the catalogue."""
