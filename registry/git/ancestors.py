"""The commits up to a head, for heads that follow each other: nothing is copied for the next one.

Where the history is long it is kept as sorted blocks of raw ids, 20 bytes a commit; what came since
is in one table that all later heads share, each up to its own length.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice

from registry.names import CommitId

_ID_BYTES = 20
# Blocks by the first byte: none is so large that to sort it would keep other threads waiting.
_BLOCKS = 256
# New commits after which they become blocks as well.
_RECENT = 50_000
_ADDING = threading.Lock()


class Ancestors:
    """A head and all commits before it; never changes. `in` takes ids and anything else."""

    __slots__ = ("_count", "_recent", "_sealed")

    def __init__(self, commits: Iterable[str]) -> None:
        """``commits`` are read once, one after the other."""
        self._sealed: tuple[tuple[bytes, ...], ...] = (_sealed(map(bytes.fromhex, commits)),)
        self._recent: dict[bytes, int] = {}
        self._count = 0

    def __contains__(self, commit: object) -> bool:
        """True if this is the full id of one of them."""
        raw = _raw(commit)
        if raw is None:
            return False
        number = self._recent.get(raw)
        if number is not None and number < self._count:
            return True
        return any(_is_in(blocks[raw[0]], raw) for blocks in self._sealed)

    def followed_by(self, commits: Iterable[CommitId]) -> Ancestors:
        """These and the new ``commits``, none of which is among these."""
        following = object.__new__(Ancestors)
        with _ADDING:
            recent, sealed = self._recent, self._sealed
            if self._count >= _RECENT:
                sealed, recent = (*sealed, _sealed(islice(recent, self._count))), {}
            elif len(recent) != self._count:  # another head was made from this one
                recent = dict(islice(recent.items(), self._count))
            for commit in commits:
                recent[bytes.fromhex(commit)] = len(recent)
            following._sealed, following._recent = sealed, recent
            following._count = len(recent)
        return following


def _raw(commit: object) -> bytes | None:
    if not isinstance(commit, str) or len(commit) != 2 * _ID_BYTES:
        return None
    try:
        raw = bytes.fromhex(commit)
    except ValueError:
        return None
    return raw if len(raw) == _ID_BYTES else None


def _sealed(commits: Iterable[bytes]) -> tuple[bytes, ...]:
    blocks = [bytearray() for _ in range(_BLOCKS)]
    for raw in commits:
        blocks[raw[0]] += raw
    return tuple(b"".join(sorted(_ids(bytes(block)))) for block in blocks)


def _ids(block: bytes) -> Iterator[bytes]:
    return (block[at : at + _ID_BYTES] for at in range(0, len(block), _ID_BYTES))


def _is_in(block: bytes, raw: bytes) -> bool:
    def at(number: int) -> bytes:
        return block[number * _ID_BYTES : (number + 1) * _ID_BYTES]

    count = len(block) // _ID_BYTES
    return at(bisect_left(range(count), raw, key=at)) == raw
