"""How much a process yields to others: what it gets, wherever it was started from."""

from __future__ import annotations

import os


def be_nice(niceness: int) -> None:
    """Yield at least so much, 0 to 19; who started this process may yield already."""
    os.nice(max(0, niceness - os.nice(0)))
