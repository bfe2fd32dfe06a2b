"""The criteria about what people read: README, changelog, descriptions, examples, outputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jsonschema_rs

from builder.quality.facts import CHANGELOG, README, QualityFacts
from builder.quality.model import QualityJudgement, met, missed, share
from registry.formats.model import Step
from registry.formats.parameter_schema import compile_pattern, parameters_schema
from registry.library.changelog import notes_of
from registry.versions import parse_version

README_WORDS = 100
# Bytes that are looked at of a document: a score must cost next to nothing.
_README_BYTES = 8 * 1024
_CHANGELOG_BYTES = 64 * 1024
# Matched by RE2 or not at all; the schema's engine is not linear.
_NOT_IN_SCHEMA = frozenset({"pattern", "format", "description", "default", "writeOnly"})
_NAMED = 3


def readme(facts: QualityFacts) -> QualityJudgement:
    raw = facts.documents.get(README)
    if raw is None:
        return missed(
            "there is no docs/README.md", "write what the library is for, and how to use it"
        )
    words = 0
    for line in raw[:_README_BYTES].splitlines():
        words += 0 if line.startswith(b"#") else len(line.split())
        if words >= README_WORDS:
            return met(f"it has {README_WORDS} words or more")
    return QualityJudgement(
        good=words,
        total=README_WORDS,
        why=f"it has {words} words besides its headings",
        improve=f"say in {README_WORDS} words what it is for, what it needs and how to use it",
    )


def changelog(facts: QualityFacts) -> QualityJudgement:
    version = facts.content.manifest.version
    raw = facts.documents.get(CHANGELOG)
    improve = f"write what is new under a heading '## {version}'"
    if raw is None:
        return missed("there is no docs/CHANGELOG.md", improve)
    if notes_of(raw[:_CHANGELOG_BYTES], parse_version(version)):
        return met(f"it says what is new in {version}")
    return missed(f"it says nothing under a heading for {version}", improve)


def described(facts: QualityFacts) -> QualityJudgement:
    total = 0
    lacking: list[str] = []
    for step in facts.content.steps:
        total += 1 + len(step.parameters)
        if _repeats(step.description, step.name) or _repeats(step.description, step.display_name):
            lacking.append(step.name)
        for name, parameter in step.parameters.items():
            if _repeats(parameter.description, name):
                lacking.append(f"{step.name}: {name}")
    return share(
        total - len(lacking),
        total,
        "steps and parameters with a description that says more than the name",
        f"describe {_some(lacking)}",
    )


def _repeats(description: str, name: str) -> bool:
    """True if a description says nothing, or only the name again."""
    said = description.strip()
    return not said or said.rstrip(".").casefold() == name.casefold()


def examples(facts: QualityFacts) -> QualityJudgement:
    steps = [step for step in facts.content.steps if step.parameters]
    shown = [step for step in steps if step.examples]
    # One validator for all steps costs a fraction of one each; which is wrong is seldom asked.
    are_valid = not shown or _accept(shown)
    good = shown if are_valid else [step for step in shown if _accept([step])]
    names = {step.name for step in good}
    lacking = [step.name for step in steps if step.name not in names]
    return share(
        len(good),
        len(steps),
        "steps with parameters that have examples, all of them valid",
        f"give valid examples of {_some(lacking)}",
    )


def _accept(steps: Sequence[Step]) -> bool:
    """True if every step accepts all of its examples."""
    schema = {"prefixItems": [{"items": _schema(step)} for step in steps]}
    given = [[example.parameters for example in step.examples] for step in steps]
    accepts = jsonschema_rs.Draft202012Validator(schema)
    return bool(accepts.is_valid(given)) and all(map(_patterns_match, steps))


_matcher = lru_cache(maxsize=1024)(compile_pattern)


def _patterns_match(step: Step) -> bool:
    for name, parameter in step.parameters.items():
        pattern = parameter.validation.get("pattern")
        if not isinstance(pattern, str):
            continue
        values = [example.parameters.get(name) for example in step.examples]
        texts = [value for value in values if isinstance(value, str)]
        matcher = _matcher(pattern) if texts else None
        if matcher is not None and not all(map(matcher.fullmatch, texts)):
            return False
    return True


def _schema(step: Step) -> dict[str, Any]:
    """Return the schema of a step's parameters, without its patterns and without words."""
    schema = parameters_schema(step.parameters)
    properties = {
        name: {key: value for key, value in said.items() if key not in _NOT_IN_SCHEMA}
        for name, said in schema["properties"].items()
    }
    required = schema["required"]
    return {"properties": properties, "required": required, "additionalProperties": False}


def returns(facts: QualityFacts) -> QualityJudgement:
    steps = [step for step in facts.content.steps if step.outputs]
    lacking = [step.name for step in steps if not step.returns]
    return share(
        len(steps) - len(lacking),
        len(steps),
        "steps with an output that say what it looks like",
        f"write a schema under 'returns' of {_some(lacking)}",
    )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
