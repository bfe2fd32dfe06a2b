"""Code in colours: a few classes, whatever the language. The stylesheet has what they look like."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from builder.markdown.escaping import text_html

if TYPE_CHECKING:
    from pygments.lexer import Lexer

CODE_CHARACTERS = 4_000
"""Longest block of code that is shown in colours: the rules of some languages look far ahead."""
COLOURED_CHARACTERS = 12_000
"""Code in colours in one document; what follows is shown plain."""

_REMEMBERED = 500
LANGUAGES = frozenset(
    {
        *("bash", "sh", "shell", "zsh", "console", "shell-session", "powershell", "ps1", "pwsh"),
        *("bat", "batch", "yaml", "yml", "json", "toml", "ini", "cfg", "properties"),
        *("python", "py", "javascript", "js", "typescript", "ts", "ruby", "rb", "go", "rust"),
        *("java", "kotlin", "swift", "groovy", "csharp", "php", "perl", "lua", "sql", "xml"),
        *("html", "css", "docker", "dockerfile", "diff", "nginx", "http"),
    }
)
"""The languages that are shown in colours, by the names that authors give them.

Not C, Makefiles and HCL: Pygments' rules for these need a second for a page of the wrong signs.
"""
# By the beginning of a token's name; the first that fits counts.
_CLASSES = (
    ("Comment", "c"),
    ("Generic.Prompt", "c"),
    ("Generic.Output", "c"),
    ("Generic.Deleted", "d"),
    ("Generic.Inserted", "i"),
    ("Keyword", "k"),
    ("Operator.Word", "k"),
    ("Name.Tag", "k"),
    ("Name.Attribute", "k"),
    ("Literal.Number", "n"),
    ("Literal", "s"),
    ("Name.Builtin", "f"),
    ("Name.Function", "f"),
    ("Name.Class", "f"),
    ("Name.Variable", "f"),
    ("Name.Decorator", "f"),
)
CODE_CLASSES = frozenset(name for _, name in _CLASSES)


def is_coloured(language: str, code: str) -> bool:
    """True if a block of code is of a known language, and not too long."""
    return language in LANGUAGES and len(code) <= CODE_CHARACTERS


@lru_cache(maxsize=_REMEMBERED)
def code_html(language: str, code: str) -> str:
    """Code of one of the `LANGUAGES` as HTML, whose text is the code."""
    pieces: list[str] = []
    found = list(_joined(language, code))
    if "".join(text for _, text in found) != code:  # a lexer that loses an end without a line's
        return text_html(code)
    for name, text in found:
        html = text_html(text)
        pieces.append(f'<span class="{name}">{html}</span>' if name else html)
    return "".join(pieces)


def _joined(language: str, code: str) -> Iterator[tuple[str, str]]:
    """Neighbours of the same class together."""
    # Not get_tokens, which takes away blank lines and mends line ends.
    found = _lexer(language).get_tokens_unprocessed(code)
    current, text = "", ""
    for _, kind, value in found:
        name = _class_of(kind)
        if name == current or value.isspace():
            text += value
            continue
        if text:
            yield current, text
        current, text = name, value
    if text:
        yield current, text


@cache
def _class_of(kind: Any) -> str:
    name = str(kind).removeprefix("Token.") + "."
    return next((short for known, short in _CLASSES if name.startswith(f"{known}.")), "")


@cache
def _lexer(language: str) -> Lexer:
    # Loaded when the first code is met: most builds of one library have none.
    from pygments.lexers import get_lexer_by_name

    lexer: Lexer = get_lexer_by_name(language)
    return lexer
