"""The page of all advisories about libraries that the catalogue shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builder.catalogue.output.site_state import LibraryRecord, RecordedHit
from builder.catalogue.output.tree_writer import PlannedFile, digest
from builder.catalogue.theme.theme import SitePage, Theme
from builder.catalogue.views.overview import Overview
from builder.catalogue.views.sentences import ended
from builder.catalogue.views.step_view import short_description
from registry.advisories.model import Advisory

_SUMMARY_CHARACTERS = 300
_DATE_LENGTH = 10
_PAGE = SitePage(
    path="advisories/",
    title="Advisories",
    description="Known vulnerabilities of the libraries here: which releases, and what fixes them.",
    kind="advisories",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvisoryLine:
    """One advisory and the libraries that it is about; its texts are strangers'."""

    id: str
    severity: str
    summary: str
    date: str
    aliases: tuple[str, ...]
    libraries: tuple[tuple[str, str, bool, RecordedHit], ...]
    """Name and title, whether the active release is hit by any advisory, what this one hits."""


def plan_advisories(
    theme: Theme, overview: Overview, advisories: Sequence[Advisory], salt: bytes
) -> Iterator[PlannedFile]:
    """The page, newest first; what concerns only libraries that are not shown stays off it."""
    hits: dict[str, list[tuple[LibraryRecord, RecordedHit]]] = {}
    for record in overview.by_name:
        for hit in record.hits:
            hits.setdefault(hit.id, []).append((record, hit))
    lines = [_line(one, hits[one.id]) for one in advisories if one.id in hits]
    lines.sort(key=lambda line: line.date, reverse=True)

    def render() -> bytes:
        values = {"lines": lines}
        return theme.page(
            _PAGE, theme.fragment("advisories_page.html", theme.root_of(_PAGE), values)
        )

    key = digest(salt + repr(lines).encode(errors="replace"))
    yield PlannedFile(path=f"{_PAGE.path}index.html", key=key, render=render)


def _line(advisory: Advisory, found: Sequence[tuple[LibraryRecord, RecordedHit]]) -> AdvisoryLine:
    return AdvisoryLine(
        id=advisory.id,
        severity=advisory.severity_word.lower(),
        summary=ended(short_description(advisory.summary, _SUMMARY_CHARACTERS)),
        date=(advisory.published or advisory.modified)[:_DATE_LENGTH],
        aliases=advisory.aliases,
        libraries=tuple((one.name, one.title, one.is_hit, hit) for one, hit in found),
    )
