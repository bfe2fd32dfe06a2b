"""The audit log: the latest operations on the registry, by day."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from builder.catalogue.output.site_state import LogEntry
from builder.catalogue.theme.theme import SitePage, Theme
from registry.library.release_state import Library, ReleaseState
from registry.names import CORE
from registry.snapshots.registry import Snapshot

_SUBJECTS = 6
_DATE_LENGTH = 10
_OPERATION_CHARACTERS = 40

Subject = tuple[str, str, bool]
"""A library, the versions that were touched, and whether the library has a page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLine:
    """One operation as the page shows it; all its texts are strangers'."""

    time: str
    operation: str
    subjects: tuple[Subject, ...]
    more: int
    summary: str
    reason: str
    actor: str
    commit: str
    attested: bool


def read_hidden(
    snapshot: Snapshot, entries: Sequence[LogEntry], listed: Collection[str]
) -> frozenset[str]:
    """The libraries that are there and that nobody is to see: disabled, or not released yet."""
    named = {name for entry in entries for name in entry.libraries}
    unlisted = [name for name in snapshot.names if name in named and name not in listed]
    return frozenset(lib.name for lib in snapshot.libraries(unlisted) if _is_hidden(lib))


def log_page(
    theme: Theme, entries: Sequence[LogEntry], hidden: frozenset[str], listed: Collection[str]
) -> dict[str, bytes]:
    """Path → bytes. What concerns only libraries that are not shown stays off the page."""
    shown = [e for e in entries if not e.libraries or not hidden.issuperset(e.libraries)]
    days: dict[str, list[LogLine]] = {}
    for entry in shown:
        days.setdefault(entry.time[:_DATE_LENGTH], []).append(_line(entry, hidden, listed))
    page = SitePage(
        path="log/",
        title="Log",
        description="What changed in this registry, when, and who asked for it.",
        kind="log",
    )
    values: dict[str, Any] = {
        "days": list(days.items()),
        "total": len(shown),
        "hidden": len(entries) - len(shown),
    }
    body = theme.fragment("log.html", theme.root_of(page), values)
    return {f"{page.path}index.html": theme.page(page, body)}


def _is_hidden(library: Library) -> bool:
    was_released = any(r.state is not ReleaseState.CANDIDATE for r in library.releases)
    return not library.is_enabled or not was_released


def _line(entry: LogEntry, hidden: Collection[str], listed: Collection[str]) -> LogLine:
    names = [name for name in entry.libraries if name not in hidden]
    # What was written about them may name those that are hidden.
    is_whole = len(names) == len(entry.libraries)
    return LogLine(
        time=entry.time,
        operation=entry.operation[:_OPERATION_CHARACTERS],
        subjects=tuple(_subject(entry, name, listed) for name in names[:_SUBJECTS]),
        more=max(0, len(names) - _SUBJECTS),
        summary=entry.summary if is_whole else "",
        reason=entry.reason if is_whole else "",
        actor=entry.actor,
        commit=entry.commit,
        attested=entry.attested,
    )


def _subject(entry: LogEntry, name: str, listed: Collection[str]) -> Subject:
    versions = ", ".join(entry.versions.get(name, ())[:_SUBJECTS])
    return name, versions, name in listed or name == CORE
