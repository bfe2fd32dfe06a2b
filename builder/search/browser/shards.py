"""Cut a sorted list of entries into files that a browser loads as it needs them.

A file holds what begins with the same letters. It is split by the next letter when it grows too
large, so a change of one library leaves all other files as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

END = "$"
"""Stands for the end of a word in a key: "cat$" is the word itself, "cat" all that begin so."""
Entry = tuple[str, bytes]


def cut(entries: Sequence[Entry], most: int) -> Iterator[tuple[str, bytes]]:
    """Key → content, of at most so many bytes where it can be split."""
    yield from _cut([(f"{word}{END}", raw) for word, raw in entries], "", most)


def _cut(entries: Sequence[Entry], key: str, most: int) -> Iterator[tuple[str, bytes]]:
    size = sum(len(raw) for _, raw in entries)
    # The first letter always splits: whoever mends a word looks among those with the same one.
    if key and (size <= most or len(entries) == 1):
        yield key, b"".join(raw for _, raw in entries)
        return
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry[0][: len(key) + 1], []).append(entry)
    for longer, group in groups.items():
        yield from _cut(group, longer, most)
