"""Lead a problem of the converted release back to the place in the author's own files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from registry.opsconductor.notes import MANIFEST
from registry.problems import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenPlace:
    """The author's own file, and the JSON pointer into it under which a whole file stood."""

    file: str
    pointer: str = ""


def as_written(problem: Problem, origins: Mapping[str, WrittenPlace]) -> Problem:
    """The problem at its place in the author's files; one without origin stays as it is."""
    origin = origins.get(problem.file)
    if origin is None:
        return problem
    if not origin.pointer:  # the same bytes: line and column are right
        return replace(problem, file=origin.file)
    # The manifest lists the steps in their order, so that /steps/0 is the same one in both.
    is_listed = problem.file == MANIFEST and f"{problem.pointer}/".startswith("/steps/")
    pointer = problem.pointer if is_listed else origin.pointer + problem.pointer
    return replace(problem, file=origin.file, pointer=pointer, line=0, column=0)
