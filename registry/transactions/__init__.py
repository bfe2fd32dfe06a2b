"""The one write path: check, write objects, move the refs, follow; and recovery."""
