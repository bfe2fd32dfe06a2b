"""Check a release's files."""
