"""The priority of a process."""

from __future__ import annotations

import os


def be_nice(niceness: int) -> None:
    """Lower the priority to this niceness (0 to 19), unless it was started with a lower one."""
    os.nice(max(0, niceness - os.nice(0)))
