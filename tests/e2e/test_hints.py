"""What a problem says to do: an instruction, and the name that was meant."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.installed import command, opsteps
from tests.registry.making import complete_files, encode, files, step, write_files

SECRET = {"type": "string", "required": True, "secret": True}


def _problems(tmp_path: Path, content: dict[str, bytes]) -> list[dict[str, Any]]:
    library = write_files(tmp_path / "kit", content)
    # Whether there are errors is not the question here.
    done = subprocess.run(
        command("validate", library, "--json"), capture_output=True, check=False, cwd=tmp_path
    )
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def test_example_leaves_a_required_secret_out(tmp_path: Path) -> None:
    examples = [{"name": "One", "parameters": {"user": "ada"}}]
    user = {"type": "string", "required": True}
    fields = {"parameters": {"user": user, "password": SECRET}, "examples": examples}
    assert not _problems(tmp_path, files(step_fields=fields))
    # What is no secret must still be given.
    fields["examples"] = [{"name": "One", "parameters": {}}]
    (found,) = _problems(tmp_path, files(step_fields=fields))
    assert found["message"] == "the required parameter 'user' is missing"


def test_secret_that_would_be_published_is_warned_of(tmp_path: Path) -> None:
    fields = {
        "parameters": {"password": SECRET, "token": {**SECRET, "default": "t0ken"}},
        "examples": [{"name": "One", "parameters": {"password": "hunter2"}}],
    }
    found = _problems(tmp_path, files(step_fields=fields))
    assert {(p["rule"], p["pointer"], p["severity"]) for p in found} == {
        ("example-secret", "/examples/0/parameters/password", "warning"),
        ("step-meaning", "/parameters/token/default", "warning"),
    }
    assert all("published for ever" in p["message"] for p in found)
    assert "hunter2" not in json.dumps(found)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("choices", "options"), ("enum", "options"), ("values", "options"),
        ("desc", "description"), ("mandatory", "required"), ("sensitive", "secret"),
    ],
)  # fmt: skip
def test_field_of_a_parameter_by_another_name(tmp_path: Path, wrong: str, right: str) -> None:
    parameter = {"type": "select", "options": ["a"], wrong: ["a"]}
    found = _problems(tmp_path, files(step_fields={"parameters": {"p": parameter}}))
    (hint,) = [p["expected"] for p in found if f"'{wrong}' is not known" in p["message"]]
    assert hint == f"did you mean {right!r}?"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("args", "parameters"), ("params", "parameters"), ("title", "display_name"),
     ("label", "display_name"), ("desc", "description")],
)  # fmt: skip
def test_field_of_a_step_by_another_name(tmp_path: Path, wrong: str, right: str) -> None:
    (found,) = _problems(tmp_path, files(step_fields={wrong: "x"}))
    assert found["expected"] == f"did you mean {right!r}?"


def test_inputs_that_are_no_number_are_parameters(tmp_path: Path) -> None:
    (found,) = _problems(tmp_path, files(step_fields={"inputs": {"source": "file"}}))
    assert "'parameters'" in found["expected"]


def test_licence_is_license(tmp_path: Path) -> None:
    (found,) = _problems(tmp_path, files(licence="MIT"))
    assert found["expected"] == "did you mean 'license'?"


def test_every_hint_is_an_instruction(tmp_path: Path) -> None:
    """Of every part of a library: each begins with what to do, or asks what was meant."""
    broken = step(
        name="Bad Name",
        inputs=11,
        color="nonsense",
        category=7,
        parameters={
            "p": {"type": "tuple"},
            "q": {"type": "number", "validation": {"min": 2, "max": 1}, "default": "x"},
            "r": {"type": "string", "validation": {"pattern": "(?=x)"}},
            "s": {"type": "boolean", "validation": {"min": 1}},
        },
        permissions={"network": ["{host}"], "filesystem": {"read": ["/"]}},
        examples=[{"name": "x", "parameters": {"nothing": 1}}],
        is_deprecated=True,
        zzz=1,
    )
    content = complete_files(
        display_name="",
        homepage="nowhere",
        tags=["a", "a"],
        extra={
            "docs/README.md": b"# x\n\n[a](b.md) [c](../../d) [e](#f)\n\n<script>\n",
            "docs/tool.exe": b"MZ",
            "docs/all.zip": b"PK\x03\x04",
            "docs/latin.md": b"\xe9",
            "docs/pic.png": b"x",
            "assets/a.svg": b"x",
            "other/x.txt": b"x",
            "executors/copy.py": b"def (:\n",
        },
    )
    content["steps/copy.json"] = encode(broken)
    found = _problems(tmp_path, content)
    (tmp_path / "kit/link").symlink_to("docs")
    found += json.loads(opsteps(tmp_path, "validate", "kit", "--json", expect=1))
    rules = {problem["rule"] for problem in found}
    assert rules >= {"link-broken", "executor-syntax", "source", "file-binary", "example"}
    begins = re.compile(
        r"(add|choose|did you mean|give|keep|list|name|pack|put|rename|save|take|use|write) ?"
    )
    wrong = {p["expected"] for p in found if not begins.match(p["expected"])}
    assert not wrong
