"""Check a step beyond its schema: defaults, options, patterns, examples and placeholders."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import msgspec

from registry.formats.json_text import escape_pointer
from registry.formats.model import Parameter, ParameterType, Step
from registry.formats.parameter_schema import compile_pattern, set_problems, value_problems
from registry.problems import Problem, Severity
from registry.words.spelling import listed, nearest

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_RANGES = (("min", "max"), ("min_length", "max_length"), ("min_items", "max_items"))
_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
_NUMBERS = frozenset({ParameterType.NUMBER})
_TEXTS = frozenset({ParameterType.STRING, ParameterType.FILE, ParameterType.DIRECTORY})
_LISTS = frozenset({ParameterType.ARRAY, ParameterType.MULTISELECT})
_APPLIES = {
    "min": _NUMBERS,
    "max": _NUMBERS,
    "min_length": _TEXTS,
    "max_length": _TEXTS,
    "pattern": _TEXTS,
    "min_items": _LISTS,
    "max_items": _LISTS,
}


def step_problems(
    step: Step, file: str, *, unsound: Collection[str] = (), strict: bool = False
) -> Iterator[Problem]:
    """Everything about a step's meaning that is wrong, by JSON pointer.

    ``unsound`` are parts that are not judged, such as ``parameters/source`` or ``examples/0``.
    ``strict`` as for a whole release.
    """
    severity = Severity.ERROR if strict else Severity.WARNING
    for pointer, target in _references(step.returns, "/returns"):
        if not target.startswith("#"):
            yield _problem(
                file,
                pointer,
                f"{target[:80]!r} leads out of this schema, and who reads it may follow",
                expected="a reference inside it: '#/…'",
                severity=severity,
            )
    for name, parameter in step.parameters.items():
        if f"parameters/{name}" not in unsound:
            yield from _parameter_problems(parameter, file, f"/parameters/{escape_pointer(name)}")
    for index, example in enumerate(step.examples):
        if f"examples/{index}" in unsound:
            continue
        for name, message in set_problems(step.parameters, example.parameters):
            yield Problem(
                rule="example",
                file=file,
                pointer=f"/examples/{index}/parameters/{escape_pointer(name)}",
                message=message,
                expected="write an example that the step accepts",
            )
        yield from _published_secrets(step, index, file)
    yield from _placeholder_problems(step, file)
    if step.is_deprecated and not step.deprecation_message:
        yield Problem(
            rule="deprecation",
            file=file,
            pointer="/is_deprecated",
            message="the step is deprecated and does not say why",
            expected="add a deprecation_message that names what to use instead",
            severity=Severity.WARNING,
        )


def _published_secrets(step: Step, index: int, file: str) -> Iterator[Problem]:
    for name, value in step.examples[index].parameters.items():
        parameter = step.parameters.get(name)
        if parameter is not None and parameter.secret and value not in ("", None):
            yield Problem(
                rule="example-secret",
                file=file,
                pointer=f"/examples/{index}/parameters/{escape_pointer(name)}",
                message="the example has a value for a secret, which would be published for ever",
                expected="leave it out: an example needs no secrets",
                severity=Severity.WARNING,
            )


def _references(value: object, pointer: str) -> Iterator[tuple[str, str]]:
    """Each reference to another schema in one, with its pointer; of any draft."""
    if isinstance(value, dict):
        for key, inner in value.items():
            place = f"{pointer}/{escape_pointer(key)}"
            if key in _REFERENCES and isinstance(inner, str):
                yield place, inner
            else:
                yield from _references(inner, place)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _references(inner, f"{pointer}/{index}")


def _parameter_problems(parameter: Parameter, file: str, pointer: str) -> Iterator[Problem]:
    for low, high in _RANGES:
        least, most = parameter.validation.get(low), parameter.validation.get(high)
        if least is not None and most is not None and least > most:
            yield _problem(
                file,
                f"{pointer}/validation",
                f"{low} is greater than {high}",
                expected=f"write {low} not above {high}",
            )
    for keyword, types in _APPLIES.items():
        if keyword in parameter.validation and parameter.type not in types:
            yield _problem(
                file,
                f"{pointer}/validation/{keyword}",
                f"{keyword} means nothing for the type {parameter.type}",
                expected=f"use it only with the types {', '.join(sorted(types))}",
                severity=Severity.WARNING,
            )
    pattern = parameter.validation.get("pattern")
    if isinstance(pattern, str) and compile_pattern(pattern) is None:
        yield _problem(
            file,
            f"{pointer}/validation/pattern",
            "the pattern is not one that RE2 accepts",
            expected="write a regular expression without look-around and back-references",
        )
        return
    yield from _default_problems(parameter, file, pointer)


def _default_problems(parameter: Parameter, file: str, pointer: str) -> Iterator[Problem]:
    default = parameter.default
    if default is msgspec.UNSET or default is None:
        return
    # An empty text as default is how a form shows a field that nothing was entered in yet.
    if default == "" and parameter.required:
        return
    for message in value_problems(parameter, default):
        yield _problem(
            file,
            f"{pointer}/default",
            f"the default is not a value it accepts: {message}",
            expected=f"write a {parameter.type} that its validation accepts",
        )
    if parameter.secret and default != "":
        yield _problem(
            file,
            f"{pointer}/default",
            "a secret has a default, which would be published for ever",
            expected="take the default out",
            severity=Severity.WARNING,
        )


def _placeholder_problems(step: Step, file: str) -> Iterator[Problem]:
    permissions = step.permissions
    groups = (
        ("/permissions/filesystem/read", permissions.filesystem.read),
        ("/permissions/filesystem/write", permissions.filesystem.write),
        ("/permissions/network", permissions.network),
    )
    for pointer, items in groups:
        for index, item in enumerate(items):
            for name in _PLACEHOLDER.findall(item):
                if name not in step.parameters:
                    yield _problem(
                        file,
                        f"{pointer}/{index}",
                        f"{{{name[:80]}}} names no parameter of this step",
                        expected=_named(name, step),
                    )
            if item in {"/", "/proc"} or item.startswith("/proc/"):
                yield _problem(
                    file,
                    f"{pointer}/{index}",
                    f"{item!r} is never granted",
                    expected="name the folders that the step works in",
                )


def _named(name: str, step: Step) -> str:
    if not step.parameters:
        return "write a path or host itself: the step has no parameters"
    meant = nearest(name, step.parameters)
    return f"did you mean {{{meant}}}?" if meant else f"name one of {listed(step.parameters)}"


def _problem(
    file: str,
    pointer: str,
    message: str,
    *,
    expected: str,
    severity: Severity = Severity.ERROR,
) -> Problem:
    return Problem(
        rule="step-meaning",
        file=file,
        pointer=pointer,
        message=message,
        expected=expected,
        severity=severity,
    )
