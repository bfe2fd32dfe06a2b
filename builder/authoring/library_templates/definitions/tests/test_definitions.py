"""The definitions agree with themselves; `opsteps validate` checks all the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

LIBRARY = Path(__file__).resolve().parent.parent
MANIFEST = json.loads((LIBRARY / "manifest.json").read_text(encoding="utf-8"))
STEPS = [
    json.loads((LIBRARY / entry["file"]).read_text(encoding="utf-8")) for entry in MANIFEST["steps"]
]
every_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step["name"])


def test_every_file_is_in_the_manifest_once() -> None:
    listed = [entry["file"] for entry in MANIFEST["steps"]]
    found = [f"steps/{path.name}" for path in (LIBRARY / "steps").glob("*.json")]
    assert sorted(listed) == sorted(found)


@every_step
def test_the_platform_performs_it(step: dict[str, Any]) -> None:
    entry = MANIFEST["steps"][STEPS.index(step)]
    assert "executor" not in entry
    assert step["required_permissions"] == []


@every_step
def test_every_example_can_be_run(step: dict[str, Any]) -> None:
    needed = {name for name, parameter in step["parameters"].items() if parameter["required"]}
    assert step["examples"]
    for example in step["examples"]:
        assert needed <= set(example["parameters"]) <= set(step["parameters"])


@every_step
def test_callers_learn_what_comes_back(step: dict[str, Any]) -> None:
    assert set(step["returns"]["required"]) <= set(step["returns"]["properties"])
    assert all(output["description"] for output in step["returns"]["properties"].values())
