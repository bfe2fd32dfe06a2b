"""The history that is trusted: evidence, acts, trusted and served heads, names of attacks."""
