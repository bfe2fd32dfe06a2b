"""The facts about a library before any page of it is made: no HTML, and nothing is read here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from builder.catalogue.facts.context import Context
from builder.catalogue.facts.library_sources import CHANGELOG, Source
from builder.catalogue.facts.signature_mark import Mark, mark_of
from builder.diff import InterfaceDiff, compare
from builder.quality.facts import QualityFacts, facts_of
from builder.quality.model import Quality
from builder.quality.scoring import score
from registry.advisories.hit import AdvisoryHit
from registry.advisories.matching import hits_of
from registry.library.changelog import notes_of
from registry.library.release_state import ReleaseState
from registry.names import CORE


@dataclass(frozen=True, kw_only=True, slots=True)
class Succession:
    """From one release to the next greater one that has a page."""

    old: str
    new: str
    diff: InterfaceDiff


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownLibrary:
    """A library as it was read, and all that follows from it; versions are texts."""

    source: Source
    marks: Mapping[str, Mark]
    """The worth of each release's signature; candidates are left out."""
    hits: tuple[AdvisoryHit, ...]
    """The registry's advisories about its releases."""
    successions: tuple[Succession, ...]
    """Greatest version first."""
    notes: Mapping[str, str]
    """The Markdown in which a release's own changelog speaks of it, where it does."""
    quality: Quality | None
    newest: str | None
    """The date of the last release, as far as the quality score depends on it."""


def know_library(source: Source, context: Context) -> KnownLibrary:
    """Work out everything that the pages of a library will say."""
    library = source.library
    marks = {
        str(record.version): mark_of(library, record, context.trust)
        for record in library.releases
        if record.state is not ReleaseState.CANDIDATE
    }
    hits = hits_of(library, context.advisories)
    judged = _judged(source, marks, hits, context.as_of)
    return KnownLibrary(
        source=source,
        marks=marks,
        hits=hits,
        successions=tuple(
            Succession(old=old.version, new=new.version, diff=compare(old.content, new.content))
            for new, old in pairwise(source.shown)
        ),
        notes=_notes(source),
        quality=score(judged) if judged is not None else None,
        newest=judged.newest if judged is not None else None,
    )


def _judged(
    source: Source, marks: Mapping[str, Mark], hits: tuple[AdvisoryHit, ...], as_of: str
) -> QualityFacts | None:
    """Return the facts that the score depends on; None where there is nothing to be scored."""
    active = source.active
    if active is None or active.version not in marks or source.library.name == CORE:
        return None
    return facts_of(
        source.library,
        documents=active.documents,
        has_tests=active.has_tests,
        signed=marks[active.version].is_verified,
        hits=hits,
        as_of=as_of,
    )


def _notes(source: Source) -> dict[str, str]:
    found: dict[str, str] = {}
    for release in source.shown:
        changelog = release.documents.get(CHANGELOG, b"")
        text = notes_of(changelog, release.record.version) if changelog else ""
        if text:
            found[release.version] = text
    return found
