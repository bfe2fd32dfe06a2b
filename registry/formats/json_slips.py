"""Slips of people where JSON is expected, each with its place and what to write instead.

A slip that can mean one thing only is mended in a copy, so that the rest of the file is read, too,
and everything that is wrong with it is told at once. The copy is used for nothing else.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from registry.formats.json_text import JsonTextError, Position, brackets, locate, place_of

# Slips of one file that are told; each costs reading it again.
_SLIPS = 25
_WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$.-]{0,79}")
_CONSTANTS: Mapping[str, str] = {"True": "true", "False": "false", "None": "null"}
_QUOTES: Mapping[str, str] = {"'": "'", "\u2018": "\u2019", "\u201c": "\u201d", "`": "`"}
_CLOSING: Mapping[str, str] = {"[": "]", "{": "}"}
_COMMENT = re.compile(r"//[^\n]*|#[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_LINE_END = re.compile(r"(,?)[ \t\r]*\Z")
_NOT_BREAK = re.compile(r"[^\n]")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Slip:
    """One slip; ``new`` between ``start`` and ``end`` mends it, nothing does when it is None."""

    at: int
    message: str
    expected: str
    start: int = 0
    end: int = 0
    new: str | None = None


@dataclass(kw_only=True, slots=True)
class MendedText:
    """A text with its slips mended as far as they can be.

    ``value`` is what it holds then, None where it still is not JSON; ``places`` are those of the
    text as it was written.
    """

    text: str
    faults: list[JsonTextError] = field(default_factory=list)
    value: Any = None
    places: Mapping[str, Position] = field(default_factory=dict)
    _added: list[int] = field(default_factory=list)
    """Offsets of characters that were not written."""

    def read(self) -> None:
        """Find the slips, one by one."""
        for _ in range(_SLIPS):
            try:
                value = json.loads(self.text, parse_constant=lambda _: None)
            except json.JSONDecodeError as error:
                slip = _slip(self.text, error)
                self._tell(slip)
                if slip.new is None:
                    return
                self._mend(slip.start, slip.end, slip.new)
            except (ValueError, RecursionError):  # a number of thousands of digits
                return
            else:
                self._locate(value)
                return

    def _locate(self, value: Any) -> None:
        faults: list[JsonTextError] = []
        try:
            places = locate(self.text, faults)
            orjson.dumps(value)  # half a surrogate pair, or an integer of too many bits
        except (IndexError, TypeError, ValueError, RecursionError):  # orjson raises TypeError
            return
        self.value = value
        breaks = [i for i, c in enumerate(self.text) if c == "\n"] if self._added else []
        lines: dict[int, list[int]] = {}
        for offset in sorted(self._added):
            line = bisect_left(breaks, offset)
            start = breaks[line - 1] + 1 if line else 0
            lines.setdefault(line + 1, []).append(offset - start + 1)
        self.places = {pointer: _unshifted(p, lines) for pointer, p in places.items()}
        for fault in faults[:_SLIPS]:
            place = _unshifted(fault.place, lines)
            self.faults.append(JsonTextError(fault.message, place, fault.pointer, fault.expected))

    def _tell(self, slip: _Slip) -> None:
        before = sum(1 for offset in self._added if offset < slip.at)
        written = _without(self.text[: slip.at], self._added)
        place = place_of(written, slip.at - before)
        self.faults.append(JsonTextError(slip.message, place, expected=slip.expected))

    def _mend(self, start: int, end: int, new: str) -> None:
        grown = len(new) - (end - start)
        self.text = self.text[:start] + new + self.text[end:]
        self._added = [o + grown if o >= end else o for o in self._added]
        self._added.extend(range(end, end + grown))


def _without(text: str, added: list[int]) -> str:
    skipped = set(added)
    return "".join(c for i, c in enumerate(text) if i not in skipped) if skipped else text


def _unshifted(place: Position, lines: Mapping[int, list[int]]) -> Position:
    columns = lines.get(place.line)
    if not columns:
        return place
    return Position(line=place.line, column=place.column - bisect_left(columns, place.column))


def _slip(text: str, error: json.JSONDecodeError) -> _Slip:
    """The slip that stopped the decoder."""
    for rule in (_comments, _commas, _strings, _words, _numbers, _separators, _ends):
        for slip in rule(text, error):
            return slip
    return _Slip(
        at=error.pos, message=f"this is not JSON: {error.msg}", expected="write valid JSON"
    )


def _before(text: str, offset: int) -> int:
    """The offset of the last character before one that is not blank; -1 where there is none."""
    return len(text[:offset].rstrip()) - 1


def _replaced(at: int, end: int, new: str, message: str, expected: str) -> _Slip:
    return _Slip(at=at, message=message, expected=expected, start=at, end=end, new=new)


def _comments(text: str, error: json.JSONDecodeError) -> Iterator[_Slip]:
    found = _COMMENT.match(text, error.pos)
    if found is not None:
        blank = _NOT_BREAK.sub(" ", found.group())
        yield _replaced(
            found.start(), found.end(), blank, "JSON has no comments", "remove this one"
        )


def _commas(text: str, error: json.JSONDecodeError) -> Iterator[_Slip]:
    at, char = error.pos, text[error.pos : error.pos + 1]
    follows = text[at + 1 :].lstrip()[:1] if char == "," else ""
    comma = at if follows in {"]", "}"} and follows else _before(text, at)
    closing = follows or char
    if closing in {"]", "}"} and closing and comma >= 0 and text[comma] == ",":
        what = "element" if closing == "]" else "field"
        message = f"there is a comma after the last {what}"
        yield _replaced(comma, comma + 1, " ", message, "remove it")
    elif char == ",":
        yield _replaced(at, at + 1, " ", "there is a comma too many", "remove it")


def _strings(text: str, error: json.JSONDecodeError) -> Iterator[_Slip]:
    at, char = error.pos, text[error.pos : error.pos + 1]
    end = text.find(_QUOTES.get(char, "\0"), at + 1)
    if char in _QUOTES and end > at:
        inner = text[at + 1 : end]
        is_plain = '"' not in inner and "\n" not in inner
        yield _Slip(
            at=at,
            message=f"this text stands between {char} and {_QUOTES[char]}",
            expected='write double quotation marks: "',
            start=at,
            end=end + 1,
            new=f'"{inner}"' if is_plain else None,
        )
    elif error.msg.startswith("Invalid control character"):
        yield _control(text, at)
    elif error.msg.startswith("Invalid \\"):
        slash = at if char == "\\" else text.rfind("\\", 0, at + 1)
        hint = "write \\\\ for a backslash, or / in a path"
        yield _replaced(slash, slash + 1, "/", "this backslash begins no escape", hint)
    elif error.msg.startswith("Unterminated string"):
        yield _Slip(at=at, message="this text does not end", expected='write a " at its end')


def _control(text: str, at: int) -> _Slip:
    if text[at] not in "\r\n":
        hint = "write \\t" if text[at] == "\t" else "remove it, or write it as \\u00XX"
        return _replaced(at, at + 1, " ", "a control character stands in a text", hint)
    found = _LINE_END.search(text[text.rfind("\n", 0, at) + 1 : at])
    end = at - len(found.group()) if found is not None else at
    message, expected = (
        "this text does not end on its line",
        'write a " at its end; \\n for a new line',
    )
    return _Slip(at=end, message=message, expected=expected, start=end, end=end, new='"')


def _words(text: str, error: json.JSONDecodeError) -> Iterator[_Slip]:
    found = _WORD.match(text, error.pos)
    expects = error.msg.startswith(("Expecting value", "Expecting property name"))
    if found is None or not expects:
        return
    word, at = found.group(), found.start()
    if word in _CONSTANTS:
        right = _CONSTANTS[word]
        yield _replaced(at, found.end(), right, f"{word} is not JSON", f"write {right}")
    else:
        message = f"{word} has no quotation marks"
        yield _replaced(at, found.end(), f'"{word}"', message, f'write "{word}"')


def _numbers(text: str, error: json.JSONDecodeError) -> Iterator[_Slip]:
    at, char = error.pos, text[error.pos : error.pos + 1]
    follows = text[at + 1 : at + 2]
    if char == "+":
        yield _replaced(at, at + 1, " ", "a number has no + before it", "remove it")
    elif char == "." and follows.isdigit():
        yield _replaced(at, at + 1, "0.", "a number has a digit before its point", "write 0 before")
    elif char.isdigit() and at and text[at - 1] == "0" and "','" in error.msg:
        message = "a number does not begin with 0"
        yield _replaced(at - 1, at, " ", message, "remove the 0, or write a text")


def _separators(text: str, error: json.JSONDecodeError) -> Iterator[_Slip]:
    at, char = error.pos, text[error.pos : error.pos + 1]
    begins = char in {'"', "{", "[", "-"} or char.isalnum()
    if "':'" in error.msg and char == "=":
        yield _replaced(at, at + 1, ":", "there is = after a name", "write a colon")
    elif "':'" in error.msg and begins:
        yield _inserted(text, at, ":", "a colon is missing before this", 'write "name": value')
    elif "','" in error.msg and begins:
        hint = "write a comma after the value before"
        yield _inserted(text, at, ",", "a comma is missing before this", hint)


def _inserted(text: str, at: int, new: str, message: str, expected: str) -> _Slip:
    after = _before(text, at) + 1
    return _Slip(at=at, message=message, expected=expected, start=after, end=after, new=new)


def _ends(text: str, error: json.JSONDecodeError) -> Iterator[_Slip]:
    at = error.pos
    if not text.strip():
        yield _Slip(at=0, message="the file is empty", expected="write an object: { … }")
    elif error.msg.startswith("Extra data"):
        message = "there is more after the end of the JSON"
        yield _Slip(at=at, message=message, expected="write one object, and nothing after it")
    elif not text[at:].strip() or text[at] in "]}":
        yield from _unclosed(text, at)


def _unclosed(text: str, at: int) -> Iterator[_Slip]:
    open_ = [(offset, bracket) for offset, bracket in brackets(text[:at])]
    if not open_:
        return
    offset, bracket = open_[-1]
    closing = _CLOSING[bracket]
    if text[at:].strip():
        line = place_of(text, offset).line
        message = f"the {bracket} of line {line} ends with {text[at]}"
        yield _Slip(at=at, message=message, expected=f"write a {closing} before this")
        return
    rest = "".join(_CLOSING[each] for _, each in reversed(open_))
    can_end = text[_before(text, at)] not in ":" + "".join(_CLOSING)
    yield _Slip(
        at=offset,
        message=f"the {bracket} is not closed",
        expected=f"write a {closing} at its end",
        start=at,
        end=at,
        new=rest if can_end else None,
    )
