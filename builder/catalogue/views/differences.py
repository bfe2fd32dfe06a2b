"""The changes from each release to the next, as HTML: the chain that makes any difference.

All pairs of a hundred releases would be five thousand pages. The way from one to the next is
ninety-nine sections; a script shows any two ends (`builder.catalogue.data.comparisons`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from markupsafe import Markup

from builder.catalogue.facts.library_facts import Succession
from builder.catalogue.theme.json_html import short_json
from builder.catalogue.theme.theme import Theme
from builder.diff import Bump, InterfaceChange
from registry.formats.model import JsonValue
from registry.names import CORE, LibraryName

_SHOWN_CHANGES = 100
_VALUE_CHARACTERS = 160
_GROUPS = (
    (Bump.MAJOR, "Breaks callers", "badge-bad"),
    (Bump.MINOR, "Adds", "badge-info"),
    (Bump.PATCH, "Changes nothing for callers", "badge-good"),
)
BUMP_WORDS = {
    Bump.MAJOR: ("major", "badge-bad"),
    Bump.MINOR: ("minor", "badge-info"),
    Bump.PATCH: ("patch", "badge-good"),
    Bump.NONE: ("same interface", ""),
}
"""The name of a difference, and the class of its badge."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseDifference:
    """From one release to the next greater one that has a page."""

    old: str
    new: str
    bump: Bump
    html: Markup
    """The changes, for a page as deep as a release's."""


ChangeRow = tuple[str, str, str, str | None, str | None]
"""Step, pointer, message, value before and after; None where there was, or is, none."""


def chain_of(
    name: LibraryName, successions: Iterable[Succession], theme: Theme, root: str
) -> dict[str, ReleaseDifference]:
    """By its newer version, the difference of each release to the one below."""
    return {
        one.new: ReleaseDifference(
            old=one.old,
            new=one.new,
            bump=one.diff.bump,
            html=difference_html(name, one, theme, root),
        )
        for one in successions
    }


def difference_html(name: LibraryName, one: Succession, theme: Theme, root: str) -> Markup:
    """The changes from one release to another, for a page as deep as ``root`` says."""
    shown = one.diff.changes[:_SHOWN_CHANGES]
    groups = [
        (title, badge, bump.word, [change_row(change) for change in shown if change.bump is bump])
        for bump, title, badge in _GROUPS
    ]
    text = theme.fragment(
        "difference.html",
        root,
        {
            "groups": [group for group in groups if group[3]],
            "left_out": len(one.diff.changes) - len(shown),
            "command": f"opsteps diff {name} {one.old} {one.new}" if name != CORE else "",
        },
    )
    return Markup(text)  # noqa: S704 - a template's


def change_row(change: InterfaceChange) -> ChangeRow:
    """A change as a page shows it."""
    return (
        change.step or "",
        change.pointer if change.step else change.pointer or "manifest.json",
        change.message,
        shown_value(change.before),
        shown_value(change.after),
    )


def shown_value(value: JsonValue | msgspec.UnsetType) -> str | None:
    """A value before or after, cut where it is long; None where there was none."""
    return None if value is msgspec.UNSET else short_json(value, _VALUE_CHARACTERS)
