"""The contents of pages, before they are HTML."""
