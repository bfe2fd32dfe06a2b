"""The evidence for the rules of a review, gathered from two commits."""
