"""Refuse in strangers' text active content, and characters that deceive a reader.

Nothing here makes text safe to show (whoever shows it escapes it); it tells authors early.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from registry.checks.paths import INVISIBLE
from registry.formats.json_text import JsonTextError, decode_utf8, escape_pointer, place_of
from registry.problems import Problem, Severity

# Linear patterns: no nested quantifiers, bounded gaps.
_ELEMENT = (
    r"</?(?:script|iframe|frame|object|embed|applet|svg|math|style|link|meta|base|form|template)"
    r"(?=[\s/>]|\Z)"
)
_HANDLER = r"<[a-z][^<>]{0,500}[\s/\"']on[a-z]{3,30}\s{0,9}="
# "JavaScript: the language" is prose. A URL has its code right behind the colon; a blank may be
# between only where what follows calls, assigns or quotes, and in the target of a link.
_SCRIPT_URL = r"\b(?:java|vb)script\s{0,9}:(?:(?=[^\s*_~|])|\s{1,9}[\w$.]{1,80}[(=\[`;])"
_DATA_URL = r"\bdata\s{0,9}:\s{0,9}(?:text/html|image/svg)"
_ACTIVE = re.compile(f"{_ELEMENT}|{_HANDLER}|{_SCRIPT_URL}|{_DATA_URL}", re.IGNORECASE)
_URL = re.compile(f"{_SCRIPT_URL}|{_DATA_URL}", re.IGNORECASE)
_ATTRIBUTE = r"\b(?:href|src|action|formaction|data|poster)\s{0,9}=\s{0,9}[\"']?"
_LINK_TARGET = re.compile(
    rf"(?:\]\(\s{{0,9}}<?|\]:\s{{0,9}}<?|{_ATTRIBUTE}|<)\s{{0,9}}(?:java|vb)script\s{{0,9}}:",
    re.IGNORECASE,
)
# What browsers skip inside the name of a URL's scheme.
_SKIPPED = re.compile(r"[\t\n\r\0]")
_MARKUP = re.compile(r"</?[a-z][a-z0-9-]{0,20}(?:\s[^<>]{0,200})?/?>", re.IGNORECASE)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)\Z", re.DOTALL)
_INLINE_CODE = re.compile(r"`[^`\n]+`")
# Emoji and several scripts need the joiners.
_HIDDEN = re.compile(
    "[" + "".join(INVISIBLE - {"\u200c", "\u200d"}) + r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f" + "]"
)


def text_problems(value: object, file: str) -> Iterator[Problem]:
    """Walk the strings of a JSON value, keys too, with the pointer of each that is wrong."""
    for pointer, text in _strings(value, ""):
        for _, problem in _wrong(text, file):
            yield replace(problem, pointer=pointer)


def _strings(value: object, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            place = f"{pointer}/{escape_pointer(str(key))}"
            yield place, str(key)
            yield from _strings(inner, place)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _strings(inner, f"{pointer}/{index}")


def markdown_problems(raw: bytes, file: str) -> Iterator[Problem]:
    """The same for a Markdown document, with line and column."""
    try:
        text = decode_utf8(raw)
    except JsonTextError as error:
        yield Problem(
            rule="text-encoding",
            file=file,
            line=error.place.line,
            column=error.place.column,
            message=error.message,
            expected="save it as UTF-8",
        )
        return
    for offset, problem in _wrong(text, file):
        place = place_of(text, offset)
        yield replace(problem, line=place.line, column=place.column)


def _wrong(text: str, file: str) -> Iterator[tuple[int, Problem]]:
    """Yield the problems of a text, each with its offset."""
    hidden = _HIDDEN.search(text)
    if hidden is not None:
        yield (
            hidden.start(),
            Problem(
                rule="text-invisible",
                file=file,
                message=f"it has the invisible character U+{ord(hidden.group()):04X}",
                expected="take the character out",
            ),
        )
    plain = _without_code(text) if "`" in text or "~~~" in text else text
    active = False
    for offset, found in _active(plain):
        active = True
        yield (
            offset,
            Problem(
                rule="text-active",
                file=file,
                message=f"it has active content: {found[:40]!r}",
                expected="write plain text or Markdown; put code between backticks",
            ),
        )
    markup = None if active or "<" not in plain else _MARKUP.search(plain)
    if markup is not None:
        yield (
            markup.start(),
            Problem(
                rule="text-html",
                file=file,
                message=f"HTML is shown as text: {markup.group()[:40]!r}",
                expected="write Markdown, or put it between backticks",
                severity=Severity.WARNING,
            ),
        )


def _active(plain: str) -> Iterator[tuple[int, str]]:
    found = False
    for match in _ACTIVE.finditer(plain):
        found = True
        yield match.start(), match.group()
    if found:
        return
    # A URL hidden in entities, or broken by what browsers skip: its place is only known roughly.
    decoded = html.unescape(plain) if "&" in plain else plain
    hidden = _URL.search(decoded) or _LINK_TARGET.search(_SKIPPED.sub("", decoded))
    if hidden is not None:
        yield min(hidden.start(), len(plain)), hidden.group()


def _without_code(text: str) -> str:
    """The text with code blanked out, of the same length and with the same lines."""
    fence = ""
    lines: list[str] = []
    for line in text.split("\n"):
        found = _FENCE.match(line)
        marks, info = (found[1], found[2]) if found else ("", "")
        if fence:
            lines.append(" " * len(line))
            if marks.startswith(fence) and not info.strip():
                fence = ""
        elif marks and not (marks[0] == "`" and "`" in info):
            lines.append(" " * len(line))
            fence = marks
        else:
            lines.append(_INLINE_CODE.sub(lambda code: " " * len(code[0]), line))
    return "\n".join(lines)
