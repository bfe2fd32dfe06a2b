"""What the executors here share: expected failures, parameters, and the shape of a result."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

Values = Mapping[str, Any]
Work = Callable[[Values, Values], tuple[str, dict[str, Any]]]


class StepError(Exception):
    """An expected failure, worded so that whoever runs the step can act on it.

    ``output`` is what is known all the same.
    """

    def __init__(self, error: str, output: dict[str, Any] | None = None) -> None:
        super().__init__(error)
        self.output = output or {}


def perform(work: Work, parameters: Values, context: Values, failure: str) -> dict[str, Any]:
    """Do the work, which returns a message and an output, and report it as a result.

    What is expected to go wrong is reported; anything else is a bug and shows its traceback.
    """
    try:
        message, output = work(parameters, context)
    except StepError as problem:
        return _result(failure, problem.output, str(problem))
    except OSError as problem:
        reason = problem.strerror or str(problem)
        return _result(failure, {}, f"{problem.filename}: {reason}" if problem.filename else reason)
    return _result(message, output, None)


def _result(message: str, output: dict[str, Any], error: str | None) -> dict[str, Any]:
    return {"success": error is None, "message": message, "output": output, "error": error}


def log(context: Values, message: str, **fields: Any) -> None:
    """Write a line to the run's log; in a test there may be none. Never log a secret."""
    write = context.get("log")
    if callable(write):
        write(message, **fields)


# The platform checks parameters against the step's definition before a run. These say what is
# wrong to whoever calls an executor otherwise, such as a test.


def text(parameters: Values, name: str, default: str | None = None) -> str:
    """A string; without a default it has to be there and not be empty."""
    value = parameters.get(name, default)
    if not isinstance(value, str) or (default is None and not value):
        raise StepError(f"{name} must be text")
    return value


def flag(parameters: Values, name: str, *, default: bool) -> bool:
    """A boolean."""
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise StepError(f"{name} must be true or false")
    return value


def number(parameters: Values, name: str, default: float, low: float, high: float) -> float:
    """A number from ``low`` to ``high``."""
    value = parameters.get(name, default)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not low <= value <= high:
        raise StepError(f"{name} must be a number from {low:g} to {high:g}")
    return value


def choice(parameters: Values, name: str, options: tuple[str, ...]) -> str:
    """One of the options; the first is the default."""
    value = parameters.get(name, options[0])
    if value not in options:
        raise StepError(f"{name} must be one of {', '.join(options)}")
    return str(value)
