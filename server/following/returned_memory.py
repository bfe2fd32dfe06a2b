"""Gives memory that was freed back to the system, after work that needs much of it once."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def return_memory() -> None:
    """Let the C library give back what it holds of freed memory; where it cannot, nothing."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
