"""Where the catalogue is written: two trees, and one link that swaps."""
