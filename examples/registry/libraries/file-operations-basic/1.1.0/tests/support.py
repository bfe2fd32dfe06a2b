"""Calling a step as the platform does, and holding the answer against its definition."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RELEASE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(RELEASE / "executors"))

JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def call(step: str, parameters: Any, context: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Run a step's executor and return its result, which has the four agreed members."""
    execute = importlib.import_module(step.replace(".", "_")).execute
    result: dict[str, Any] = execute(parameters, {} if context is None else context)
    assert set(result) == {"success", "message", "output", "error"}
    assert isinstance(result["success"], bool)
    assert isinstance(result["message"], str)
    assert isinstance(result["output"], dict)
    assert result["success"] == (result["error"] is None)
    assert json.loads(json.dumps(result)) == result
    return result


def ok(step: str, parameters: Any, context: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Run a step that has to succeed and return its output, which keeps to ``returns``."""
    result = call(step, parameters, context)
    assert result["success"], result["error"]
    definition = json.loads(
        (RELEASE / "steps" / f"{step.replace('.', '_')}.json").read_text("utf-8")
    )
    keeps_to(definition["returns"], result["output"])
    output: dict[str, Any] = result["output"]
    return output


def refused(step: str, parameters: Any, context: Mapping[str, Any] | None = None) -> str:
    """Run a step that has to fail and return its error."""
    result = call(step, parameters, context)
    assert not result["success"], result
    assert isinstance(result["error"], str)
    return result["error"]


def keeps_to(schema: dict[str, Any], value: Any) -> None:
    """Check a value against the few words of JSON Schema that ``returns`` is written in."""
    names = schema.get("type", list(JSON_TYPES))
    types = [
        kind for name in ([names] if isinstance(names, str) else names) for kind in JSON_TYPES[name]
    ]
    assert type(value) in types, f"{value!r} is not {names}"
    assert value in schema.get("enum", [value])
    if isinstance(value, dict):
        assert set(schema.get("required", [])) <= set(value), f"{schema} {value}"
        assert set(value) <= set(schema.get("properties", value)), f"{schema} {value}"
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                keeps_to(inner, value[name])
    if isinstance(value, list):
        for item in value:
            keeps_to(schema.get("items", {}), item)
