"""What a release's own files may not hold, and the ids of all rules of a review."""
