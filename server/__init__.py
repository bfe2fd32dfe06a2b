"""HTTP over a registry: lookups from memory, search, and the catalogue at ``/``."""
