"""Reading of parameters: types are checked, and a failure names the parameter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from _step import StepError

HTTP_STATUS = range(100, 600)


def optional_text(parameters: Mapping[str, Any], name: str) -> str | None:
    """Return a string, or None where it is absent."""
    value = parameters.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise StepError(f"{name} must be a string")
    return value


def text(parameters: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return a string; without a default it has to be there."""
    value = optional_text(parameters, name)
    if value is None:
        if default is None:
            raise StepError(f"{name} is required")
        return default
    return value


def flag(parameters: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Return a boolean."""
    value = parameters.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise StepError(f"{name} must be true or false")
    return value


def number(
    parameters: Mapping[str, Any], name: str, default: float, low: float, high: float
) -> float:
    """Return a number from ``low`` to ``high``."""
    value = parameters.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise StepError(f"{name} must be a number")
    if not low <= value <= high:
        raise StepError(f"{name} must be from {low:g} to {high:g}")
    return value


def integer(parameters: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    """Return a whole number from ``low`` to ``high``."""
    value = number(parameters, name, default, low, high)
    if value != int(value):
        raise StepError(f"{name} must be a whole number")
    return int(value)


def choice(parameters: Mapping[str, Any], name: str, options: Sequence[str], default: str) -> str:
    """Return one of ``options``."""
    value = text(parameters, name, default)
    if value not in options:
        raise StepError(f"{name} must be one of {', '.join(options)}")
    return value


def items(parameters: Mapping[str, Any], name: str) -> list[Any]:
    """Return a list; absent means empty."""
    value = parameters.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise StepError(f"{name} must be a list")
    return value


def status_codes(parameters: Mapping[str, Any], name: str) -> list[int]:
    """Return a list of HTTP status codes; absent means empty."""
    codes = items(parameters, name)
    for code in codes:
        if isinstance(code, bool) or not isinstance(code, int) or code not in HTTP_STATUS:
            raise StepError(f"{name} must be a list of HTTP status codes")
    return codes
