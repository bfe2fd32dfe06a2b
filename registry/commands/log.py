"""``opsteps log``: who changed what, and when."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from registry.commands.options import JsonOption, RegistryOption
from registry.history.audit_trail import AuditEntry, read_audit_trail
from registry.names import parse_library_name
from registry.problems import printable_json
from registry.snapshots.registry import Registry
from registry.terminal.tables import Column, show_table

_HERE = Path()
_DAY = len("2026-01-31")
# Libraries that a line names; an import may have changed thousands.
_NAMED = 3
_COLUMNS = (
    Column(key="time", title="when", whole=True),
    Column(key="commit", whole=True, style="dim"),
    Column(key="operation", title="what", whole=True),
    Column(key="actor", title="who"),
    Column(key="attested", title="", styles={"attested": "green", "unattested": "yellow"}),
    Column(key="libraries"),
    Column(key="message", title="about"),
)


def log(
    library: Annotated[
        str | None, typer.Argument(help="A library; everything when left out.")
    ] = None,
    registry: RegistryOption = _HERE,
    actor: Annotated[str | None, typer.Option(help="Only what this one did.")] = None,
    operation: Annotated[
        str | None,
        typer.Option(help="Only this, such as 'release'; 'commit' is what was done by Git alone."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Not before this day or RFC 3339 time (UTC).")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Not after this day or RFC 3339 time (UTC).")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many entries.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show who changed what, when and why: the newest first.

    Who and what count as proven only where the entry is attested: signed by a key of the registry.
    """
    first, last = _moment(since, "--since"), _moment(until, "--until", is_end=True)
    name = parse_library_name(library) if library is not None else None
    from registry.git.gitpython import iter_commits

    with Registry.open(registry, check_clone=False) as opened:
        # Without older commits the answer is wrong; without tags it is not.
        replace(opened.clone_state(), lacks_tags=False).refuse_incomplete(opened.path)
        entries = list(
            read_audit_trail(
                opened,
                limit=limit,
                library=name,
                actor=actor,
                operation=operation,
                since=first,
                until=last,
                walk=iter_commits,
            )
        )
        if name is not None and not entries:
            opened.snapshot().library(name)  # or say that there is none, and which may be meant
    if as_json:
        told = json.dumps([entry_data(entry) for entry in entries], ensure_ascii=False)
        typer.echo(printable_json(told))
    else:
        show_table(_COLUMNS, list(map(_row, entries)))
    if len(entries) == limit and not as_json:
        typer.echo(f"The newest {limit}; there may be more: --limit", err=True)


def entry_data(entry: AuditEntry) -> dict[str, Any]:
    """An entry as JSON has it."""
    return {
        "commit": entry.commit,
        "time": entry.time,
        "operation": entry.operation,
        "actor": entry.actor,
        "request": entry.request,
        "attested": entry.attested,
        "libraries": list(entry.libraries),
        "versions": {name: list(map(str, found)) for name, found in entry.versions.items()},
        "summary": entry.summary,
        "reason": entry.reason,
    }


def _moment(text: str | None, option: str, *, is_end: bool = False) -> datetime | None:
    """A day or a time; the end of a day is its last second."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        if is_end and len(text) <= _DAY:
            moment += timedelta(days=1, seconds=-1)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            f"{text[:40]!r} is not a time: write 2026-01-31 or 2026-01-31T12:00:00Z",
            param_hint=option,
        ) from error


def _row(entry: AuditEntry) -> tuple[str, ...]:
    return (
        entry.time,
        entry.commit[:12],
        entry.operation,
        entry.actor,
        "attested" if entry.attested else "unattested",
        ", ".join(_named(entry.libraries)),
        f"{entry.summary} ({entry.reason})" if entry.reason else entry.summary,
    )


def _named(libraries: Sequence[str]) -> Iterator[str]:
    yield from libraries[:_NAMED]
    if len(libraries) > _NAMED:
        yield f"and {len(libraries) - _NAMED} more"
