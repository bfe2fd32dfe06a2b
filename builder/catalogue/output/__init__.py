"""The place of the catalogue: two trees, and one link that swaps."""
