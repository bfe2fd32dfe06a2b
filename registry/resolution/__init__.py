"""Which versions fit together."""
