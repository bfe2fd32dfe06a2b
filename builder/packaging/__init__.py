"""Releases as files that travel: a ZIP that is the same bytes wherever it is made."""
