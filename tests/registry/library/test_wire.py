from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from registry.formats.model import Parameter, ParameterType
from registry.formats.parsing import parse_step
from registry.library.core import core_library
from registry.library.release_state import Library
from registry.library.wire import (
    library_detail_bytes,
    library_list_bytes,
    library_steps,
    library_summary_bytes,
    parameter_fields,
    step_bytes,
    step_list_bytes,
)
from registry.names import LibraryName
from registry.snapshots.registry import Registry
from tests.registry.making import (
    NAME,
    commit_all,
    encode,
    files,
    new_registry,
    put,
    step,
    write_files,
)

STEP_KEYS = [
    "id", "name", "type", "category", "library", "library_id", "icon", "description", "color",
    "inputs", "outputs", "parameters", "platform_support", "required_permissions", "examples",
    "tags", "version", "permissions", "has_executor", "returns", "is_deprecated",
    "deprecation_message",
]  # fmt: skip
SUMMARY_KEYS = [
    "id", "name", "version", "display_name", "description", "author", "is_enabled", "is_premium",
    "installation_date", "last_used", "step_count", "status",
]  # fmt: skip
MANIFEST_KEYS = {
    "license", "author_email", "homepage", "repository", "categories", "tags", "dependencies",
    "min_opsconductor_version", "platform_support", "required_permissions", "price", "trial_days",
    "support_email", "publisher", "python_requirements",
}  # fmt: skip


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with new_registry(tmp_path / "r") as registry:
        put(registry, files())
        put(registry, files(version="1.1.0"))
        yield registry.snapshot().library(NAME)


def decode(raw: bytes) -> Any:
    return msgspec.json.decode(raw)


def test_step_has_exactly_these_fields_in_this_order(library: Library) -> None:
    ((name, body),) = library_steps(library)
    found = decode(body)
    assert name == "file.copy"
    assert list(found) == STEP_KEYS
    assert found["id"] == "file-tools.file.copy"
    assert (found["name"], found["type"], found["version"]) == ("Copy", "file.copy", "1.1.0")
    assert found["library_id"] == library.library_id
    assert found["has_executor"] is True
    assert found["parameters"] == {"source": {"type": "file", "required": True, "description": ""}}
    assert list(found["permissions"]) == [
        "filesystem", "network", "commands", "environment", "limits",
    ]  # fmt: skip


def test_summary_has_exactly_these_fields_in_this_order(library: Library) -> None:
    found = decode(library_summary_bytes(library))
    assert list(found) == SUMMARY_KEYS
    assert found["status"] == "enabled"
    assert found["step_count"] == 1
    assert found["installation_date"].endswith("Z")
    assert found["last_used"] is None
    used = decode(library_summary_bytes(library, last_used="2024-01-01T00:00:00Z"))
    assert used["last_used"] == "2024-01-01T00:00:00Z"


def test_detail_has_the_summary_the_manifest_the_releases_and_the_steps(library: Library) -> None:
    bodies = [body for _, body in library_steps(library)]
    found = decode(library_detail_bytes(library, bodies))
    ours = {"steps", "versions", "deprecated", "problems"}
    assert set(found) == set(SUMMARY_KEYS) | MANIFEST_KEYS | ours
    assert found["steps"] == [decode(body) for body in bodies]
    assert [v["version"] for v in found["versions"]] == ["1.1.0", "1.0.0"]
    assert set(found["versions"][0]) == {"version", "state", "date", "digest", "yanked"}
    summary = decode(library_summary_bytes(library))
    assert {key: found[key] for key in SUMMARY_KEYS} == summary


def test_default_null_is_there_and_no_default_is_not() -> None:
    text = ParameterType.STRING
    assert "default" not in parameter_fields(Parameter(type=text))
    assert parameter_fields(Parameter(type=text, default=None))["default"] is None
    raw = encode(
        step(parameters={"a": {"type": "string", "default": None}, "b": {"type": "string"}})
    )
    parsed = parse_step(raw, file="x").value
    assert parsed is not None
    found = decode(step_bytes(LibraryName("x"), "1.0.0", parsed, has_executor=False))
    assert list(found["parameters"]["a"]) == ["type", "required", "default", "description"]
    assert list(found["parameters"]["b"]) == ["type", "required", "description"]


def test_parameter_fields_are_in_the_wires_order() -> None:
    full = Parameter(
        type=ParameterType.SELECT, required=True, default="a", options=("a",), multiline=True,
        secret=True, validation={"pattern": "a"},
    )  # fmt: skip
    assert list(parameter_fields(full)) == [
        "type", "required", "default", "description", "options", "multiline", "secret",
        "validation",
    ]  # fmt: skip


def test_step_list_and_library_list(library: Library) -> None:
    bodies = [body for _, body in library_steps(library)]
    found = decode(step_list_bytes(bodies, ["b", "a", "b"], ["x"]))
    assert list(found) == ["steps", "total_count", "categories", "libraries"]
    assert found["categories"] == ["a", "b"]
    assert found["total_count"] == 1
    assert decode(step_list_bytes([], [], [])) == {
        "steps": [], "total_count": 0, "categories": [], "libraries": [],
    }  # fmt: skip
    assert decode(library_list_bytes([])) == []
    assert len(decode(library_list_bytes([library_summary_bytes(library)] * 2))) == 2


def test_broken_library_is_on_the_wire_with_its_reason(tmp_path: Path) -> None:
    with new_registry(tmp_path / "r") as registry:
        write_files(registry.path, {"libraries/file-tools/library.yaml": b"ledger: ["})
        commit_all(registry.path)
        library = registry.snapshot().library(NAME)
    found = decode(library_summary_bytes(library))
    assert list(found) == SUMMARY_KEYS
    assert (found["status"], found["is_enabled"], found["step_count"]) == ("error", False, 0)
    assert "library.yaml" in found["description"]
    detail = decode(library_detail_bytes(library, []))
    assert detail["problems"]
    assert detail["steps"] == []


def test_core_is_on_the_wire() -> None:
    core = core_library()
    bodies = library_steps(core)
    assert bodies
    assert all(list(decode(body)) == STEP_KEYS for _, body in bodies)
    assert all(decode(body)["has_executor"] is False for _, body in bodies)
    assert decode(library_summary_bytes(core))["name"] == "core"


def test_large_numbers_and_any_text_survive(tmp_path: Path) -> None:
    parameters = {
        "p": {"type": "number", "default": 2**64 - 1},
        "q": {"type": "string", "default": "\u2028é🎈"},
    }
    with new_registry(tmp_path / "r") as registry:
        put(registry, files(step_fields={"parameters": parameters}))
        ((_, body),) = library_steps(reopened(registry).snapshot().library(NAME))
    found = decode(body)["parameters"]
    assert found["p"]["default"] == 2**64 - 1
    assert found["q"]["default"] == "\u2028é🎈"


def reopened(registry: Registry) -> Registry:
    registry.close()
    return registry
