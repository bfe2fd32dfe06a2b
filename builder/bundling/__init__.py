"""A whole registry as one file, for machines without a network: made here, verified on arrival."""
