"""The output of `bundle` and `import bundle`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from builder.bundling.import_bundle import ImportedBundle
from builder.bundling.make_bundle import MadeBundle
from registry.formats.timestamps import format_time
from registry.problems import printable
from registry.signing.statements import HeadStatement

_KILO = 1000


def made_json(made: MadeBundle, file: Path, statement: HeadStatement | None) -> dict[str, Any]:
    """For scripts."""
    return {
        "file": str(file),
        "bytes": made.size,
        "head": made.head,
        "since": made.since,
        "tags": made.tags,
        "is_signed": made.is_signed,
        "statement": _statement_json(statement),
    }


def made_text(made: MadeBundle, file: Path, statement: HeadStatement | None) -> list[str]:
    """For people."""
    since = f", since {made.since[:12]}" if made.since is not None else ""
    lines = [
        f"Packed the registry at {made.head[:12]}{since}",
        f"  file   {printable(str(file))} ({readable_size(made.size)})",
        f"  tags   {made.tags:,}",
    ]
    if statement is not None:
        lines.append(f"  signed statement {statement.sequence} of {format_time(statement.time)}")
    return lines


def imported_json(done: ImportedBundle, directory: Path) -> dict[str, Any]:
    """For scripts."""
    return {
        "directory": str(directory),
        "head": done.head,
        "before": done.before,
        "new_tags": done.new_tags,
        "ignored_refs": done.ignored_refs,
        "statement": _statement_json(done.trusted.statement),
        "notes": list(done.trusted.notes),
        "kept": list(done.kept),
    }


def imported_text(done: ImportedBundle, directory: Path) -> list[str]:
    """For people."""
    where = printable(str(directory))
    if done.before == done.head:
        lines = [f"{where} was at {done.head[:12]} already"]
    elif done.before is None:
        lines = [f"Made the registry {where} at {done.head[:12]}"]
    else:
        lines = [f"Brought {where} from {done.before[:12]} to {done.head[:12]}"]
    lines.append(f"  tags   {done.new_tags:,} new")
    statement = done.trusted.statement
    if statement is not None:
        lines.append(f"  signed statement {statement.sequence} of {format_time(statement.time)}")
    return lines


def import_warnings(done: ImportedBundle) -> list[str]:
    """Return warnings that a person should know of besides."""
    lines = [f"not checkable: {note}" for note in done.trusted.notes]
    if done.ignored_refs:
        lines.append(
            f"{done.ignored_refs} refs of the bundle do not belong to a registry and were not taken"
        )
    lines += [f"{path}: left as it is, because it was edited" for path in done.kept]
    return [printable(line) for line in lines]


def readable_size(size: int) -> str:
    """``1.2 MB``."""
    amount, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB"):
        if amount < _KILO:
            break
        amount, unit = amount / _KILO, larger
    return f"{size} bytes" if unit == "bytes" else f"{amount:.1f} {unit}"


def _statement_json(statement: HeadStatement | None) -> dict[str, Any] | None:
    if statement is None:
        return None
    return {
        "head": statement.head,
        "sequence": statement.sequence,
        "time": format_time(statement.time),
    }
