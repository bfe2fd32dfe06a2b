"""Headings of a document: the ids that they get, the levels at which they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from builder.markdown.parsing import Event

_OTHER = re.compile(r"[\W_]+")
_NOT_GITHUB = re.compile(r"[^\w\- ]")
_LENGTH = 60


class HeadingNames:
    """Gives each heading of a document a name that no other of it has.

    >>> names = HeadingNames()
    >>> [names.give(title) for title in ("How to: *use*", "A", "A")]
    ['how-to-use', 'a', 'a-2']
    """

    def __init__(self) -> None:
        """None is given yet."""
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}

    def give(self, title: str) -> str:
        """The name of the next heading."""
        slug = _OTHER.sub("-", title.lower()).strip("-")[:_LENGTH] or "section"
        name = slug
        while name in self._taken:
            self._counts[slug] = self._counts.get(slug, 1) + 1
            name = f"{slug}-{self._counts[slug]}"
        self._taken.add(name)
        return name


def anchors_of(events: Iterable[Event]) -> dict[str, str]:
    """From what a link may call a heading to the name that it has.

    Each can be called by its name in the catalogue and by the one on Git hosts: authors see both.
    """
    given = HeadingNames()
    anchors: dict[str, str] = {}
    hosts: dict[str, int] = {}
    for title in _titles(iter(events)):
        name = given.give(title)
        anchors[name] = name
        theirs = _NOT_GITHUB.sub("", title.lower().strip()).replace(" ", "-")
        count = hosts[theirs] = hosts.get(theirs, -1) + 1
        anchors.setdefault(f"{theirs}-{count}" if count else theirs, name)
    return anchors


def heading_events(events: Iterator[Event]) -> list[Event]:
    """The events inside a heading, whose start was the last one."""
    inside: list[Event] = []
    for event in events:
        end = event.get("End") if event.__class__ is dict else None
        if end.__class__ is dict and "Heading" in end:
            break
        inside.append(event)
    return inside


def title_of(events: Iterable[Event]) -> str:
    """The words inside a heading."""
    words: list[str] = []
    for event in events:
        if event.__class__ is str:
            words.append(" ")
        else:
            words.append(event.get("Text") or event.get("Code") or "")
    return "".join(words)


def _titles(events: Iterator[Event]) -> Iterator[str]:
    for event in events:
        start = event.get("Start") if event.__class__ is dict else None
        if start.__class__ is dict and "Heading" in start:
            yield title_of(heading_events(events))


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
