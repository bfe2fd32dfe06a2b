"""The server's log for people: one line an event, with the time of day and what belongs to it."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from datetime import datetime
from typing import Any

from registry.problems import printable

LOG_FORMS = ("", "text", "json")
"""The formats of a log; the empty one is chosen by whether a terminal reads it."""
_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "31;1"}
_VALUE_CHARACTERS = 300


class TextLines:
    """A structlog renderer. Whatever an event holds, its line is one line and shows no codes."""

    def __init__(self, *, coloured: bool) -> None:
        """``coloured`` for a terminal that shows colours."""
        self._coloured = coloured

    def __call__(self, logger: object, method: str, event: MutableMapping[str, Any]) -> str:
        """``14:03:21 warning the newest commit is not served  commit=0c3d  reason="…"``."""
        del logger
        fields = dict(event)
        level = str(fields.pop("level", method))
        time = _time_of_day(str(fields.pop("timestamp", "")))
        said = _shown(fields.pop("event", ""))
        trouble = fields.pop("exception", None)
        if trouble:
            fields["exception"] = _last(trouble)
        head = f"{self._style('2', time)} {self._style(_COLOURS.get(level, '0'), f'{level:<7}')}"
        rest = "".join(
            f"  {self._style('2', f'{printable(str(key))}=')}{_value(value)}"
            for key, value in fields.items()
            if value not in (None, "")
        )
        return f"{head} {said}{rest}"

    def _style(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._coloured else text


def _time_of_day(timestamp: str) -> str:
    try:
        return datetime.fromisoformat(timestamp).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return printable(timestamp)


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    shown = _shown(text)
    return (
        json.dumps(shown, ensure_ascii=False) if isinstance(value, str) and " " in text else shown
    )


def _shown(value: object) -> str:
    text = printable(str(value))
    return text if len(text) <= _VALUE_CHARACTERS else f"{text[:_VALUE_CHARACTERS]}…"


def _last(trouble: object) -> str:
    """The kind and the words of the exception that ended it: the rest is in the JSON log."""
    last = trouble[-1] if isinstance(trouble, list) and trouble else trouble
    if isinstance(last, Mapping):
        return f"{last.get('exc_type', '')}: {last.get('exc_value', '')}"
    return str(last)
