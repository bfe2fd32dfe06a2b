"""The rules of a review."""
