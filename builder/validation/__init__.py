"""Validate many libraries, and remember what was found."""
