"""json.transform: pick and rearrange parts of a JSON document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from _params import flag, table
from _step import Done, Run, StepError, perform

MAX_DEPTH = 32
INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


class MissingError(Exception):
    """A pointer leads nowhere."""


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Build an object from ``data`` as ``mapping`` says."""
    return perform(_transform, parameters, context, "The data was not transformed.")


def _transform(parameters: Mapping[str, Any], _: Run) -> Done:
    mapping = table(parameters, "mapping")
    if not mapping:
        raise StepError("mapping is required")
    strict = flag(parameters, "strict", default=True)
    result = _build(mapping, table(parameters, "data"), strict, 0)
    return Done(f"Built {len(result)} members.", {"result": result})


def _build(mapping: dict[str, Any], data: Any, strict: bool, depth: int) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        raise StepError(f"mapping must not be deeper than {MAX_DEPTH}")
    return {name: _member(name, rule, data, strict, depth) for name, rule in mapping.items()}


def _member(name: str, rule: Any, data: Any, strict: bool, depth: int) -> Any:
    """Follow one rule: a pointer, a pointer with a default, or a mapping of its own."""
    if isinstance(rule, str):
        rule = {"pointer": rule}
    if not isinstance(rule, dict):
        raise StepError(f"mapping: {name} must be a pointer or an object")
    if "pointer" not in rule or not set(rule) <= {"pointer", "default"}:
        return _build(rule, data, strict, depth + 1)
    tokens = _tokens(name, rule["pointer"])
    try:
        return _follow(tokens, data)
    except MissingError:
        if "default" in rule or not strict:
            return rule.get("default")
        raise StepError(f"data has nothing at {rule['pointer']} (for {name})") from None


def _tokens(name: str, pointer: object) -> list[str]:
    """Split a JSON Pointer (RFC 6901)."""
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise StepError(f"mapping: {name} must be a JSON Pointer such as /items/0/name")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _follow(tokens: list[str], value: Any) -> Any:
    """Return what a pointer leads to; ``*`` goes through every item of a list."""
    for index, token in enumerate(tokens):
        if isinstance(value, list) and token == "*":  # noqa: S105 - not a secret
            return [_follow(tokens[index + 1 :], item) for item in value]
        if isinstance(value, list) and INDEX.fullmatch(token) and int(token) < len(value):
            value = value[int(token)]
        elif isinstance(value, dict) and token in value:
            value = value[token]
        else:
            raise MissingError
    return value
