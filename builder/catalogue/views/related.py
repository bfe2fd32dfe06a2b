"""Libraries around a library: those that need it, and those that are like it.

What is shown follows from the records of all libraries, and a change of one library changes it for
few others: for those that it needs or needed, those that share one of its rare tags, and its
neighbours by name. Names come in families (``git-clone``, ``git-tag``), so a neighbour by name in
the same category is usually one by purpose.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from builder.catalogue.output.site_state import LibraryRecord
from builder.catalogue.views.overview import is_sound
from registry.names import CORE

_RELATED = 6
_USERS = 24
_RARE = 8
"""Most libraries that share a tag which still says that they are alike."""
_AROUND = 4
"""Neighbours by name, before and after."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """The libraries around one, by name."""

    users: tuple[str, ...]
    """Those whose active release needs it; the first of them by name."""
    more_users: int
    related: tuple[str, ...]


def neighbour_facts(record: LibraryRecord) -> tuple[object, ...]:
    """All that the ends of other libraries' pages depend on."""
    return (
        record.title,
        record.description,
        record.tags,
        record.categories,
        record.needs,
        is_sound(record),
    )


class Neighbourhood:
    """The surroundings of every library, worked out of all records together."""

    def __init__(self, libraries: Mapping[str, LibraryRecord]) -> None:
        """Sort the libraries by what they share."""
        self._users: dict[str, list[str]] = {}
        self._tags: dict[str, list[str]] = {}
        self._categories: dict[str, list[str]] = {}
        for name in sorted(libraries):
            record = libraries[name]
            for needed in record.needs:
                self._users.setdefault(needed, []).append(name)
            if not is_sound(record):
                continue
            for tag in record.tags:
                self._tags.setdefault(tag, []).append(name)
            for category in record.categories:
                self._categories.setdefault(category, []).append(name)

    def around(self, record: LibraryRecord) -> Surroundings:
        """The surroundings of one library."""
        users = self._users.get(record.name, [])
        return Surroundings(
            users=tuple(users[:_USERS]),
            more_users=max(0, len(users) - _USERS),
            related=() if record.name == CORE else tuple(self._related(record)),
        )

    def _related(self, record: LibraryRecord) -> list[str]:
        shared: Counter[str] = Counter()
        for tag in record.tags:
            members = self._tags.get(tag, ())
            if len(members) <= _RARE:
                shared.update(members)
        found = sorted(shared, key=lambda name: (-shared[name], name))
        for category in record.categories:
            found += _near(self._categories.get(category, ()), record.name)
        others = (name for name in dict.fromkeys(found) if name != record.name)
        return [name for name, _ in zip(others, range(_RELATED), strict=False)]


def _near(names: Sequence[str], name: str) -> Iterable[str]:
    """The neighbours of a name in sorted names, those with the longest common beginning first."""
    at = bisect_left(names, name)
    around = [*names[max(0, at - _AROUND) : at], *names[at : at + _AROUND + 1]]
    return sorted(around, key=lambda other: (-_common(name, other), other))


def _common(one: str, other: str) -> int:
    """Return how many characters two names begin with alike."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))
