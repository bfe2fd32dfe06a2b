"""Compare the output of a step: never more than before, and nothing less in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from builder.diff.json_values import same_json
from builder.diff.model import ChangeKind, InterfaceChange
from builder.diff.schema_subset import children, gaps, refers, without_texts
from registry.formats.json_text import escape_pointer
from registry.formats.model import JsonValue
from registry.names import StepName

# A release that was checked is not nested deeper than this.
_DEEPEST = 64
_MESSAGES = {
    ChangeKind.OUTPUT_REMOVED: "an output was removed",
    ChangeKind.OUTPUT_ADDED: "an output was added",
    ChangeKind.OUTPUT_WIDENED: "its output may be more than before",
    ChangeKind.OUTPUT_NARROWED: "its output promises more than before",
    ChangeKind.OUTPUT_INCOMPARABLE: "its output changed and cannot be compared: treated as major",
}


def returns_changes(
    step: StepName, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[InterfaceChange]:
    """The changes between two schemas of an output."""
    if same_json(old, new):
        return
    if _is_too_deep(old) or _is_too_deep(new):
        yield _change(ChangeKind.OUTPUT_INCOMPARABLE, step, "", msgspec.UNSET, msgspec.UNSET)
        return
    before, after = without_texts(old), without_texts(new)
    breaks = list(_meaning_changes(step, before, after))
    if breaks:
        yield from breaks
        return
    same = same_json(before, after)
    what = "the words about its output changed" if same else "its output is said in other words"
    yield InterfaceChange(kind=ChangeKind.TEXT_CHANGED, step=step, pointer="/returns", message=what)


def _is_too_deep(schema: JsonValue) -> bool:
    level = [schema]
    for _ in range(_DEEPEST):
        inside = (v for item in level for v in (item.values() if isinstance(item, dict) else item))
        level = [value for value in inside if isinstance(value, dict | list)]
        if not level:
            return False
    return True


def _meaning_changes(step: StepName, old: JsonValue, new: JsonValue) -> Iterator[InterfaceChange]:
    if same_json(old, new):
        return
    nothing_yet = True
    removed: list[str] = []
    for kind, pointer, before, after in _outputs(old, new, ""):
        nothing_yet = False
        removed.extend([pointer] if kind is ChangeKind.OUTPUT_REMOVED else [])
        yield _change(kind, step, pointer, before, after)
    for gap in gaps(old, new):
        nothing_yet = False
        if not _is_told(gap.pointer, removed):
            kind = ChangeKind.OUTPUT_WIDENED if gap.certain else ChangeKind.OUTPUT_INCOMPARABLE
            yield _change(kind, step, gap.pointer, gap.wide, gap.narrow)
    for gap in gaps(new, old) if nothing_yet else ():
        yield _change(ChangeKind.OUTPUT_NARROWED, step, gap.pointer, gap.narrow, gap.wide)


def _is_told(pointer: str, removed: list[str]) -> bool:
    """True if it is at, in or around an output of which it is said already that it is gone."""
    here = f"{pointer}/"
    return any(f"{gone}/".startswith(here) or here.startswith(f"{gone}/") for gone in removed)


def _outputs(
    old: JsonValue, new: JsonValue, pointer: str
) -> Iterator[tuple[ChangeKind, str, JsonValue, JsonValue]]:
    """Outputs that are named in one of the two only: kind, pointer, before, after."""
    if refers(old) or refers(new):
        return
    before, after = _named(old), _named(new)
    for name, part in before.items():
        place = f"{pointer}/properties/{escape_pointer(name)}"
        if name not in after:
            yield ChangeKind.OUTPUT_REMOVED, place, part, msgspec.UNSET
        else:
            yield from _outputs(part, after[name], place)
    for name, part in after.items():
        if name not in before:
            place = f"{pointer}/properties/{escape_pointer(name)}"
            yield ChangeKind.OUTPUT_ADDED, place, msgspec.UNSET, part
    if isinstance(old, Mapping) and isinstance(new, Mapping) and "items" in old and "items" in new:
        yield from _outputs(old["items"], new["items"], f"{pointer}/items")


def _named(schema: JsonValue) -> dict[str, JsonValue]:
    """The properties that a schema names, by itself or in a combination such as ``allOf``."""
    named: dict[str, JsonValue] = {}
    for keyword, name, part in children(schema):
        if keyword == "properties":
            named[name] = part
        elif keyword in {"allOf", "anyOf", "oneOf"}:
            named = {**_named(part), **named}
    return named


def _change(
    kind: ChangeKind, step: StepName, pointer: str, before: JsonValue, after: JsonValue
) -> InterfaceChange:
    return InterfaceChange(
        kind=kind,
        step=step,
        pointer=f"/returns{pointer}",
        message=_MESSAGES[kind],
        before=before,
        after=after,
    )
