"""Comparisons as Markdown, for the summary of a pull request.

What strangers wrote (values, pointers, a source's path) is shown only as code, which is neither
markup nor a mention of somebody there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from builder.diff.as_text import conclusion, shown_change
from builder.diff.model import InterfaceChange
from builder.diff.which_releases import ComparedReleases
from registry.formats.model import JsonValue
from registry.problems import printable

# More rows than this are counted, not shown: a summary has a greatest size.
_MOST_ROWS = 200


def comparisons_markdown(comparisons: Iterable[ComparedReleases]) -> str:
    """All comparisons, one section each."""
    sections = ["\n".join(_section(comparison)) for comparison in comparisons]
    return "\n\n".join(sections or ["There is nothing to compare."]) + "\n"


def _section(comparison: ComparedReleases) -> Iterator[str]:
    old = f"{comparison.old} → " if comparison.old is not None else ""
    source = f" ({code(comparison.source)})" if comparison.source else ""
    yield f"### {code(comparison.library)} {old}{comparison.new}{source}"
    yield ""
    mark = "✅" if comparison.ok else "❌"
    yield f"{mark} {conclusion(comparison)}"
    changes = comparison.diff.changes if comparison.diff is not None else ()
    if changes:
        yield ""
        yield "| demands | where | what | before | after |"
        yield "| --- | --- | --- | --- | --- |"
    yield from map(_row, changes[:_MOST_ROWS])
    if len(changes) > _MOST_ROWS:
        yield ""
        yield f"… and {len(changes) - _MOST_ROWS} more"


def _row(change: InterfaceChange) -> str:
    where = " ".join(code(part) for part in (change.step, change.pointer) if part)
    cells = (change.bump.word, where, change.message, _value(change.before), _value(change.after))
    return f"| {' | '.join(cells)} |"


def _value(value: JsonValue | msgspec.UnsetType) -> str:
    return "" if value is msgspec.UNSET else code(shown_change(value))


def code(text: str) -> str:
    """Any text as inline code that a cell of a table can hold."""
    plain = printable(text).replace("|", "\\|")
    fence = "`" * (max(map(len, re.findall("`+", plain)), default=0) + 1)
    padded = f" {plain} " if plain.startswith("`") or plain.endswith("`") else plain
    return f"{fence}{padded}{fence}"


def table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """A table; its cells are our own words and numbers."""
    lines = [head, ("---", *("---:" for _ in head[1:])), *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)
