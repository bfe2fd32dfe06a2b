"""The files of a registry: parsed with positions, checked by schema, written in one way."""
