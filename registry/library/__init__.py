"""A library by itself: its state, digest, tags and what goes over the wire; no I/O."""
