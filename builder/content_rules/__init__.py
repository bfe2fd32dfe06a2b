"""Rules on a release's own files, and the ids of all rules of a review."""
