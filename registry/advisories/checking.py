"""Check a registry's own advisory beyond its schema: versions, events, libraries, steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from registry.advisories.model import LIBRARIES, Advisory, Affected, Range, RangeTurn, RangeType
from registry.advisories.parsing import (
    DEFAULT_ADVISORY_LIMITS,
    AdvisoryLimits,
    ParsedAdvisory,
    parse_advisory,
)
from registry.advisories.ranges import is_special
from registry.errors import InvalidNameError
from registry.formats.json_text import Position
from registry.names import is_library_name, parse_step_name
from registry.problems import Problem, Severity, errors_of
from registry.versions import version_or_none

FOLDER = "advisories"
# What stands beside advisories without being one.
_OTHER_FILES = frozenset({"README.md", ".gitkeep", ".gitignore"})
_EXAMPLE = "MAJOR.MINOR.PATCH, optionally with -alpha.N, -beta.N or -rc.N, in quotes"
_VECTORS = {"CVSS_V3": "CVSS:3.", "CVSS_V4": "CVSS:4."}


def check_advisory(
    raw: bytes,
    *,
    file: str,
    libraries: Callable[[str], bool] | None = None,
    limits: AdvisoryLimits = DEFAULT_ADVISORY_LIMITS,
) -> ParsedAdvisory:
    """One file of ``advisories/`` with every check there is; its value is None after an error.

    ``file`` is its path in the registry. ``libraries`` says whether a library of that name is
    there; without it nobody asks.
    """
    name = file.rpartition("/")[2]
    if not name.endswith(".yaml"):
        stray = () if name in _OTHER_FILES else (_stray(file),)
        return ParsedAdvisory(value=None, problems=stray)
    parsed = parse_advisory(raw, file=file, limits=limits)
    if parsed.value is None:
        return parsed
    checker = _Checker(file=file, places=parsed.places, libraries=libraries)
    problems = tuple(checker.problems(parsed.value))
    value = None if errors_of(problems) else parsed.value
    return ParsedAdvisory(value=value, problems=problems, places=parsed.places)


def _stray(file: str) -> Problem:
    return Problem(
        rule="advisory-file",
        file=file,
        message="this file is not read: an advisory is a file named <id>.yaml",
        expected=f"{FOLDER}/<id>.yaml",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Checker:
    """Finds what is wrong with one advisory, and where it stands."""

    file: str
    places: Mapping[str, Position]
    libraries: Callable[[str], bool] | None

    def _problem(
        self, pointer: str, message: str, expected: str, severity: Severity = Severity.ERROR
    ) -> Problem:
        near = pointer
        while near and near not in self.places:
            near = near.rpartition("/")[0]
        place = self.places.get(near, Position(line=1, column=1))
        return Problem(
            rule="advisory",
            file=self.file,
            pointer=pointer,
            line=place.line,
            column=place.column,
            message=message,
            expected=expected,
            severity=severity,
        )

    def problems(self, advisory: Advisory) -> Iterator[Problem]:
        named = self.file.rpartition("/")[2].removesuffix(".yaml")
        if advisory.id != named:
            message = f"the id is {advisory.id!r}, the file is named {named[:100]!r}"
            yield self._problem("/id", message, f"name the file {advisory.id}.yaml")
        if not any(entry.is_about(LIBRARIES) for entry in advisory.affected):
            yield self._problem(
                "/affected",
                "it is about no library",
                f"an entry whose package has the ecosystem {LIBRARIES!r}",
            )
        yield from self._vectors("/severity", advisory)
        for index, entry in enumerate(advisory.affected):
            if entry.is_about(LIBRARIES):
                yield from self._affected(f"/affected/{index}", entry)

    def _vectors(self, pointer: str, advisory: Advisory) -> Iterator[Problem]:
        for index, rating in enumerate(advisory.severity):
            start = _VECTORS.get(rating.type, "")
            if not rating.score.startswith(start):
                yield self._problem(
                    f"{pointer}/{index}/score",
                    f"this is not a vector of {rating.type}",
                    f"text that starts with {start}",
                )

    def _affected(self, pointer: str, entry: Affected) -> Iterator[Problem]:
        name = entry.package.name if entry.package is not None else ""
        at_name = f"{pointer}/package/name"
        if not is_library_name(name):
            yield self._problem(at_name, f"{name[:80]!r} is not a library name", "such as 'files'")
        elif self.libraries is not None and not self.libraries(name):
            yield self._problem(
                at_name, f"there is no library {name!r}", "a library's name", Severity.WARNING
            )
        if not entry.ranges and not entry.versions:
            yield self._problem(pointer, "it says no versions", "ranges, or versions")
        for index, text in enumerate(entry.versions):
            if version_or_none(text) is None:
                yield self._not_a_version(f"{pointer}/versions/{index}", text)
        for index, item in enumerate(entry.ranges):
            yield from self._range(f"{pointer}/ranges/{index}", item)
        yield from self._steps(f"{pointer}/ecosystem_specific/steps", entry)

    def _range(self, pointer: str, entry: Range) -> Iterator[Problem]:
        if entry.type is RangeType.GIT:
            yield self._problem(
                f"{pointer}/type", "commits say nothing about releases", "SEMVER", Severity.WARNING
            )
            return
        seen: set[RangeTurn] = set()
        for index, event in enumerate(entry.events):
            said = list(event.turns())
            at = f"{pointer}/events/{index}"
            if len(said) != 1:
                message = f"the event says {len(said)} things"
                yield self._problem(at, message, f"one of {', '.join(RangeTurn)}")
            seen.update(turn for turn, _ in said)
            for turn, text in said:
                if not is_special(turn, text) and version_or_none(text) is None:
                    yield self._not_a_version(f"{at}/{turn}", text)
        yield from self._turns(f"{pointer}/events", seen)

    def _turns(self, pointer: str, seen: Collection[RangeTurn]) -> Iterator[Problem]:
        if RangeTurn.INTRODUCED not in seen:
            message = "nothing says where it was introduced, so no version is meant"
            yield self._problem(pointer, message, 'an event such as introduced: "0"')
        if RangeTurn.FIXED in seen and RangeTurn.LAST_AFFECTED in seen:
            message = "fixed and last_affected stand in one range"
            yield self._problem(pointer, message, "only fixed, where it is known")

    def _not_a_version(self, pointer: str, text: str) -> Problem:
        return self._problem(pointer, f"{text[:40]!r} is not a version", _EXAMPLE)

    def _steps(self, pointer: str, entry: Affected) -> Iterator[Problem]:
        steps = entry.ecosystem_specific.get("steps", [])
        if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
            yield self._problem(pointer, "this is not a list of steps", "a list of steps' names")
            return
        for index, step in enumerate(steps):
            try:
                parse_step_name(step)
            except InvalidNameError as error:
                yield self._problem(f"{pointer}/{index}", error.message, error.next_step)
