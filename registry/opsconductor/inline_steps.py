"""The steps that a manifest of OpsConductor's holds itself: refused before any is converted."""

from __future__ import annotations

from collections.abc import Iterable

from registry.errors import InvalidNameError
from registry.names import parse_step_name
from registry.opsconductor.notes import MANIFEST, RULE, shown
from registry.problems import InvalidLibraryError, Problem

_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}


def refuse_steps(steps: Iterable[object]) -> None:
    """Every step names a file, so no name goes further that may not.

    Raises InvalidLibraryError, also for what is not a step at all.
    """
    problems = []
    seen = set()
    for index, step in enumerate(steps):
        wrong = _not_inline(step)
        if not isinstance(step, dict) or wrong:
            problems.append(_step_problem(f"/steps/{index}", wrong))
            continue
        pointer = f"/steps/{index}/name"
        name = step["name"]
        try:
            parse_step_name(name if isinstance(name, str) else repr(name))
        except InvalidNameError as error:
            problems.append(
                Problem(
                    rule="name",
                    file=MANIFEST,
                    pointer=pointer,
                    message=error.message,
                    expected=error.next_step,
                )
            )
            continue
        if stem_of(name) in seen:
            problems.append(
                Problem(
                    rule="duplicate-step",
                    file=MANIFEST,
                    pointer=pointer,
                    message=f"two steps are named {shown(name)}",
                    expected="a name of its own for each step",
                )
            )
        seen.add(stem_of(name))
    if problems:
        raise InvalidLibraryError("the library", tuple(problems))


def _not_inline(step: object) -> str:
    """Say why something in the list is not a step; empty for one."""
    if step is None:
        return "this is null"
    if not isinstance(step, dict):
        return f"this is {_KINDS.get(type(step), 'something else')}"
    return "" if "name" in step else "the step has no 'name'"


def _step_problem(pointer: str, message: str) -> Problem:
    return Problem(
        rule=RULE,
        file=MANIFEST,
        pointer=pointer,
        message=message,
        expected="an object with the step's name, category, description and parameters",
    )


def stem_of(name: str) -> str:
    """A step's name as the name of a file, and as that of a method."""
    return name.replace(".", "_").replace("-", "_")
