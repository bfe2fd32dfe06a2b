"""What every executor here shares: outcomes, expected failures and the context of a run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


class StepError(Exception):
    """An expected failure, worded so that the user can act on it."""

    def __init__(self, error: str, output: dict[str, Any] | None = None) -> None:
        super().__init__(error)
        self.output = output or {}


@dataclass(frozen=True)
class Done:
    """What a step that succeeded reports."""

    message: str
    output: dict[str, Any]


class Run:
    """The context of one run; every part of it may be absent."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._context = context
        left = context.get("deadline")
        left = left() if callable(left) else left
        if isinstance(left, bool) or not isinstance(left, int | float):
            left = math.inf
        self._ends = time.monotonic() + left

    def log(self, message: str, **fields: Any) -> None:
        """Write a line to the run's log, if it has one."""
        log = self._context.get("log")
        if callable(log):
            log(message, **fields)

    def left(self) -> float:
        """Return the seconds that are left; stop when the run's time is up."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise StepError("the time allowed for this run is up")
        return left


def perform(
    body: Callable[[Mapping[str, Any], Run], Done],
    parameters: object,
    context: object,
    failure: str,
) -> dict[str, Any]:
    """Call ``body`` and turn what it returns, or raises as expected, into a result."""
    if not isinstance(parameters, Mapping):
        return _failed(failure, "parameters must be an object", {})
    try:
        done = body(parameters, Run(context if isinstance(context, Mapping) else {}))
    except StepError as problem:
        return _failed(failure, str(problem), problem.output)
    except OSError as problem:
        return _failed(failure, describe(problem), {})
    except MemoryError:
        return _failed(failure, "the memory allowed for this run is used up", {})
    return {"success": True, "message": done.message, "output": done.output, "error": None}


def describe(problem: OSError) -> str:
    """Say what the system refused, and for which path."""
    reason = problem.strerror or str(problem) or type(problem).__name__
    return f"{reason}: {problem.filename}" if problem.filename else reason


def _failed(message: str, error: str, output: dict[str, Any]) -> dict[str, Any]:
    return {"success": False, "message": message, "output": output, "error": error}
