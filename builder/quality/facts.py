"""The facts that a library's score depends on: the same facts give the same points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from registry.advisories.hit import AdvisoryHit
from registry.formats.model import ReleaseContent
from registry.library.release_state import Library

README = "README.md"
CHANGELOG = "CHANGELOG.md"


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityFacts:
    """One release, and what the registry says of it. Times are RFC 3339, UTC."""

    content: ReleaseContent
    as_of: str
    """The time of the snapshot's commit: the age of a release never depends on a clock."""
    newest: str | None = None
    """The time of the library's last release."""
    signed: bool = False
    """True if a publisher's signature over the release is there and valid."""
    yanked: bool = False
    deprecated: bool = False
    has_tests: bool = False
    """True if the release has files below ``tests/``."""
    documents: Mapping[str, bytes] = field(default_factory=dict)
    """README.md and CHANGELOG.md of ``docs/``, where they exist."""
    advisories: tuple[str, ...] = ()
    """The ids of the advisories that hit the release."""


def facts_of(
    library: Library,
    *,
    documents: Mapping[str, bytes],
    has_tests: bool,
    signed: bool,
    hits: Iterable[AdvisoryHit] = (),
    as_of: str,
) -> QualityFacts | None:
    """The facts about the active release; None for a library without one that can be read.

    ``hits`` are those of all its releases.
    """
    if library.content is None or library.active is None:
        return None
    active = library.active
    dates = [record.date for record in library.releases if record.is_served and record.date]
    return QualityFacts(
        content=library.content,
        as_of=as_of,
        newest=max(dates, default=None),
        signed=signed,
        yanked=active.yank is not None,
        deprecated=library.facts.deprecated is not None,
        has_tests=has_tests,
        documents=documents,
        advisories=tuple(hit.advisory.id for hit in hits if hit.version == active.version),
    )
