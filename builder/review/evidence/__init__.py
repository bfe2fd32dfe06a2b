"""What the rules of a review see, gathered from two commits."""
