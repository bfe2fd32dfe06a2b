"""A fault that a schema finds, as a sentence: what is wrong, and what to write instead."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from registry.names import (
    LIBRARY_NAME_PATTERN,
    STEP_NAME_PATTERN,
    library_name_hint,
    step_name_hint,
)
from registry.versions import VERSION_PATTERN, version_hint
from registry.words.spelling import listed, nearest

_QUOTED_CHARACTERS = 80
_TYPES: Mapping[str, str] = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}
# By the text of the pattern, as Python's engine reads it.
_NAMES: Mapping[str, tuple[str, Callable[[str], str]]] = {
    pattern.replace("$", r"\Z"): (what, hint)
    for pattern, what, hint in (
        (LIBRARY_NAME_PATTERN, "a library name", library_name_hint),
        (STEP_NAME_PATTERN, "a step name", step_name_hint),
        (VERSION_PATTERN, "a version", version_hint),
    )
}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?\Z", re.ASCII)
_SHORT_COLOUR = re.compile(r"#?([0-9a-fA-F])([0-9a-fA-F])([0-9a-fA-F])\Z", re.ASCII)
_BARE_COLOUR = re.compile(r"[0-9a-fA-F]{6}\Z", re.ASCII)
_COLOURS: Mapping[str, str] = {
    "black": "#000000",
    "blue": "#0000ff",
    "gray": "#808080",
    "green": "#008000",
    "grey": "#808080",
    "orange": "#ffa500",
    "purple": "#800080",
    "red": "#ff0000",
    "white": "#ffffff",
    "yellow": "#ffff00",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One rule that a value breaks.

    ``value`` is what breaks it: for a field that is unknown, missing or misnamed its name.
    ``limit`` is what the rule says, ``schema`` the part of the schema that it stands in.
    """

    pointer: str
    rule: str
    value: Any
    limit: Any
    schema: Mapping[str, Any]

    @property
    def about(self) -> str:
        """The purpose of the field, as the schema says it."""
        return str(self.schema.get("description", "")).rstrip(".")


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """The words of a problem: what is wrong, and what would be right."""

    message: str
    expected: str


def said(fault: Fault) -> Words:
    """A fault in words."""
    words = _WORDS.get(fault.rule, _other)
    return words(fault)


def _quoted(value: object) -> str:
    """A value as it stands in the file, not longer than a line."""
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        text = repr(value[:_QUOTED_CHARACTERS])
        return text if len(value) <= _QUOTED_CHARACTERS else f"{text} …"
    return text if len(text) <= _QUOTED_CHARACTERS else _kind(value)


def _kind(value: object) -> str:
    """Return the kind of a value, such as *a text*."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
    return "a list" if isinstance(value, list) else "an object"


def _field(fault: Fault) -> str:
    """Name the place of a fault: the last name on the way to it."""
    parts = [part for part in fault.pointer.split("/") if part and not part.isdecimal()]
    return parts[-1].replace("~1", "/").replace("~0", "~")[:_QUOTED_CHARACTERS] if parts else "it"


def _about(hint: str, fault: Fault) -> str:
    return f"{hint}: {fault.about[:1].lower()}{fault.about[1:]}" if fault.about else hint


def _unknown(fault: Fault) -> Words:
    message = f"the field {_quoted(fault.value)} is not known"
    meant = nearest(str(fault.value), fault.limit)
    if meant:
        return Words(message=message, expected=f"did you mean {meant!r}?")
    return Words(message=message, expected=f"use one of {listed(sorted(fault.limit))}")


def _missing(fault: Fault) -> Words:
    properties = fault.schema.get("properties", {})
    about = str(properties.get(fault.value, {}).get("description", "")).rstrip(".")
    hint = f"add it: {about[:1].lower()}{about[1:]}" if about else "add it"
    return Words(message=f"the field {_quoted(fault.value)} is missing", expected=hint)


def _wrong_type(fault: Fault) -> Words:
    kinds = fault.limit if isinstance(fault.limit, list) else [fault.limit]
    wanted = " or ".join(_TYPES.get(str(kind), str(kind)) for kind in kinds if kind != "null")
    kind = _kind(fault.value)
    shown = "" if kind in {"null", "a list", "an object"} else f" ({_quoted(fault.value)})"
    message = f"this is {kind}{shown}, where {wanted} is expected"
    return Words(message=message, expected=_retyped(fault, kinds, wanted))


def _retyped(fault: Fault, kinds: list[Any], wanted: str) -> str:
    value = fault.value
    if not fault.pointer:
        return "write a file that begins with { and ends with }"
    if fault.pointer == "/inputs" and isinstance(value, dict | list):
        return "write what a step takes into 'parameters'; 'inputs' is a number of connections"
    if value is None:
        return f"write {wanted}, or leave the field out"
    mend = _from_text(fault, value, kinds) if isinstance(value, str) else _from_number(fault, kinds)
    return mend or _about(f"write {wanted}", fault)


def _from_text(fault: Fault, value: str, kinds: list[Any]) -> str:
    """Say what to write instead of a text."""
    shown = json.dumps(value[:_QUOTED_CHARACTERS].replace("\\", "/"), ensure_ascii=False)
    if fault.pointer.startswith("/steps/") and "object" in kinds:
        return f'write {{"file": {shown}}}'
    if {"number", "integer"} & set(kinds) and _NUMBER.match(value):
        return f"write {value}, without quotation marks"
    lower = {"yes": "true", "no": "false"}.get(value.lower(), value.lower())
    if "boolean" in kinds and lower in {"true", "false"}:
        return f"write {lower}, without quotation marks"
    return f"write [{shown}]" if "array" in kinds else ""


def _from_number(fault: Fault, kinds: list[Any]) -> str:
    """Say what to write instead of a number, or of true and false."""
    value = fault.value
    if isinstance(value, float) and value.is_integer() and "integer" in kinds:
        return f"write {int(value)}"
    if not isinstance(value, int | float) or "string" not in kinds:
        return ""
    name = _NAMES.get(str(fault.schema.get("pattern", "")))
    return name[1](_quoted(value)) if name is not None else f'write "{_quoted(value)}"'


def _choice(fault: Fault) -> Words:
    choices = [str(choice) for choice in fault.limit]
    message = f"{_quoted(fault.value)} is not one of the values that are allowed here"
    meant = nearest(fault.value, choices) if isinstance(fault.value, str) else ""
    if meant and meant == fault.value.strip().lower():
        return Words(message=message, expected=f"write {meant!r}")
    hint = f"did you mean {meant!r}? " if meant else ""
    return Words(
        message=message, expected=f"{hint}{'Write' if hint else 'write'} one of {listed(choices)}"
    )


def _pattern(fault: Fault) -> Words:
    name = _NAMES.get(str(fault.limit))
    if name is not None:
        what, hint = name
        return Words(message=f"{_quoted(fault.value)} is not {what}", expected=hint(fault.value))
    wanted = str(fault.schema.get("patternErrorMessage", fault.about))
    message = f"{_quoted(fault.value)} cannot be the {_field(fault)}"
    mend = _mended(fault.value, str(fault.limit))
    return Words(message=message, expected=f"write {mend!r}" if mend else f"write {wanted}")


def _mended(value: str, pattern: str) -> str:
    """Return the text that was meant, where only one thing can be meant."""
    candidates = [value.strip(), value.replace("\\", "/").strip().removeprefix("./")]
    if short := _SHORT_COLOUR.match(value):
        candidates.append("#" + "".join(digit * 2 for digit in short.groups()))
    if _BARE_COLOUR.match(value):
        candidates.append(f"#{value}")
    if value.startswith("www."):
        candidates.append(f"https://{value}")
    candidates.append(_COLOURS.get(value.strip().lower(), ""))
    if len(value) > _QUOTED_CHARACTERS:
        return ""
    return next((text for text in candidates if text and re.match(pattern, text)), "")


def _field_name(fault: Fault) -> Words:
    hint = _NAMES[str(fault.limit)][1](fault.value) if str(fault.limit) in _NAMES else ""
    wanted = hint or f"write {fault.schema.get('patternErrorMessage', 'another name')}"
    return Words(message=f"{_quoted(fault.value)} cannot be a name here", expected=wanted)


def _twice(fault: Fault) -> Words:
    seen: list[Any] = []
    again: Any = None
    for item in fault.value:
        if item in seen:
            again = item
            break
        seen.append(item)
    return Words(message=f"{_quoted(again)} is in the list twice", expected="name each once")


def _sized(fault: Fault) -> Words:
    """A text, list or object of a size that is not allowed."""
    most, what = fault.rule.startswith("max"), _SIZED[fault.rule]
    size = len(fault.value)
    message = f"it has {size:,} {what if size != 1 else what.removesuffix('s')}"
    if size == 0:
        message = "it is empty"
    unit = what if fault.limit != 1 else what.removesuffix("s")
    expected = f"write at {'most' if most else 'least'} {fault.limit:,} {unit}"
    return Words(
        message=message, expected=f"{expected}: {fault.about}" if fault.about else expected
    )


_SIZED: Mapping[str, str] = {
    "minLength": "characters",
    "maxLength": "characters",
    "minItems": "elements",
    "maxItems": "elements",
    "minProperties": "fields",
    "maxProperties": "fields",
}


def _outside(fault: Fault) -> Words:
    rule = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "more than"}
    expected = f"write {rule.get(fault.rule, fault.rule)} {fault.limit:,}"
    return Words(
        message=f"{_quoted(fault.value)} is out of range",
        expected=_about(expected, fault),
    )


def _other(fault: Fault) -> Words:
    return Words(
        message=f"{_quoted(fault.value)} breaks the rule {fault.rule}",
        expected=_about("compare it with the schema", fault),
    )


_WORDS: Mapping[str, Callable[[Fault], Words]] = {
    "additionalProperties": _unknown,
    "required": _missing,
    "type": _wrong_type,
    "enum": _choice,
    "pattern": _pattern,
    "propertyNames": _field_name,
    "uniqueItems": _twice,
    "minimum": _outside,
    "maximum": _outside,
    "exclusiveMinimum": _outside,
    **dict.fromkeys(_SIZED, _sized),
}
