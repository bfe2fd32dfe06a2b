"""Save the sound parts of a file that breaks its schema, to check their meaning in the same round.

What comes out of here is only looked at; nothing is ever served or released from it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from registry.formats.json_text import unescape_pointer
from registry.formats.model import Manifest, Step
from registry.problems import Problem

Model = TypeVar("Model")
# Rules that a value can break and still be read.
_HARMLESS = frozenset({"schema-additionalProperties", "schema-uniqueItems", "schema-maxItems"})
# A parameter that takes any value: nothing more is said of what it is used for.
_ANY_PARAMETER: Mapping[str, Any] = {"type": "select"}
_ANY_EXAMPLE: Mapping[str, Any] = {"name": "-"}
_ANY_DEPENDENCY = "core"


def unsound_pointers(problems: Iterable[Problem]) -> list[list[str]]:
    """Return the places of values that no model can hold, as the parts of JSON pointers."""
    return [
        [unescape_pointer(part) for part in problem.pointer.split("/")[1:]]
        for problem in problems
        if problem.rule.startswith("schema-") and problem.rule not in _HARMLESS
    ]


def salvaged_step(read: object, problems: Iterable[Problem]) -> tuple[Step | None, frozenset[str]]:
    """A step without what is wrong in it, and the parts of it that are not to be judged.

    The parts are ``parameters/<name>`` and ``examples/<index>``; None where nothing is left.
    """
    if not isinstance(read, dict):
        return None, frozenset()
    fields: dict[str, Any] = copy.deepcopy(read)
    unsound: set[str] = set()
    for parts in unsound_pointers(problems):
        match parts:
            case ["parameters", name, *inner]:
                if not _without_detail(fields, name, inner):
                    _put(fields.get("parameters"), name, _ANY_PARAMETER)
                    unsound.add(f"parameters/{name}")
            case ["examples", index, *_]:
                _put(fields.get("examples"), index, _ANY_EXAMPLE)
                unsound.add(f"examples/{index}")
            case ["permissions", group, *inner]:
                _without_permission(fields, group, inner)
            case [top, *_]:
                fields.pop(top, None)
    return _converted({"name": "step", **fields}, Step), frozenset(unsound)


def salvaged_manifest(
    read: object, problems: Iterable[Problem], steps: Iterable[str]
) -> Manifest | None:
    """A manifest without what is wrong in it, with these files as its steps."""
    if not isinstance(read, dict):
        return None
    fields: dict[str, Any] = copy.deepcopy(read)
    for parts in unsound_pointers(problems):
        if parts[:1] == ["dependencies"] and parts[1:]:
            _put(fields.get("dependencies"), parts[1], _ANY_DEPENDENCY)
        elif parts:
            fields.pop(parts[0], None)
    fields["steps"] = [{"file": file} for file in steps]
    return _converted({"name": "library", "version": "0.0.0", **fields}, Manifest)


def _without_detail(fields: dict[str, Any], name: str, inner: list[str]) -> bool:
    """Take a detail out of a parameter; False when the parameter means nothing without it."""
    match inner:
        case ["validation", keyword]:
            holder = fields["parameters"][name].get("validation")
        case [keyword] if keyword not in {"type", "options", "validation"}:
            holder = fields["parameters"][name]
        case _:
            return False
    if isinstance(holder, dict):
        holder.pop(keyword, None)
    return True


def _without_permission(fields: dict[str, Any], group: str, inner: list[str]) -> None:
    holder: Any = fields.get("permissions")
    for part in [group, *inner][:-1]:
        holder = holder.get(part) if isinstance(holder, dict) else None
    last = inner[-1] if inner else group
    if isinstance(holder, dict):
        holder.pop(last, None)
    else:
        _put(holder, last, "")


def _put(holder: object, key: str, value: object) -> None:
    """Put a value into an object, or into a list that has this index."""
    if isinstance(holder, dict):
        holder[key] = value
    elif isinstance(holder, list) and key.isdecimal() and int(key) < len(holder):
        holder[int(key)] = value


def _converted(fields: dict[str, Any], model: type[Model]) -> Model | None:
    try:
        return msgspec.convert(fields, type=model, strict=False)
    except msgspec.ValidationError:
        return None
