"""An advisory as OSV describes it, frozen; fields that we do not know are passed by.

Everything in it is text of strangers, also in advisories of the registry itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# What OSV calls the world that a package's name belongs to.
LIBRARIES = "OpsConductor"
PYPI = "PyPI"
# A word of the database for how bad it is; longer ones are not words.
_WORD_CHARACTERS = 20


class RangeType(StrEnum):
    """The order of the versions of a range."""

    SEMVER = "SEMVER"
    ECOSYSTEM = "ECOSYSTEM"
    GIT = "GIT"


class RangeTurn(StrEnum):
    """The meaning of an event for the versions from it on."""

    INTRODUCED = "introduced"
    FIXED = "fixed"
    LAST_AFFECTED = "last_affected"
    LIMIT = "limit"


@dataclass(frozen=True, kw_only=True, slots=True)
class RangeEvent:
    """One point of a range's timeline; a valid one has one field."""

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None

    def turns(self) -> Iterator[tuple[RangeTurn, str]]:
        """Each thing it says, with its version."""
        for turn in RangeTurn:
            version = getattr(self, turn.value)
            if version is not None:
                yield turn, version


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """A range of versions, by its events."""

    type: RangeType
    events: tuple[RangeEvent, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AffectedPackage:
    """A package; the meaning of its name depends on its ecosystem."""

    ecosystem: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rating:
    """The severity by one method: its name and its vector, such as ``CVSS:3.1/AV:N/…``."""

    type: str
    score: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Affected:
    """The versions of one package that have the vulnerability."""

    package: AffectedPackage | None = None
    severity: tuple[Rating, ...] = ()
    ranges: tuple[Range, ...] = ()
    versions: tuple[str, ...] = ()
    ecosystem_specific: Mapping[str, Any] = field(default_factory=dict)
    database_specific: Mapping[str, Any] = field(default_factory=dict)

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of a library that are hit; empty when all of them are."""
        steps = self.ecosystem_specific.get("steps")
        return tuple(map(str, steps)) if isinstance(steps, list) else ()

    def is_about(self, ecosystem: str) -> bool:
        """True if its package is of this ecosystem."""
        return self.package is not None and self.package.ecosystem == ecosystem


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """A place to read more. The URL may have any scheme."""

    type: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Advisory:
    """One vulnerability. Times are RFC 3339; ``details`` is Markdown."""

    id: str
    modified: str
    published: str | None = None
    withdrawn: str | None = None
    aliases: tuple[str, ...] = ()
    summary: str = ""
    details: str = ""
    severity: tuple[Rating, ...] = ()
    affected: tuple[Affected, ...] = ()
    references: tuple[Reference, ...] = ()
    database_specific: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratings(self) -> tuple[Rating, ...]:
        """Its vectors; those of the packages where it has none itself."""
        inner = (rating for entry in self.affected for rating in entry.severity)
        return self.severity or tuple(dict.fromkeys(inner))

    @property
    def severity_word(self) -> str:
        """The severity in its database's own word, such as ``HIGH``; empty when it says none.

        No number is worked out of a vector: that is left to a calculator of FIRST's.
        """
        places = [self.database_specific]
        for entry in self.affected:
            places += [entry.database_specific, entry.ecosystem_specific]
        for place in places:
            word = place.get("severity")
            if isinstance(word, str) and word.isalpha() and len(word) <= _WORD_CHARACTERS:
                return word.upper()
        return ""
