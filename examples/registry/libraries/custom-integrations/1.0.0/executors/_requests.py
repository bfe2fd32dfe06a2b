"""What the steps that send something have in common: their parameters and their answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from _http import Answer
from _params import integer, number, table
from _retry import Policy
from _step import StepError

TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
VALUE = re.compile(r"[\x20-\x7e\t]{0,8192}")
SUCCESS = range(200, 300)
RESERVED = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade"})
PRIVATE = frozenset({"set-cookie", "www-authenticate", "proxy-authenticate"})


def policy_of(parameters: Mapping[str, Any], *, repeatable: bool, max_bytes: int) -> Policy:
    """Return how often and how patiently to try."""
    return Policy(
        attempts=integer(parameters, "max_attempts", 3, 1, 10),
        backoff=number(parameters, "backoff_seconds", 0.5, 0, 30),
        repeatable=repeatable,
        timeout=number(parameters, "timeout_seconds", 30, 0.05, 120),
        max_bytes=max_bytes,
    )


def headers_of(parameters: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return headers; a value that would break out of its line is refused and not repeated."""
    headers = {}
    for header, value in table(parameters, name).items():
        if not TOKEN.fullmatch(header) or header.lower() in RESERVED:
            raise StepError(f"{name} must not hold the header {header[:64]!r}")
        headers[header] = header_value(value, f"the value of {header} in {name}")
    return headers


def header_value(value: object, name: str) -> str:
    """Return the value of a header."""
    if not isinstance(value, str) or not VALUE.fullmatch(value):
        raise StepError(f"{name} must be one line of ASCII text")
    return value


def to_json(value: object, name: str) -> bytes:
    """Return a value as compact JSON."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError):
        raise StepError(f"{name} cannot be written as JSON") from None


def visible_headers(answer: Answer) -> dict[str, str]:
    """Return an answer's headers without those that carry credentials."""
    return {name: value for name, value in answer.headers.items() if name not in PRIVATE}


def milliseconds(answer: Answer) -> float:
    """Return how long an answer took."""
    return round(answer.seconds * 1000, 3)
