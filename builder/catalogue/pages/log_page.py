"""The audit log: the latest operations on the registry, in pages, by the day they happened here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from builder.catalogue.output.site_state import LogEntry
from builder.catalogue.theme.theme import SitePage, Theme
from builder.catalogue.views.log_entries import OPERATIONS
from registry.library.release_state import Library, ReleaseState
from registry.names import CORE
from registry.snapshots.registry import Snapshot

ON_A_PAGE = 50
_SUBJECTS = 6
_ACTORS = 100
_DATE_LENGTH = 10
_OPERATION_CHARACTERS = 40
_ACTOR_CHARACTERS = 80

Subject = tuple[str, str, bool]
"""A library, the versions that were touched, and whether the library has a page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLine:
    """One operation as the page shows it; all its texts are strangers'."""

    time: str
    dated: str
    """The date of its commit, where that is of another day."""
    operation: str
    subjects: tuple[Subject, ...]
    more: int
    summary: str
    reason: str
    actor: str
    commit: str
    attested: bool

    @property
    def day(self) -> str:
        """The day on which it happened here."""
        return self.time[:_DATE_LENGTH]


def read_hidden(
    snapshot: Snapshot, entries: Sequence[LogEntry], listed: Collection[str]
) -> frozenset[str]:
    """The libraries that are there and that nobody is to see: disabled, or not released yet."""
    named = {name for entry in entries for name in entry.libraries}
    unlisted = [name for name in snapshot.names if name in named and name not in listed]
    return frozenset(lib.name for lib in snapshot.libraries(unlisted) if _is_hidden(lib))


def log_pages(
    theme: Theme, entries: Sequence[LogEntry], hidden: frozenset[str], listed: Collection[str]
) -> dict[str, bytes]:
    """Path → bytes. What concerns only libraries that are not shown stays off the pages."""
    shown = [e for e in entries if not e.libraries or not hidden.issuperset(e.libraries)]
    lines = [_line(entry, hidden, listed) for entry in shown]
    actors = Counter(line.actor for line in lines)
    values: dict[str, Any] = {
        "total": len(shown),
        "is_cut": len(entries) >= OPERATIONS,
        "hidden": len(entries) - len(shown),
        "actors": sorted(name for name, _ in actors.most_common(_ACTORS)),
        "operations": sorted({line.operation for line in lines}),
        "numbers": range(1, max(1, -(-len(lines) // ON_A_PAGE)) + 1),
    }
    return dict(_page(theme, lines, number, values) for number in values["numbers"])


def _page(
    theme: Theme, lines: Sequence[LogLine], number: int, values: dict[str, Any]
) -> tuple[str, bytes]:
    part = lines[(number - 1) * ON_A_PAGE : number * ON_A_PAGE]
    page = SitePage(
        path="log/" if number == 1 else f"log/page/{number}/",
        title="Log" if number == 1 else f"Log, page {number}",
        description="What changed in this registry, when, and who asked for it.",
        kind="log",
    )
    days = [(day, list(group)) for day, group in groupby(part, key=lambda line: line.day)]
    body = theme.fragment(
        "log.html", theme.root_of(page), {**values, "days": days, "number": number}
    )
    return f"{page.path}index.html", theme.page(page, body)


def _is_hidden(library: Library) -> bool:
    was_released = any(r.state is not ReleaseState.CANDIDATE for r in library.releases)
    return not library.is_enabled or not was_released


def _line(entry: LogEntry, hidden: Collection[str], listed: Collection[str]) -> LogLine:
    names = [name for name in entry.libraries if name not in hidden]
    # What was written about them may name those that are hidden.
    is_whole = len(names) == len(entry.libraries)
    day, dated = entry.here[:_DATE_LENGTH], entry.time[:_DATE_LENGTH]
    return LogLine(
        time=entry.here,
        dated="" if day == dated else dated,
        operation=entry.operation[:_OPERATION_CHARACTERS],
        subjects=tuple(_subject(entry, name, listed) for name in names[:_SUBJECTS]),
        more=max(0, len(names) - _SUBJECTS),
        summary=entry.summary if is_whole else "",
        reason=entry.reason if is_whole else "",
        actor=entry.actor[:_ACTOR_CHARACTERS],
        commit=entry.commit,
        attested=entry.attested,
    )


def _subject(entry: LogEntry, name: str, listed: Collection[str]) -> Subject:
    versions = ", ".join(entry.versions.get(name, ())[:_SUBJECTS])
    return name, versions, name in listed or name == CORE
