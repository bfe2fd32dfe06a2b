"""JSON as HTML: indented, with keys and values told apart by class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import orjson
from markupsafe import Markup

from builder.catalogue.theme.quoting import quote
from registry.formats.model import JsonValue

_INDENT = "  "
_LEVELS = 40
CHARACTERS = 20_000
"""Longest JSON that is coloured; a longer one is shown plain and cut."""


def json_text(value: JsonValue) -> str:
    """Indented JSON, as one copies it."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2, default=_plain).decode()


def short_json(value: JsonValue, length: int = 120) -> str:
    """JSON on one line, cut where it gets long."""
    text = orjson.dumps(value, default=_plain).decode()
    return text if len(text) <= length else text[: length - 1] + "…"


def json_html(value: JsonValue) -> Markup:
    """Indented JSON with its parts marked; the text is that of `json_text`."""
    pieces: list[str] = []
    _append(value, "", pieces, 0)
    html = "".join(pieces)
    if len(html) > CHARACTERS:
        return Markup("{}").format(json_text(value)[:CHARACTERS] + "…")
    return Markup(html)  # noqa: S704 - every string in it was escaped


def _append(value: JsonValue, indent: str, pieces: list[str], level: int) -> None:
    inner = indent + _INDENT
    if isinstance(value, Mapping) and value and level < _LEVELS:
        glue = "{\n"
        for key, item in value.items():
            pieces.append(f'{glue}{inner}<span class="k">{quote(_quoted(str(key)))}</span>: ')
            _append(item, inner, pieces, level + 1)
            glue = ",\n"
        pieces.append(f"\n{indent}}}")
    elif isinstance(value, list | tuple) and value and level < _LEVELS:
        glue = "[\n"
        for item in value:
            pieces.append(glue + inner)
            _append(item, inner, pieces, level + 1)
            glue = ",\n"
        pieces.append(f"\n{indent}]")
    elif isinstance(value, str):
        pieces.append(f'<span class="s">{quote(_quoted(value))}</span>')
    else:
        text = orjson.dumps(value, default=_plain).decode()
        pieces.append(f'<span class="n">{quote(text)}</span>')


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(type(value).__name__)
