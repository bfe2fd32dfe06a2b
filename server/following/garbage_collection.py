"""Keeps the garbage collector's work, which stops every thread, short and memory flat.

What lives long is frozen: the collector need not walk it again and again. But what is frozen is
never freed when it becomes garbage in a cycle, such as the frames of a stream whose client has
left. So nothing is frozen before what is garbage was collected, and only when enough is new.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import thread_time

# What a collection may take at each swap before what it walks is frozen.
_SECONDS = 0.004
# A freeze costs a walk over all: worth it when so large a part is new.
_PART = 4


class Collecting:
    """Not safe for several threads at once: whoever swaps states in is the only caller.

    How much is new is seen by the processor time that a collection takes. Counting objects by
    ``gc.get_objects`` holds each of them for a moment, and in that moment a tuple that another
    thread is making cannot grow: ``SystemError``, in whatever that thread was about.
    """

    def __init__(self, clock: Callable[[], float] = thread_time) -> None:
        """Nothing is frozen yet."""
        self._clock = clock
        self._all_seconds = 0.0
        """The seconds that the walk over all took at the last freeze."""

    def collect(self) -> None:
        """Free what is garbage among all that was made since the last freeze; freeze what grew."""
        if self._walk() > max(_SECONDS, self._all_seconds / _PART):
            self._freeze()

    def _freeze(self) -> None:
        """Freeze again: what was frozen before may be garbage by now, and is looked at as well."""
        gc.unfreeze()
        self._all_seconds = self._walk()
        gc.freeze()

    def _walk(self) -> float:
        begun = self._clock()
        gc.collect()
        return self._clock() - begun
