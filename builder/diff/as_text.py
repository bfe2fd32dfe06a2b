"""A comparison as text for a terminal, and as plain data for JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from builder.diff.model import Bump, InterfaceChange
from builder.diff.which_releases import ComparedReleases
from registry.formats.model import JsonValue
from registry.problems import printable

# A default may be a whole script; in a line its beginning tells which one it is.
_SHOWN_CHARACTERS = 80

Line = tuple[str, str]
"""The style of a line, as Rich names styles, and its text."""

STYLES = {Bump.MAJOR: "red", Bump.MINOR: "yellow", Bump.PATCH: "green", Bump.NONE: ""}


def heading(comparison: ComparedReleases) -> str:
    """``library OLD → NEW``, with where the new one was read from."""
    old = f"{comparison.old} → " if comparison.old is not None else ""
    source = f" ({comparison.source})" if comparison.source else ""
    return f"{comparison.library} {old}{comparison.new}{source}"


def conclusion(comparison: ComparedReleases) -> str:
    """Return the result of the comparison, in one sentence."""
    if comparison.diff is None:
        return "there is no lower stable release to compare it with"
    if comparison.verdict is not None:
        return comparison.verdict.reason
    bump = comparison.diff.bump
    return "the interface is the same" if bump is Bump.NONE else f"this is a {bump.word} change"


def comparison_lines(comparison: ComparedReleases) -> Iterator[Line]:
    """A comparison for people: heading, changes, conclusion."""
    yield "bold", printable(heading(comparison))
    for change in comparison.diff.changes if comparison.diff is not None else ():
        yield STYLES[change.bump], f"  {change.bump.word:5}  {change_text(change)}"
    style = "red" if not comparison.ok else "green" if comparison.verdict is not None else ""
    yield style, f"  {conclusion(comparison)}"


def change_text(change: InterfaceChange) -> str:
    """One change in one line: where, what, and the values."""
    where = f"{change.step or ''} {change.pointer}".strip() or "manifest.json"
    values = [
        f"{word} {shown_change(value)}"
        for word, value in (("was", change.before), ("is", change.after))
        if value is not msgspec.UNSET
    ]
    ending = f" ({', '.join(values)})" if values else ""
    return printable(f"{where}: {change.message}{ending}")


def shown_change(value: JsonValue) -> str:
    """A value as JSON in one line, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def comparison_data(comparison: ComparedReleases) -> dict[str, Any]:
    """A comparison as plain data. A first release has null for ``old``, ``bump`` and ``least``."""
    diff, verdict = comparison.diff, comparison.verdict
    return {
        "library": comparison.library,
        "old": str(comparison.old) if comparison.old is not None else None,
        "new": str(comparison.new),
        "source": comparison.source or None,
        "bump": diff.bump.word if diff is not None else None,
        "least": str(verdict.least) if verdict is not None else None,
        "ok": comparison.ok,
        "reason": conclusion(comparison),
        "changes": [_change_data(change) for change in diff.changes] if diff is not None else [],
    }


def _change_data(change: InterfaceChange) -> dict[str, Any]:
    values = {"before": change.before, "after": change.after}
    return {
        "bump": change.bump.word,
        "kind": change.kind.value,
        "step": change.step,
        "pointer": change.pointer,
        "message": change.message,
        **{key: value for key, value in values.items() if value is not msgspec.UNSET},
    }
