"""How the cost of something grows, as a ratio within one run: seconds depend on the machine."""

import time
from collections.abc import Callable

_FACTOR = 8
# Linear work comes to 8, quadratic to 64.
LINEAR = 24.0


def growth(work: Callable[[int], object], size: int) -> float:
    """How many times as much processor time ``work(size * 8)`` takes as ``work(size)``.

    Each is the least of five, so that what else the machine does counts little.
    """
    return _least(work, size * _FACTOR) / _least(work, size)


def _least(work: Callable[[int], object], size: int) -> float:
    spent = []
    for _ in range(5):
        started = time.process_time()
        work(size)
        spent.append(time.process_time() - started)
    return max(min(spent), 1e-6)
