"""Headings of a document: the ids that they get, the levels at which they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from builder.markdown.parsing import Event

_OTHER = re.compile(r"[\W_]+")
_NOT_GITHUB = re.compile(r"[^\w\- ]")
_LENGTH = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchors:
    """The ids of a document's headings in their order, and what links to them may be called."""

    ids: tuple[str, ...]
    names: Mapping[str, str]
    """From a name to the id that it leads to."""


NO_ANCHORS = Anchors(ids=(), names={})


def anchors_of(events: Iterable[Event]) -> Anchors:
    """The anchors of a document. Each has its name in the catalogue and the one on Git hosts.

    Authors see both; two headings of the same words are told apart by a number.
    """
    ids: list[str] = []
    names: dict[str, str] = {}
    hosts: dict[str, int] = {}
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for title in _titles(events):
        slug = _OTHER.sub("-", title.lower()).strip("-")[:_LENGTH] or "section"
        name = slug
        while name in taken:
            counts[slug] = counts.get(slug, 1) + 1
            name = f"{slug}-{counts[slug]}"
        taken.add(name)
        ids.append(name)
        names[name] = name
        theirs = _NOT_GITHUB.sub("", title.lower().strip()).replace(" ", "-")
        count = hosts[theirs] = hosts.get(theirs, -1) + 1
        names.setdefault(f"{theirs}-{count}" if count else theirs, name)
    return Anchors(ids=tuple(ids), names=names) if ids else NO_ANCHORS


def _titles(events: Iterable[Event]) -> Iterator[str]:
    words: list[str] | None = None
    for event in events:
        if event.__class__ is str:
            if words is not None:
                words.append(" ")
            continue
        [(kind, value)] = event.items()
        if kind == "Start" and value.__class__ is dict and "Heading" in value:
            words = []
        elif kind == "End" and value.__class__ is dict and "Heading" in value:
            yield "".join(words or ())
            words = None
        elif words is not None and kind in {"Text", "Code"}:
            words.append(value)


class Outline:
    """Levels of headings below the one of the section that a document is shown in.

    A document may begin with any level and leave some out: readers who go from heading to heading
    find them in steps of one.

    >>> outline = Outline(3)
    >>> [outline.level(level) for level in (2, 4, 4, 3, 2, 1)]
    [3, 4, 4, 4, 3, 3]
    """

    def __init__(self, top: int) -> None:
        """``top`` is the level of the document's greatest headings."""
        self._top = top
        self._open: list[int] = []

    def level(self, written: int) -> int:
        """The level at which a heading is shown that was written as one of this level."""
        while self._open and self._open[-1] >= written:
            self._open.pop()
        self._open.append(written)
        return min(6, self._top + len(self._open) - 1)
