"""Installing is generous, publishing is as strict as the registry's policy says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.checks.policy_demands import with_demands
from registry.checks.release import check_release
from registry.formats.model import NO_CATEGORY, Policy, Requirement
from registry.installing.incoming import check_incoming
from registry.installing.installer import Installer
from registry.library.wire import library_detail_bytes, library_steps
from registry.problems import InvalidLibraryError, Severity, errors_of
from registry.publishing.add import add_release
from registry.publishing.release import release
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from tests.registry.making import EXECUTOR, NAME, encode, files, git, new_registry, rules

BY = Actor(name="ada")
BARE = {
    "manifest.json": encode(
        {"name": "file-tools", "version": "1.0.0", "steps": [{"file": "steps/a.json"}]}
    ),
    "steps/a.json": encode({"name": "file.copy"}),
}
# As OpsConductor's own README shows a manifest and a step.
ORDINARY = {
    "manifest.json": encode(
        {
            "name": "house-library",
            "version": "1.0.0",
            "display_name": "House Library",
            "description": "Steps of our own",
            "author": "Us",
            "is_premium": False,
            "steps": [{"file": "steps/one.json", "executor": "executors/one.py"}],
        }
    ),
    "steps/one.json": encode(
        {
            "name": "house.own.step",
            "display_name": "Own Step",
            "category": "custom",
            "description": "Does something",
            "icon": "⚡",
            "color": "#ff6b35",
            "inputs": 1,
            "outputs": 1,
            "parameters": {"one": {"type": "string", "required": True, "description": "First"}},
        }
    ),
    "executors/one.py": EXECUTOR,
    "docs/README.md": b"# House\n",
}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        yield made


def demand(registry: Registry, *requirements: str) -> None:
    """The registry's policy, committed as a person does."""
    follow_head(registry)
    path = registry.path / "registry.yaml"
    text = path.read_text().replace("require: []", f"require: [{', '.join(requirements)}]")
    path.write_text(text)
    git(registry.path, "commit", "-qam", "Demand more")


def test_name_version_and_steps_are_enough_to_install(registry: Registry) -> None:
    incoming = check_incoming(BARE)
    Installer(registry).install([incoming], by=BY)
    library = registry.snapshot().library(NAME)
    wire: dict[str, Any] = json.loads(
        library_detail_bytes(library, [body for _, body in library_steps(library)])
    )
    assert (wire["display_name"], wire["description"], wire["author"]) == ("File Tools", "", "")
    assert wire["license"] == ""
    (step,) = wire["steps"]
    assert (step["name"], step["category"], step["description"]) == ("File Copy", NO_CATEGORY, "")
    assert (step["inputs"], step["outputs"], step["parameters"]) == (1, 1, {})
    assert rules(incoming.warnings) == {"license-missing", "description-missing", "readme-missing"}


def test_manifest_of_opsconductors_readme_installs(registry: Registry) -> None:
    incoming = check_incoming(ORDINARY)
    assert rules(incoming.warnings) == {"license-missing"}
    assert Installer(registry).install([incoming], by=BY).changed


@pytest.mark.parametrize("empty", ["display_name", "description", "author", "license"])
def test_empty_text_is_one_that_is_left_out(empty: str) -> None:
    fields: dict[str, Any] = {empty: ""}
    checked = check_release(files(**fields), strict=False)
    assert checked.content is not None
    assert checked.content.manifest.display_name


@pytest.mark.parametrize("missing", ["name", "version", "steps"])
def test_less_than_that_is_refused(missing: str) -> None:
    manifest = json.loads(BARE["manifest.json"])
    del manifest[missing]
    with pytest.raises(InvalidLibraryError) as caught:
        check_incoming({**BARE, "manifest.json": encode(manifest)})
    assert f"the field {missing!r} is missing" in caught.value.message


def test_registry_without_a_policy_asks_nothing_more_of_candidates(registry: Registry) -> None:
    added = add_release(registry, BARE, by=BY)
    assert not errors_of(added.problems)
    assert rules(release(registry, NAME, by=BY).problems) >= {"changelog-missing"}


def test_policy_is_put_to_candidates_and_not_to_installs(registry: Registry) -> None:
    demand(registry, *Requirement)
    with pytest.raises(InvalidLibraryError) as caught:
        add_release(registry, ORDINARY, by=BY)
    demanded = {
        "license-missing", "changelog-missing", "tests-missing", "permissions-missing",
        "examples-missing",
    }  # fmt: skip
    # What only a sound release shows is told once it is one: a licence is a warning elsewhere.
    assert rules(errors_of(caught.value.problems)) == demanded
    assert all("policy" in problem.expected for problem in errors_of(caught.value.problems))
    Installer(registry).install([check_incoming(ORDINARY)], by=BY)
    assert len(list(registry.snapshot().names)) == 1


def test_release_holds_to_the_policy_of_its_head(registry: Registry) -> None:
    add_release(registry, BARE, by=BY)
    demand(registry, "license", "author")
    with pytest.raises(InvalidLibraryError) as caught:
        release(registry, NAME, by=BY)
    assert rules(errors_of(caught.value.problems)) == {"license-missing", "author-missing"}
    assert caught.value.where == "libraries/file-tools/1.0.0"


@pytest.mark.parametrize("requirement", Requirement)
def test_each_demand_is_met_by_what_it_names(requirement: Requirement) -> None:
    whole = files(
        step_fields={"permissions": {}, "examples": [{"name": "x", "parameters": {"source": "a"}}]},
        extra={"tests/test_copy.py": b""},
    )
    policy = Policy(require=(requirement,))
    for content, expected in ((whole, set()), (BARE, {f"{requirement}-missing"})):
        checked = check_release(content, strict=True)
        found = with_demands(checked, content, policy)
        # Without an executor there is nothing to test and nothing to permit.
        runs = requirement not in {Requirement.TESTS, Requirement.PERMISSIONS}
        assert rules(errors_of(found)) == (expected if runs else set())


def test_errors_come_first_and_are_counted_apart() -> None:
    content = files(license="", tags=["a", "a"], extra={"docs/a.md": b"<b>x</b>"})
    with pytest.raises(InvalidLibraryError) as caught:
        check_incoming(content)
    error = caught.value
    severities = [problem.severity for problem in error.problems]
    assert severities == sorted(severities)
    assert severities[0] is Severity.ERROR
    assert error.message.startswith("1 error, 2 warnings: manifest.json:")
    assert error.message.count(": error: ") == 1
    assert ": warning: " not in error.message
    assert error.where == "file-tools 1.0.0"
    assert error.listed().message == "1 error, 2 warnings"
