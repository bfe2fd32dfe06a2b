"""Strict JSON: no duplicate keys, no NaN, bounded depth, and a place for every value.

`load_json` is fast (the C decoder). Only when something is wrong is the text read again by
`locate`, which finds the line and column of a JSON pointer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]  # in CPython, not in the stubs
from typing import Any

import orjson

_WHITESPACE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[^\s,\]}]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A line and a column, both from 1."""

    line: int
    column: int


class JsonTextError(ValueError):
    """Text that is not strict JSON: what is wrong, and where."""

    def __init__(self, message: str, place: Place, pointer: str = "") -> None:
        """Keep the place apart from the message."""
        super().__init__(message)
        self.message = message
        self.place = place
        self.pointer = pointer


class _DuplicateKeyError(ValueError):
    """Raised inside the decoder; carries the key."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKeyError(key)
            seen.add(key)
    return found


def _refuse_constant(name: str) -> None:
    raise _NotJsonConstantError(name)


class _NotJsonConstantError(ValueError):
    """NaN or an infinity; carries its spelling."""


def place_of(text: str, offset: int) -> Place:
    """The line and column of a character offset."""
    line = text.count("\n", 0, offset) + 1
    return Place(line=line, column=offset - text.rfind("\n", 0, offset))


def load_json(raw: bytes, *, depth: int) -> Any:  # noqa: ANN401 - JSON is any value
    """Decode strict JSON; raises JsonTextError with the place of the first thing wrong.

    ``depth`` is the greatest number of arrays and objects inside each other.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", errors="replace")
        raise JsonTextError("this is not UTF-8", place_of(before, len(before))) from error
    if text.startswith("\ufeff"):
        raise JsonTextError("it begins with a byte order mark", Place(line=1, column=1))
    _check_depth(text, depth)
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
        # Lone surrogates pass the decoder above and cannot be written as UTF-8 afterwards.
        orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise JsonTextError(error.msg, Place(line=error.lineno, column=error.colno)) from error
    except json.JSONDecodeError as error:
        place = Place(line=error.lineno, column=error.colno)
        raise JsonTextError(error.msg, place) from error
    except _DuplicateKeyError as error:
        key = str(error)
        raise JsonTextError(f"the key {key[:80]!r} is there twice", _second(text, key)) from error
    except _NotJsonConstantError as error:
        offset = text.find(str(error))
        raise JsonTextError(f"{error} is not JSON", place_of(text, max(offset, 0))) from error
    except ValueError as error:  # an integer with more digits than Python converts
        raise JsonTextError(str(error)[:200], Place(line=1, column=1)) from error
    return value


def _check_depth(text: str, depth: int) -> None:
    if text.count("[") + text.count("{") <= depth:
        return
    level, position = 0, 0
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{\]}]', text):
        token = match.group()
        position = match.start()
        if token in "[{":
            level += 1
        elif token in "]}":
            level -= 1
        if level > depth:
            raise JsonTextError(
                f"arrays and objects are nested deeper than {depth}", place_of(text, position)
            )


def _second(text: str, key: str) -> Place:
    encoded = re.escape(json.dumps(key, ensure_ascii=False))
    found = [match.start() for match in re.finditer(encoded + r"\s*:", text)]
    return place_of(text, found[1] if len(found) > 1 else 0)


def locate(text: str) -> Mapping[str, Place]:
    """JSON pointer → place, for every value of a text that `load_json` accepted."""
    places: dict[str, Place] = {}
    lines = _LineIndex(text)
    _walk(text, _skip(text, 0), "", places, lines)
    return places


class _LineIndex:
    """Offsets that only grow are turned into places without counting from the start."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._offset = 0
        self._line = 1

    def place(self, offset: int) -> Place:
        self._line += self._text.count("\n", self._offset, offset)
        self._offset = offset
        return Place(line=self._line, column=offset - self._text.rfind("\n", 0, offset))


def _skip(text: str, position: int) -> int:
    match = _WHITESPACE.match(text, position)
    return match.end() if match else position


def _walk(
    text: str, position: int, pointer: str, places: dict[str, Place], lines: _LineIndex
) -> int:
    """Record the value at ``position`` and everything in it; return the offset after it."""
    places[pointer] = lines.place(position)
    opening = text[position]
    if opening == '"':
        return int(scanstring(text, position + 1, True)[1])  # noqa: FBT003 - its only form
    if opening not in "[{":
        match = _SCALAR.match(text, position)
        return match.end() if match else position + 1
    position, index = _skip(text, position + 1), 0
    while text[position] not in "]}":
        key = str(index)
        if opening == "{":
            key, position = scanstring(text, position + 1, True)  # noqa: FBT003 - its only form
            position = _skip(text, _skip(text, position) + 1)
        escaped = key.replace("~", "~0").replace("/", "~1")
        position = _skip(text, _walk(text, position, f"{pointer}/{escaped}", places, lines))
        if text[position] == ",":
            position = _skip(text, position + 1)
        index += 1
    return position + 1
