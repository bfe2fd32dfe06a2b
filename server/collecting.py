"""Keeps the garbage collector's work, which stops every thread, short and memory flat.

What lives long is frozen: the collector need not walk it again and again. But what is frozen is
never freed when it becomes garbage in a cycle, such as the frames of a stream whose client has
left. So nothing is frozen before what is garbage was collected, and only when enough is new.
"""

from __future__ import annotations

import gc

# Objects that a collection walks in a few milliseconds.
_FEW = 20_000
# A freeze costs a walk over all: worth it when so large a part is new.
_PART = 4
# The objects that survived a collection.
_OLDEST = 2


class Collecting:
    """Not safe for several threads at once: whoever swaps states in is the only caller."""

    def __init__(self) -> None:
        """Nothing is frozen yet."""
        self._frozen = 0

    def collect(self) -> None:
        """Free what is garbage among all that was made since the last freeze; freeze what grew."""
        gc.collect()
        if len(gc.get_objects(_OLDEST)) > max(_FEW, self._frozen // _PART):
            self._freeze()

    def _freeze(self) -> None:
        """What was frozen before may be garbage by now: it is looked at as well."""
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._frozen = gc.get_freeze_count()
