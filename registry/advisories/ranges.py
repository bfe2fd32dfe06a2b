"""The versions that an advisory means, evaluated as OSV specifies, for any order of versions.

The specification: https://ossf.github.io/osv-schema/#evaluation.

Events may stand in any order. Of several at one version, ``fixed`` comes first, then
``introduced``, then ``last_affected``: so a vulnerability that is fixed and comes back in the same
version is there, and one that comes and goes with a version is there in that version only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from registry.advisories.model import Affected, Range, RangeTurn, RangeType

Parse = Callable[[str], Any]
"""A version that can be compared with others of its kind; None for an invalid one."""

BEFORE_ALL = "0"
NO_LIMIT = "*"
_ORDER = {RangeTurn.FIXED: 0, RangeTurn.INTRODUCED: 1, RangeTurn.LAST_AFFECTED: 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """A range made ready: events in their order; a version of None is before all others."""

    events: tuple[tuple[RangeTurn, Any], ...]
    limits: tuple[Any, ...] = ()

    def includes(self, version: Any) -> bool:
        """True if the version has the vulnerability, as far as this range says."""
        if self.limits and not any(version < limit for limit in self.limits):
            return False
        vulnerable = False
        for turn, at in self.events:
            # The last affected version is still affected.
            reached = at is None or (
                version > at if turn is RangeTurn.LAST_AFFECTED else version >= at
            )
            if reached:
                vulnerable = turn is RangeTurn.INTRODUCED
        return vulnerable


@dataclass(frozen=True, kw_only=True, slots=True)
class Extent:
    """The versions that one ``affected`` entry means."""

    listed: frozenset[Any]
    timelines: tuple[Timeline, ...]
    unread: tuple[str, ...] = ()
    """Invalid versions of events: their ranges are not among the timelines."""

    def includes(self, version: Any) -> bool:
        """True if the version is listed or in one of the ranges."""
        return version in self.listed or any(t.includes(version) for t in self.timelines)


def extent_of(affected: Affected, parse: Parse) -> Extent:
    """An entry made ready. Ranges of commits (``GIT``) say nothing about versions."""
    timelines: list[Timeline] = []
    unread: list[str] = []
    for entry in affected.ranges:
        if entry.type is RangeType.GIT:
            continue
        wrong = unreadable(entry, parse)
        unread.extend(wrong)
        if not wrong:
            timelines.append(timeline_of(entry, parse))
    listed = (parse(text) for text in affected.versions)
    return Extent(
        listed=frozenset(version for version in listed if version is not None),
        timelines=tuple(timelines),
        unread=tuple(unread),
    )


def unreadable(entry: Range, parse: Parse) -> list[str]:
    """The invalid versions of its events."""
    return [
        text
        for event in entry.events
        for turn, text in event.turns()
        if not is_special(turn, text) and parse(text) is None
    ]


def is_special(turn: RangeTurn, text: str) -> bool:
    """True if it stands for no version: before all of them, or after."""
    return (turn, text) in {(RangeTurn.INTRODUCED, BEFORE_ALL), (RangeTurn.LIMIT, NO_LIMIT)}


def timeline_of(entry: Range, parse: Parse) -> Timeline:
    """A range made ready; all versions of its events are versions."""
    said = [pair for event in entry.events for pair in event.turns()]
    limits = [text for turn, text in said if turn is RangeTurn.LIMIT]
    return Timeline(
        events=tuple(_sorted((pair for pair in said if pair[0] is not RangeTurn.LIMIT), parse)),
        limits=() if NO_LIMIT in limits else tuple(map(parse, limits)),
    )


def _sorted(said: Iterable[tuple[RangeTurn, str]], parse: Parse) -> list[tuple[RangeTurn, Any]]:
    pairs = [(turn, None if is_special(turn, text) else parse(text)) for turn, text in said]
    first = [pair for pair in pairs if pair[1] is None]
    rest = [pair for pair in pairs if pair[1] is not None]
    return first + sorted(rest, key=lambda pair: (pair[1], _ORDER[pair[0]]))
