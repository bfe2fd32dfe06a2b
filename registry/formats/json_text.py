"""Strict JSON: no duplicate keys, no NaN, bounded depth, and a place for every value.

`load_json` is fast (the C decoder). Only when something is wrong is the text read again by
`locate`, which finds the line and column of a JSON pointer.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]  # in CPython, not in the stubs
from typing import Any

import orjson

_WHITESPACE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[^\s,\]}]+")
# Possessive, so that an unterminated string costs one pass and not one a quotation mark.
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{\]}]', re.DOTALL)
_CONSTANTS = frozenset({"NaN", "Infinity", "-Infinity"})
_INTEGER = re.compile(r"-?[0-9]+\Z")
# What JSON readers of other languages hold at most; msgspec and orjson write no more either.
_LEAST, _MOST = -(2**63), 2**64 - 1
_INTEGER_CHARACTERS = 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SAVE_AS = "save it as UTF-8"
_KEEP_ONE = "keep one of them"
_RIGHT_NUMBER = "a number of at most 64 bits, a text, or null"


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A line and a column, both from 1."""

    line: int
    column: int


class JsonTextError(ValueError):
    """Text that is not strict JSON: what is wrong, and where."""

    def __init__(
        self, message: str, place: Position, pointer: str = "", expected: str = ""
    ) -> None:
        """Keep the place, and what would be right, apart from the message."""
        super().__init__(message)
        self.message = message
        self.place = place
        self.pointer = pointer
        self.expected = expected


class _FaultError(ValueError):
    """Raised inside the decoder for what JSON proper does not allow, before its place is known."""


def is_portable(number: int) -> bool:
    """True if every JSON reader holds this integer: it fits into 64 bits."""
    return _LEAST <= number <= _MOST


def escape_pointer(part: str) -> str:
    """One part of a JSON pointer (RFC 6901).

    >>> escape_pointer("a/b~c")
    'a~1b~0c'
    """
    return part.replace("~", "~0").replace("/", "~1")


def unescape_pointer(part: str) -> str:
    """The name that one part of a JSON pointer stands for."""
    return part.replace("~1", "/").replace("~0", "~")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _FaultError("a key is there twice")
    return found


def _refuse_constant(name: str) -> None:
    raise _FaultError(f"{name} is not JSON")


def _integer(text: str) -> int:
    wrong = _wrong_scalar(text)
    if wrong:
        raise _FaultError(wrong)
    return int(text)


def _wrong_scalar(text: str) -> str:
    if text in _CONSTANTS:
        return f"{text} is not JSON"
    too_long = len(text) > _INTEGER_CHARACTERS and _INTEGER.match(text) is not None
    if too_long or (_INTEGER.match(text) and not is_portable(int(text))):
        return "the integer does not fit into 64 bits"
    return ""


def place_of(text: str, offset: int) -> Position:
    """The line and column of a character offset."""
    line = text.count("\n", 0, offset) + 1
    return Position(line=line, column=offset - text.rfind("\n", 0, offset))


def decode_utf8(raw: bytes) -> str:
    """The text, without a byte order mark at its beginning.

    Raises JsonTextError with the place of the first byte that is not UTF-8.
    """
    if raw.startswith(_UTF16) or b"\0" in raw[:2]:
        start = Position(line=1, column=1)
        raise JsonTextError("this is UTF-16, not UTF-8", start, expected=_SAVE_AS)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", errors="replace")
        place = place_of(before, len(before))
        raise JsonTextError("this is not UTF-8", place, expected=_SAVE_AS) from error


def load_json(raw: bytes, *, depth: int) -> Any:
    """Decode strict JSON; raises JsonTextError with the place of the first thing wrong.

    ``depth`` is the greatest number of arrays and objects inside each other.
    """
    text = decode_utf8(raw)
    check_depth(text, depth)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_integer,
        )
        # Lone surrogates and numbers that become infinite pass the decoder above.
        orjson.loads(text.encode("utf-8", "surrogatepass"))
    except json.JSONDecodeError as error:
        place = Position(line=error.lineno, column=error.colno)
        raise JsonTextError(error.msg, place) from error
    except _FaultError as error:
        raise _located(text, str(error)) from error
    except RecursionError as error:
        raise JsonTextError("it is nested too deep", Position(line=1, column=1)) from error
    return value


def check_depth(text: str, depth: int) -> None:
    """Raise JsonTextError for a text with more brackets inside each other than are allowed."""
    if text.count("[") + text.count("{") <= depth:
        return
    level = 0
    for match in _BRACKET.finditer(text):
        bracket = match.group()
        if bracket in "[{":
            level += 1
        elif bracket in "]}":
            level -= 1
        if level > depth:
            raise JsonTextError(
                f"arrays and objects are nested deeper than {depth}",
                place_of(text, match.start()),
            )


def _located(text: str, message: str) -> JsonTextError:
    """The first fault of a text that is JSON up to it and a little further."""
    try:
        locate(text)
    except JsonTextError as error:
        return error
    except (IndexError, ValueError, RecursionError):
        pass
    return JsonTextError(message, Position(line=1, column=1))


def brackets(text: str) -> list[tuple[int, str]]:
    """The brackets that a text opens and does not close, with their offsets."""
    opened: list[tuple[int, str]] = []
    for match in _BRACKET.finditer(text):
        bracket = match.group()
        if bracket in "[{":
            opened.append((match.start(), bracket))
        elif bracket in "]}" and opened:
            opened.pop()
    return opened


def locate(text: str, faults: list[JsonTextError] | None = None) -> Mapping[str, Position]:
    """JSON pointer → place, for every value of a text that `load_json` accepted.

    In another text it raises JsonTextError at the first duplicate key or number that is not JSON,
    or puts all of them into ``faults``.
    """
    walk = _Walk(text, faults)
    walk.value(_skip(text, 1 if text.startswith("\ufeff") else 0), "")
    return walk.places


def places_in(raw: bytes, *, depth: int) -> Mapping[str, Position]:
    """Line and column of every value of a JSON file; none in one that cannot be read."""
    try:
        load_json(raw, depth=depth)
        return locate(raw.decode())
    except JsonTextError:
        return {}


def nearest_place(places: Mapping[str, Position], pointer: str) -> Position | None:
    """The place of a value, else that of the nearest value around it."""
    while pointer and pointer not in places:
        pointer = pointer.rpartition("/")[0]
    return places.get(pointer)


class _LineIndex:
    """Offsets that only grow are turned into places without counting from the start."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._offset = 0
        self._line = 1
        self._line_start = 0

    def place(self, offset: int) -> Position:
        ends = self._text.count("\n", self._offset, offset)
        if ends:
            self._line += ends
            self._line_start = self._text.rfind("\n", self._offset, offset) + 1
        self._offset = offset
        return Position(line=self._line, column=offset - self._line_start + 1)


def _skip(text: str, position: int) -> int:
    match = _WHITESPACE.match(text, position)
    return match.end() if match else position


class _Walk:
    """A way through a text that records where each value is."""

    def __init__(self, text: str, faults: list[JsonTextError] | None) -> None:
        self.places: dict[str, Position] = {}
        self._text = text
        self._lines = _LineIndex(text)
        self._faults = faults

    def value(self, position: int, pointer: str) -> int:
        """Record the value at ``position`` and everything in it; return the offset after it."""
        text = self._text
        place = self.places[pointer] = self._lines.place(position)
        opening = text[position]
        if opening == '"':
            return int(scanstring(text, position + 1, True)[1])  # noqa: FBT003 - its only form
        if opening not in "[{":
            return self._scalar(position, pointer, place)
        position, index = _skip(text, position + 1), 0
        seen: set[str] = set()
        while text[position] not in "]}":
            key, at = str(index), place
            if opening == "{":
                at = self._lines.place(position)
                key, position = scanstring(text, position + 1, True)  # noqa: FBT003 - as above
                position = _skip(text, _skip(text, position) + 1)
            inner = f"{pointer}/{escape_pointer(key)}"
            if key in seen:
                message = f"the key {key[:80]!r} is there twice"
                self._wrong(JsonTextError(message, at, inner, _KEEP_ONE))
            seen.add(key)
            position = _skip(text, self.value(position, inner))
            if text[position] == ",":
                position = _skip(text, position + 1)
            index += 1
        return position + 1

    def _scalar(self, position: int, pointer: str, place: Position) -> int:
        match = _SCALAR.match(self._text, position)
        if match is None:
            return position + 1
        wrong = _wrong_scalar(match.group())
        if wrong:
            self._wrong(JsonTextError(wrong, place, pointer, _RIGHT_NUMBER))
        return match.end()

    def _wrong(self, error: JsonTextError) -> None:
        if self._faults is None:
            raise error
        self._faults.append(error)
