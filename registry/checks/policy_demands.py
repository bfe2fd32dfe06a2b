"""Check a candidate against the registry's policy: its demands besides those of an install.

An install asks for a name, a version and steps, and warns of the rest; a registry that is shared
asks for more before it releases something: ``policy.require`` in ``registry.yaml``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from registry.checks.manifest import FILE as MANIFEST
from registry.checks.release import CheckedRelease
from registry.formats.model import JsonValue, Policy, Requirement
from registry.problems import Problem, Severity, ordered

# What else is wrong with a candidate, by its files; the paths of its problems are theirs.
ContentRule = Callable[[Mapping[str, bytes], CheckedRelease, Policy], Iterable[Problem]]

_BY_POLICY = "the registry's policy demands it"
# Warnings of every check, which a policy makes errors.
_WARNED: Mapping[str, Requirement] = {
    "license-missing": Requirement.LICENSE,
    "description-missing": Requirement.DESCRIPTION,
    "readme-missing": Requirement.README,
    "changelog-missing": Requirement.CHANGELOG,
}


def with_demands(
    checked: CheckedRelease,
    files: Mapping[str, bytes],
    policy: Policy,
    rule: ContentRule | None = None,
) -> tuple[Problem, ...]:
    """The problems of a candidate, with those that the policy makes of what is missing.

    ``rule`` finds more. All is told in one round: what a candidate with errors lacks, too.
    """
    problems = checked.problems
    if rule is not None:
        problems = (*problems, *rule(files, checked, policy))
    demanded = [_demanded(problem, policy) for problem in problems]
    if policy.require and MANIFEST in files:
        demanded.extend(_missing(files, checked, policy))
    return ordered(demanded)


def _demanded(problem: Problem, policy: Policy) -> Problem:
    if _WARNED.get(problem.rule) not in policy.require:
        return problem
    expected = f"{problem.expected}; {_BY_POLICY}"
    return replace(problem, severity=Severity.ERROR, expected=expected)


def _missing(
    files: Mapping[str, bytes], checked: CheckedRelease, policy: Policy
) -> Iterator[Problem]:
    # What has the wrong type is there, and told already.
    if Requirement.AUTHOR in policy.require and _is_blank(checked.manifest.get("author")):
        yield _problem(
            "author", MANIFEST, "the library names no author", 'add "author": who wrote it'
        )
    has_tests = any(path.startswith("tests/") and path.endswith(".py") for path in files)
    runs = any(entry.executor is not None for entry in checked.entries)
    if Requirement.TESTS in policy.require and runs and not has_tests:
        message = "there are no tests of the executors"
        hint = "add tests/test_….py, as 'opsteps new' writes them"
        yield _problem("tests", "tests", message, hint)
    yield from _missing_in_steps(checked, policy)


def _is_blank(value: JsonValue) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _missing_in_steps(checked: CheckedRelease, policy: Policy) -> Iterator[Problem]:
    for entry in checked.entries:
        step = checked.steps.get(entry.file)
        if not isinstance(step, dict):
            continue
        runs = entry.executor is not None
        if Requirement.PERMISSIONS in policy.require and runs and "permissions" not in step:
            message = "the step has an executor and does not say what it may do"
            hint = 'add "permissions": what it reads, writes and connects to; {} for nothing'
            yield _problem("permissions", entry.file, message, hint)
        if Requirement.EXAMPLES in policy.require and not step.get("examples"):
            hint = 'add "examples": a name and parameters that show it at work'
            yield _problem("examples", entry.file, "the step has no example", hint)


def _problem(what: str, file: str, message: str, expected: str) -> Problem:
    return Problem(
        rule=f"{what}-missing",
        file=file,
        message=message,
        expected=f"{expected}; {_BY_POLICY}",
    )
