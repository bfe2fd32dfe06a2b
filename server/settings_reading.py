"""Read settings from the environment, and tell of all of them in a table."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, get_type_hints

from server.errors import SettingsError
from server.settings import ENVIRONMENT_PREFIX, Settings

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def settings_from(environment: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Settings from the environment, then from what is given and not None; raises SettingsError."""
    source = os.environ if environment is None else environment
    hints = get_type_hints(Settings)
    values: dict[str, Any] = {}
    for item in fields(Settings):
        text = source.get(ENVIRONMENT_PREFIX + item.name.upper())
        if text is not None:
            values[item.name] = _parse(item.name, text, hints[item.name])
    values.update({name: value for name, value in given.items() if value is not None})
    return replace(Settings(), **values)


def _parse(name: str, text: str, kind: Any) -> Any:
    variable = ENVIRONMENT_PREFIX + name.upper()
    if kind is bool:
        if text.lower() not in _TRUE | _FALSE:
            msg = f"{variable} is {text!r}"
            raise SettingsError(msg, next_step="Use true or false")
        return text.lower() in _TRUE
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError as error:
            msg = f"{variable} is {text!r}"
            raise SettingsError(msg, next_step="Use a number") from error
    if kind is str:
        return text
    return tuple(part.strip() for part in text.split(",") if part.strip())


def settings_table() -> str:
    """The Markdown table of every setting, as ``docs/operators.md`` holds it."""
    rows = ["| setting | environment | default | what it is |", "| --- | --- | --- | --- |"]
    for item in fields(Settings):
        default = _default_text(item.default)
        variable = f"`{ENVIRONMENT_PREFIX}{item.name.upper()}`"
        rows.append(f"| `{item.name}` | {variable} | {default} | {item.metadata['doc']} |")
    return "\n".join(rows) + "\n"


def _default_text(value: Any) -> str:
    if value in ("", ()):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
