"""The commands about a registry, one module each."""
