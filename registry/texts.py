"""What strangers' text may not carry: active content, and characters that deceive a reader.

Nothing here makes text safe to show (whoever shows it escapes it); it tells authors early.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from registry.paths import INVISIBLE
from registry.problems import Problem, Severity

# Linear patterns: no nested quantifiers, bounded gaps.
_ACTIVE = re.compile(
    r"<\s{0,9}/?\s{0,9}(?:script|iframe|object|embed|svg|style|link|meta|base|form)\b"
    r"|\b(?:java|vb)script\s{0,9}:"
    r"|\bdata\s{0,9}:\s{0,9}text/html"
    r"|<[a-z][^<>]{0,200}\son[a-z]{3,20}\s{0,9}=",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"</?[a-z][a-z0-9-]{0,20}(?:\s[^<>]{0,200})?/?>", re.IGNORECASE)
_CODE = re.compile(r"^(`{3,}|~{3,})[^\n]*\n.*?^\1[`~]*\s*$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_JOINERS = frozenset("\u200c\u200d")


def text_problems(value: object, file: str) -> Iterator[Problem]:
    """Walk the strings of a JSON value, with the pointer of each that is wrong."""
    for pointer, text in _strings(value, ""):
        yield from _wrong(text, file, pointer)


def _strings(value: object, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            escaped = str(key).replace("~", "~0").replace("/", "~1")
            yield from _strings(inner, f"{pointer}/{escaped}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _strings(inner, f"{pointer}/{index}")


def _wrong(text: str, file: str, pointer: str) -> Iterator[Problem]:
    hidden = next((c for c in text if _deceives(c)), None)
    if hidden is not None:
        yield Problem(
            rule="text-invisible",
            file=file,
            pointer=pointer,
            message=f"it has the invisible character U+{ord(hidden):04X}",
            expected="text that reads as it is written",
        )
    plain = _CODE.sub("", text) if "`" in text or "~~~" in text else text
    active = _ACTIVE.search(plain)
    if active:
        yield Problem(
            rule="text-active",
            file=file,
            pointer=pointer,
            message=f"it has active content: {active.group()[:40]!r}",
            expected="plain text or Markdown; put code between backticks",
        )
    elif "<" in plain and (markup := _MARKUP.search(plain)):
        yield Problem(
            rule="text-html",
            file=file,
            pointer=pointer,
            message=f"HTML is shown as text: {markup.group()[:40]!r}",
            expected="Markdown, or put it between backticks",
            severity=Severity.WARNING,
        )


def _deceives(character: str) -> bool:
    if character in _JOINERS:  # emoji and several scripts need them
        return False
    return character in INVISIBLE or (ord(character) < 32 and character not in "\n\t\r")  # noqa: PLR2004 - C0


def markdown_problems(raw: bytes, file: str) -> Iterator[Problem]:
    """The same for a Markdown document, with line and column."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        yield Problem(
            rule="text-encoding",
            file=file,
            message=f"byte {error.start} is not UTF-8",
            expected="UTF-8 text",
        )
        return
    yield from _wrong(text, file, "")
