"""Give problems that are known by a JSON pointer their line and column at the head."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from registry.formats.json_text import JsonTextError, Position, nearest_place, places_in
from registry.formats.yaml_text import load_yaml
from registry.git.repository import GitRepository
from registry.limits import DEFAULT_LIMITS
from registry.names import CommitId
from registry.problems import Problem

_FILES = 500
"""Files that are read again for the places of their problems; the others keep their pointers."""


def placed(
    repository: GitRepository, head: CommitId, problems: Iterable[Problem]
) -> Iterator[Problem]:
    """The problems, each with its place where there is one."""
    known: dict[str, Mapping[str, Position]] = {}
    for problem in problems:
        if not problem.pointer or problem.line or "\n" in problem.file:
            yield problem
            continue
        if problem.file not in known and len(known) < _FILES:
            found = repository.object(f"{head}:{problem.file}")
            raw = found.content if found is not None and found.type == "blob" else b""
            known[problem.file] = places_of(problem.file, raw)
        place = nearest_place(known.get(problem.file, {}), problem.pointer)
        yield replace(problem, line=place.line, column=place.column) if place else problem


def places_of(file: str, raw: bytes) -> Mapping[str, Position]:
    """Line and column of every value in a JSON or YAML file; none in one that cannot be read."""
    if len(raw) > DEFAULT_LIMITS.json_bytes:
        return {}
    if not file.endswith(".yaml"):
        return places_in(raw, depth=DEFAULT_LIMITS.nesting_depth)
    try:
        return load_yaml(raw, depth=DEFAULT_LIMITS.nesting_depth)[1]
    except JsonTextError:
        return {}
