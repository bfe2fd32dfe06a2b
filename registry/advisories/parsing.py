"""One advisory's file to the model; where it is wrong, what and at which line.

What a stranger's database adds to OSV is passed by, as OSV demands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from registry.advisories.model import Advisory
from registry.formats.json_text import JsonTextError, Position, load_json, locate
from registry.formats.parsing import syntax_problem
from registry.formats.schema import Format, is_valid
from registry.formats.schema_faults import explain
from registry.formats.yaml_text import load_yaml
from registry.limits import DEFAULT_LIMITS
from registry.problems import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvisoryLimits:
    """Limits of advisories. A test crosses each of them."""

    file_bytes: int = 2 * 1024 * 1024
    """Largest file of one advisory."""
    files: int = 300_000
    """Files in all folders and archives that are looked through."""
    total_bytes: int = 4 * 1024 * 1024 * 1024
    """All of what is read of them, unpacked."""
    folder_depth: int = 8
    """Folders inside each other."""
    registry_files: int = 10_000
    """Advisories in one registry."""
    nesting_depth: int = DEFAULT_LIMITS.nesting_depth
    """Levels of arrays and objects in an advisory."""


DEFAULT_ADVISORY_LIMITS = AdvisoryLimits()


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedAdvisory:
    """An advisory, None when it cannot be read, what is wrong with it, and where things are."""

    value: Advisory | None
    problems: tuple[Problem, ...] = ()
    places: Mapping[str, Position] = field(default_factory=dict)


def parse_advisory(
    raw: bytes, *, file: str, limits: AdvisoryLimits = DEFAULT_ADVISORY_LIMITS
) -> ParsedAdvisory:
    """YAML, or JSON where the name ends so; never raises for bad input."""
    if len(raw) > limits.file_bytes:
        return ParsedAdvisory(value=None, problems=(too_large(file, len(raw), limits),))
    kind = "json" if file.endswith(".json") else "yaml"
    try:
        value, places = _load(raw, kind, limits.nesting_depth)
    except JsonTextError as error:
        return ParsedAdvisory(value=None, problems=(syntax_problem(error, file, kind),))
    if not is_valid(Format.ADVISORY, value):
        if kind == "json":
            places = locate(raw.decode())
        problems = tuple(explain(Format.ADVISORY, value, file=file, places=places, strict=True))
        return ParsedAdvisory(value=None, problems=problems, places=places)
    model = msgspec.convert(_without_nulls(value), type=Advisory, strict=False)
    return ParsedAdvisory(value=model, places=places)


def _load(raw: bytes, kind: str, depth: int) -> tuple[Any, Mapping[str, Position]]:
    if kind == "json":
        return load_json(raw, depth=depth), {}
    return load_yaml(raw, depth=depth)


def _without_nulls(value: Any) -> Any:
    """The same where null, which OSV allows in places, is as if nothing were said."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def too_large(file: str, size: int, limits: AdvisoryLimits) -> Problem:
    """The problem of a file that no advisory needs to be as large as."""
    return Problem(
        rule="limit-file-size",
        file=file,
        message=f"the file has {size:,} bytes",
        expected=f"keep to at most {limits.file_bytes:,} bytes",
    )
