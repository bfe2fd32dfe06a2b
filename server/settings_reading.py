"""Read settings from the environment, and tell of all of them in a table."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, get_type_hints

from registry.problems import printable
from registry.words.likeness import alike
from server.errors import SettingsError
from server.settings import ENVIRONMENT_PREFIX, Settings

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_SHOWN = 80
_LIKENESS = 0.8
NOT_SETTINGS = frozenset(
    ENVIRONMENT_PREFIX + name
    for name in (
        "BENCHMARK_CACHE", "BIN", "CACHE", "DEBUG", "DEPLOY_KEY", "KEY", "KEY_PASSPHRASE",
        "LICENSE_KEY", "PARENT_FD", "PUSH_TOKEN", "REGISTRY", "SSH_COMMAND", "TEST_INSTALLS",
        "TEST_LIVES", "TEST_SEED", "UPSTREAM_", "UPSTREAM_CA_FILE",
    )
)  # fmt: skip
"""Variables that something else than the server's settings reads."""
_UPSTREAM_TOKEN = re.compile(rf"{ENVIRONMENT_PREFIX}UPSTREAM_[A-Z0-9_]+_TOKEN")


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


def mistyped(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return a sentence for each variable that looks like a setting, and is not one."""
    source = os.environ if environment is None else environment
    known = [ENVIRONMENT_PREFIX + one.name.upper() for one in fields(Settings)]
    return [
        _not_a_setting(name, known)
        for name in sorted(source)
        if name.startswith(ENVIRONMENT_PREFIX)
        and name not in NOT_SETTINGS
        and name not in known
        and not _UPSTREAM_TOKEN.fullmatch(name)
    ]


def _not_a_setting(name: str, known: list[str]) -> str:
    meant = alike(name, known, likeness=_LIKENESS)
    hint = f"; did you mean {meant[0]}?" if meant else ""
    return f"{printable(name[:_SHOWN])} is not a setting{hint}"


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
