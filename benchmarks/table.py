"""The table of all rows: on a terminal, as Markdown, as JSON, and in ``docs/performance.md``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.errors import BenchmarkError
from benchmarks.rows import Promise, Row, shown

BEGIN = "<!-- benchmarks: begin -->"
END = "<!-- benchmarks: end -->"
NOT_MEASURED = "not yet measured"
_HEAD = ("what", "reach", "measured", "peer", "ratio", "holds")
_DAY = "day"


def cells(promise: Promise, row: Row | None) -> tuple[str, ...]:
    """One row of the table as texts; without a row, what is promised and not yet measured."""
    if row is None:
        return (promise.what, promise.reach, NOT_MEASURED, "", "", "")
    return (
        promise.what,
        promise.reach,
        shown(row.figure, row.unit),
        shown(row.peer_figure, row.unit),
        shown(row.ratio, "×"),
        "yes" if row.holds else "**no**",
    )


def markdown(
    promises: Sequence[Promise],
    rows: Mapping[str, Row],
    machine: str,
    *,
    day: str,
    before: str = "",
) -> str:
    """The table with the machine above it and the notes below it.

    Rows that were not measured now, and their notes, stay as they are in the table ``before``,
    each with its own day; one whose promise is another by now does not.
    """
    known, known_notes = _rows_in(before), _notes_in(before)
    lines = [f"Measured on: {machine}" if rows else f"Measured on: {NOT_MEASURED}", ""]
    lines += [f"| {' | '.join((*_HEAD, _DAY))} |", f"|{' --- |' * (len(_HEAD) + 1)}"]
    notes = []
    for one in promises:
        row, kept = rows.get(one.key), known.get((one.what, one.reach))
        if row is None and kept is not None:
            lines.append(kept)
            notes += [known_notes[one.key]] if one.key in known_notes else []
            continue
        lines.append(f"| {' | '.join((*cells(one, row), day if row else ''))} |")
        notes += [f"- {one.key}: {row.notes}"] if row and row.notes else []
    if notes:
        lines += ["", *notes]
    return "\n".join(lines) + "\n"


def _rows_in(table: str) -> dict[tuple[str, str], str]:
    """The lines of a table by what they promise; one that tells no day or figure is left out."""
    found = {}
    for line in table.splitlines():
        texts = [text.strip() for text in line.strip("|").split(" | ")]
        if len(texts) == len(_HEAD) + 1 and texts[2] != NOT_MEASURED:
            found[texts[0], texts[1]] = line
    return found


def _notes_in(table: str) -> dict[str, str]:
    lines = [line for line in table.splitlines() if line.startswith("- ")]
    return {line[2:].partition(": ")[0]: line for line in lines}


def table_in(page: str) -> str:
    """Return what stands between the markers of a page; empty without them."""
    return page.partition(BEGIN)[2].partition(END)[0]


def as_json(rows: Mapping[str, Row], failed: Mapping[str, str], machine: str) -> str:
    """Everything that was measured, for programs; ``failed`` are benchmarks that did not run."""
    measured = [
        {
            "key": row.promise.key,
            "what": row.promise.what,
            "reach": row.promise.reach,
            "unit": row.unit,
            "figure": list(row.figure.runs),
            "peer": list(row.peer_figure.runs) if row.peer_figure else None,
            "ratio": list(row.ratio.runs) if row.ratio else None,
            "decisive": row.decisive,
            "holds": row.holds,
            "notes": row.notes,
        }
        for row in rows.values()
    ]
    return json.dumps({"machine": machine, "rows": measured, "failed": dict(failed)}, indent=2)


def show(console: Console, rows: Mapping[str, Row], machine: str) -> None:
    """Print the table for people."""
    table = Table(title=machine, show_lines=True, title_justify="left")
    for name in _HEAD:
        table.add_column(name, overflow="fold")
    for row in rows.values():
        style = None if row.holds else "red"
        table.add_row(*cells(row.promise, row), style=style)
    console.print(table)
    for row in rows.values():
        if row.notes:
            console.print(f"[bold]{row.promise.key}[/]: {row.notes}", highlight=False)


def write_docs(page: Path, table: str) -> bool:
    """Put the table between the page's markers; True when the page changed."""
    text = page.read_text(encoding="utf-8")
    head, found, rest = text.partition(BEGIN)
    _, found_end, tail = rest.partition(END)
    if not found or not found_end:
        raise BenchmarkError(f"{page.name} has no markers", next_step=f"Add {BEGIN} and {END}")
    new = f"{head}{BEGIN}\n{table}{END}{tail}"
    if new == text:
        return False
    page.write_text(new, encoding="utf-8")
    return True
