"""The facts on a library's pages about each release: its state, its signature, what hits it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from builder.catalogue.facts.library_facts import KnownLibrary, Succession
from builder.catalogue.facts.signature_mark import Mark, MarkKind
from builder.catalogue.views.differences import BUMP_WORDS, ReleaseDifference
from builder.catalogue.views.sentences import ended, first_line
from builder.catalogue.views.step_view import short_description
from builder.markdown import plain_text, render_description, safe_url
from registry.advisories.hit import AdvisoryHit
from registry.library.release_state import ReleaseRecord, ReleaseState
from registry.versions import Version

_SUMMARY_CHARACTERS = 300
_CHANGE_CHARACTERS = 160
_REFERENCES = 10
_VERSIONS = 20

BadgeWord = tuple[str, str]
"""The class of a badge, and its word."""
ReleaseLink = tuple[str, bool]
"""A version, and whether it has a page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvisoryView:
    """An advisory as a banner and a section say it; every text may be a stranger's."""

    id: str
    severity: str
    summary: str
    details: Markup
    aliases: tuple[str, ...]
    references: tuple[tuple[str, str | None], ...]
    """Each with the address to follow, when it is safe."""
    versions: tuple[ReleaseLink, ...]
    """The releases that it hits, greatest first."""
    more_versions: int
    steps: tuple[str, ...]
    """The steps that it is about; none means all."""
    safe: ReleaseLink | None
    """The least release that is safe for whoever uses the greatest one that is hit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseView:
    """One line of a list of releases."""

    record: ReleaseRecord
    version: str
    date: str
    is_active: bool
    has_page: bool
    mark: Mark
    advisories: tuple[AdvisoryView, ...]
    badges: tuple[BadgeWord, ...]
    bump: BadgeWord | None
    """The demand on those who come from the release before; None for the first."""
    change: str
    """The change in one line, from its changelog, else of its interface; empty if unknown."""
    yank_reason: str
    """The reason of a yank, as a sentence."""


def release_views(
    known: KnownLibrary, chain: Mapping[str, ReleaseDifference]
) -> tuple[ReleaseView, ...]:
    """All releases, greatest first, without candidates."""
    source = known.source
    hits: dict[str, list[AdvisoryHit]] = {}
    for hit in known.hits:
        hits.setdefault(str(hit.version), []).append(hit)
    pages = {release.version for release in source.shown}
    successions = {one.new: one for one in known.successions}
    views = []
    for record in source.library.releases:
        if record.state is ReleaseState.CANDIDATE:
            continue
        version = str(record.version)
        advisories = tuple(advisory_view([hit], pages) for hit in hits.get(version, ()))
        mark = known.marks[version]
        difference = chain.get(version)
        is_active = record == source.library.active
        view = ReleaseView(
            record=record,
            version=version,
            date=record.date or "",
            is_active=is_active,
            has_page=version in pages,
            mark=mark,
            advisories=advisories,
            badges=tuple(_badges(record, mark, is_active=is_active, is_hit=bool(advisories))),
            bump=_bump(difference),
            change=_change(known.notes.get(version, ""), successions.get(version)),
            yank_reason=ended(record.yank.reason) if record.yank is not None else "",
        )
        views.append(view)
    return tuple(views)


def _bump(difference: ReleaseDifference | None) -> BadgeWord | None:
    if difference is None:
        return None
    word, badge = BUMP_WORDS[difference.bump]
    return badge, word


def _change(notes: str, succession: Succession | None) -> str:
    line, has_more = first_line(notes)
    if line:
        text = plain_text(line, _CHANGE_CHARACTERS)
        return f"{text} …" if has_more and not text.endswith("…") else text
    changes = succession.diff.changes if succession is not None else ()
    if not changes:
        return ""
    first = max(changes, key=lambda change: change.bump)
    text = f"{first.step}: {first.message}" if first.step else first.message
    more = f" (and {len(changes) - 1} more)" if len(changes) > 1 else ""
    return f"{text[:_CHANGE_CHARACTERS]}{more}"


def _badges(
    record: ReleaseRecord, mark: Mark, *, is_active: bool, is_hit: bool
) -> Iterator[BadgeWord]:
    if record.alarm:
        yield "badge-bad", "Not served"
        return
    if record.state is ReleaseState.WITHDRAWN:
        yield "", "Removed"
    if is_active:
        yield "badge-good", "Active"
    if is_hit:
        yield "badge-bad", "Advisory"
    if mark.kind is MarkKind.BAD:
        yield "badge-bad", mark.word
    if record.yank is not None:
        yield "badge-warn", "Yanked"
    if not record.version.is_stable:
        yield "", "Pre-release"


def all_advisories(hits: Iterable[AdvisoryHit], pages: Container[str]) -> tuple[AdvisoryView, ...]:
    """Every advisory about a library once, by id."""
    found: dict[str, list[AdvisoryHit]] = {}
    for hit in hits:
        found.setdefault(hit.advisory.id, []).append(hit)
    return tuple(advisory_view(same, pages) for _, same in sorted(found.items()))


def advisory_view(hits: Sequence[AdvisoryHit], pages: Container[str]) -> AdvisoryView:
    """The hits of one advisory on releases of one library, greatest version first.

    ``pages`` are the versions that have one.
    """
    advisory = hits[0].advisory
    urls = (reference.url for reference in advisory.references[:_REFERENCES])
    steps = {step for hit in hits for step in hit.steps} if all(hit.steps for hit in hits) else ()
    return AdvisoryView(
        id=advisory.id,
        severity=advisory.severity_word.lower(),
        summary=ended(short_description(advisory.summary, _SUMMARY_CHARACTERS)),
        details=render_description(advisory.details),
        aliases=advisory.aliases,
        references=tuple((url, safe_url(url, mail=False)) for url in urls),
        versions=tuple(_link(hit.version, pages) for hit in hits[:_VERSIONS]),
        more_versions=max(0, len(hits) - _VERSIONS),
        steps=tuple(sorted(steps)),
        safe=_link(hits[0].safe, pages) if hits[0].safe is not None else None,
    )


def _link(version: Version, pages: Container[str]) -> ReleaseLink:
    return str(version), str(version) in pages


def replacement_of(view: ReleaseView, views: Sequence[ReleaseView]) -> ReleaseLink | None:
    """Return the replacement of a yanked release, and if it has a page."""
    yank = view.record.yank
    if yank is None or yank.replacement is None:
        return None
    pages = {other.version for other in views if other.has_page}
    return yank.replacement, yank.replacement in pages
