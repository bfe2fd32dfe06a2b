"""What a library is, and how a Git registry holds it."""

__version__ = "0.1.0"
