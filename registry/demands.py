"""What a registry's policy demands of a candidate besides what an install needs.

An install asks for a name, a version and steps, and warns of the rest; a registry that is shared
asks for more before it releases something: ``policy.require`` in ``registry.yaml``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from registry.manifest_checks import FILE as MANIFEST
from registry.model import JsonValue, Manifest, Policy, ReleaseContent, Requirement
from registry.problems import Problem, Severity, ordered

_BY_POLICY = "the registry's policy demands it"
# Warnings of every check, which a policy makes errors.
_WARNED: Mapping[str, Requirement] = {
    "license-missing": Requirement.LICENSE,
    "description-missing": Requirement.DESCRIPTION,
    "readme-missing": Requirement.README,
    "changelog-missing": Requirement.CHANGELOG,
}


def with_demands(
    problems: tuple[Problem, ...],
    files: Mapping[str, bytes],
    content: ReleaseContent | None,
    policy: Policy,
) -> tuple[Problem, ...]:
    """The problems of a candidate, with those that the policy makes of what is missing.

    ``content`` is None for a candidate that has errors: then only the warnings are judged.
    """
    if not policy.require:
        return problems
    demanded = [_demanded(problem, policy) for problem in problems]
    if content is not None:
        demanded.extend(_missing(files, content, policy))
    return ordered(demanded)


def _demanded(problem: Problem, policy: Policy) -> Problem:
    if _WARNED.get(problem.rule) not in policy.require:
        return problem
    expected = f"{problem.expected}; {_BY_POLICY}"
    return replace(problem, severity=Severity.ERROR, expected=expected)


def _missing(
    files: Mapping[str, bytes], content: ReleaseContent, policy: Policy
) -> Iterator[Problem]:
    manifest = content.manifest
    if Requirement.AUTHOR in policy.require and not manifest.author.strip():
        yield _problem("author", MANIFEST, "the library names no author", '"author": who wrote it')
    has_tests = any(path.startswith("tests/") and path.endswith(".py") for path in files)
    runs = any(entry.executor is not None for entry in manifest.steps)
    if Requirement.TESTS in policy.require and runs and not has_tests:
        message = "there are no tests of the executors"
        yield _problem("tests", "tests", message, "tests/test_….py, as 'opsteps new' writes them")
    yield from _missing_in_steps(files, manifest, policy)


def _missing_in_steps(
    files: Mapping[str, bytes], manifest: Manifest, policy: Policy
) -> Iterator[Problem]:
    for entry in manifest.steps:
        step: JsonValue = json.loads(files[entry.file].decode("utf-8-sig"))
        runs = entry.executor is not None
        if Requirement.PERMISSIONS in policy.require and runs and "permissions" not in step:
            message = "the step has an executor and does not say what it may do"
            hint = '"permissions": what it reads, writes and connects to; {} for nothing'
            yield _problem("permissions", entry.file, message, hint)
        if Requirement.EXAMPLES in policy.require and not step.get("examples"):
            hint = '"examples": a name and parameters that show it at work'
            yield _problem("examples", entry.file, "the step has no example", hint)


def _problem(what: str, file: str, message: str, expected: str) -> Problem:
    return Problem(
        rule=f"{what}-missing",
        file=file,
        message=message,
        expected=f"{expected}; {_BY_POLICY}",
    )
