"""The model of a library, and the Git registry that holds it."""

__version__ = "0.1.0"
