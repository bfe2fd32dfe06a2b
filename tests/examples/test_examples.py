"""The libraries in ``examples/``: their own tests pass, and their parts agree with each other."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REGISTRY = Path(__file__).resolve().parents[2] / "examples" / "registry"
RELEASES = sorted((REGISTRY / "libraries").glob("*/*/"))
STEP_FILES = sorted((REGISTRY / "libraries").glob("*/*/steps/*.json"))
VERSIONS = {
    "custom-integrations": ["1.0.0"],
    "file-operations-basic": ["1.0.0", "1.1.0", "2.0.0"],
    "network-tools-premium": ["1.0.0"],
}
PLACEHOLDER = re.compile(r"\{(\w+)\}")
CHILD_TIMEOUT_S = 300


def release_id(path: Path) -> str:
    return f"{path.parent.name}-{path.name}"


def step_id(path: Path) -> str:
    return f"{release_id(path.parents[1])}-{path.stem}"


every_release = pytest.mark.parametrize("release", RELEASES, ids=release_id)
every_step = pytest.mark.parametrize("file", STEP_FILES, ids=step_id)


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def steps_of(release: Path) -> dict[str, dict[str, Any]]:
    entries = load(release / "manifest.json")["steps"]
    steps = [load(release / entry["file"]) for entry in entries]
    return {step["name"]: step for step in steps}


def imports_of(path: Path) -> set[str]:
    """Return the top-level modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


@every_release
def test_its_own_tests_pass(release: Path, tmp_path: Path) -> None:
    """As an author runs them: on a copy, alone, with nothing of this project around."""
    copy = tmp_path / "release"
    shutil.copytree(release, copy)
    options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-W", "error"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--basetemp={tmp_path / 'base'}", "tests"],
        cwd=copy,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=CHILD_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_the_registry_holds_these_releases() -> None:
    found: dict[str, list[str]] = {}
    for release in RELEASES:
        found.setdefault(release.parent.name, []).append(release.name)
    assert found == VERSIONS


def test_no_run_has_left_anything_behind() -> None:
    names = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", "library.yaml"}
    assert [path for path in REGISTRY.rglob("*") if path.name in names] == []


@every_release
def test_the_manifest_names_what_is_there(release: Path) -> None:
    manifest = load(release / "manifest.json")
    assert (manifest["name"], manifest["version"]) == (release.parent.name, release.name)
    entries = manifest["steps"]
    assert sorted(e["file"] for e in entries) == sorted(
        path.relative_to(release).as_posix() for path in release.glob("steps/*.json")
    )
    assert sorted(e["executor"] for e in entries) == sorted(
        path.relative_to(release).as_posix() for path in release.glob("executors/[!_]*.py")
    )
    for entry in entries:
        assert Path(entry["file"]).stem == Path(entry["executor"]).stem
        assert load(release / entry["file"])["name"].replace(".", "_") == Path(entry["file"]).stem


@every_release
def test_the_manifest_sums_up_its_steps(release: Path) -> None:
    manifest, steps = load(release / "manifest.json"), steps_of(release).values()
    labels = {label for step in steps for label in step["required_permissions"]}
    assert manifest["required_permissions"] == sorted(labels)
    platforms = {platform for step in steps for platform in step["platform_support"]}
    assert set(manifest["platform_support"]) == platforms
    assert bool(manifest["price"]) == manifest["is_premium"] == bool(manifest["trial_days"])


@every_release
def test_executors_import_nothing_but_siblings_and_the_standard_library(release: Path) -> None:
    siblings = {path.stem for path in release.glob("executors/*.py")}
    for path in release.glob("executors/*.py"):
        assert imports_of(path) <= siblings | sys.stdlib_module_names, path


@every_release
def test_the_docs_describe_every_step_and_parameter(release: Path) -> None:
    readme = (release / "docs" / "README.md").read_text(encoding="utf-8")
    sections = {part.split("\n", 1)[0]: part for part in readme.split("\n### ")[1:]}
    steps = steps_of(release)
    assert list(sections) == list(steps)
    for name, step in steps.items():
        for member in [*step["parameters"], *step["returns"]["properties"]]:
            assert f"| `{member}` |" in sections[name], f"{name}: {member}"


@every_release
def test_the_changelog_begins_with_this_release(release: Path) -> None:
    text = (release / "docs" / "CHANGELOG.md").read_text(encoding="utf-8")
    dated = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - 2026-\d\d-\d\d$", text, re.MULTILINE)
    versions = VERSIONS[release.parent.name]
    assert dated == versions[: versions.index(release.name) + 1][::-1]


@every_step
def test_labels_say_what_the_permissions_say(file: Path) -> None:
    step = load(file)
    permissions = step["permissions"]
    filesystem = permissions.get("filesystem", {})
    labels = {
        "file_read": filesystem.get("read"),
        "file_write": filesystem.get("write"),
        "network": permissions.get("network"),
        "command": permissions.get("commands"),
    }
    assert step["required_permissions"] == [label for label, what in labels.items() if what]


@every_step
def test_permissions_name_parameters_of_the_step(file: Path) -> None:
    step = load(file)
    filesystem = step["permissions"].get("filesystem", {})
    network = step["permissions"].get("network", [])
    for item in [*filesystem.get("read", []), *filesystem.get("write", []), *network]:
        named = PLACEHOLDER.findall(item)
        assert named, item
        assert set(named) <= set(step["parameters"])
    assert step["permissions"]["limits"]["wall_seconds"] > 0


@every_step
def test_a_step_without_a_permission_imports_nothing_that_needs_one(file: Path) -> None:
    step = load(file)
    imports = imports_of(file.parents[1] / "executors" / f"{file.stem}.py")
    if "command" not in step["required_permissions"]:
        assert "subprocess" not in imports
    if "network" not in step["required_permissions"]:
        assert not imports & {"socket", "ssl", "http", "urllib", "_http", "_hosts"}


@every_step
def test_an_executor_answers_when_it_is_given_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step has a required parameter, and says so instead of raising."""
    folder = file.parents[1] / "executors"
    monkeypatch.syspath_prepend(str(folder))
    for path in folder.glob("*.py"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
    spec = importlib.util.spec_from_file_location(file.stem, folder / f"{file.stem}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec.loader.exec_module(module)
    for path in folder.glob("_*.py"):  # the next release brings its own siblings of these names
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
    result = module.execute({}, {})
    assert set(result) == {"success", "message", "output", "error"}
    assert result["success"] is False
    assert "required" in result["error"]


def test_the_minor_release_only_adds() -> None:
    library = REGISTRY / "libraries" / "file-operations-basic"
    old, new = steps_of(library / "1.0.0"), steps_of(library / "1.1.0")
    assert set(old) < set(new)
    for name, before in old.items():
        after = new[name]
        assert before["permissions"] == after["permissions"]
        assert set(before["returns"]["required"]) <= set(after["returns"]["required"])
        for key, parameter in before["parameters"].items():
            kept = after["parameters"][key]
            assert parameter.get("default") == kept.get("default")
            assert set(parameter.get("options", [])) <= set(kept.get("options", []))
        added = set(after["parameters"]) - set(before["parameters"])
        assert not any(after["parameters"][key]["required"] for key in added)


def test_the_major_release_breaks_and_says_how() -> None:
    library = REGISTRY / "libraries" / "file-operations-basic"
    old, new = steps_of(library / "1.1.0"), steps_of(library / "2.0.0")
    assert set(old) - set(new) == {"file.exists"}
    assert old["file.exists"]["is_deprecated"]
    assert "overwrite" not in new["file.copy"]["parameters"]
    changelog = (library / "2.0.0" / "docs" / "CHANGELOG.md").read_text(encoding="utf-8")
    migration = changelog.partition("### Migration")[2].partition("### Added")[0]
    for changed in ("overwrite", "if_exists", "missing_ok", "include_hidden", "md5", "file.exists"):
        assert f"`{changed}`" in migration or f'"{changed}"' in migration
