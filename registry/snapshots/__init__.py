"""A registry at one commit, immutable, and the libraries in it."""
