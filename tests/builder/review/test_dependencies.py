"""What a candidate needs, and whom a change leaves without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from builder.review.evidence.gathering import library_trees, read_root
from registry.git.repository import GitObject, GitRepository
from registry.snapshots.dependency_index import load_index
from tests.builder.review.changing import Changing
from tests.registry.making import files, git, put, write_files

ERROR, WARNING = "error", "warning"
MODE = {"mode": {"type": "string", "required": True}}


def add_dependent(changing: Changing, requirement: str, name: str = "user-tools") -> None:
    """A released library that depends on file-tools."""
    git(changing.path, "add", "-A")
    put(changing.registry, files(name, dependencies=[requirement]))
    changing.git("reset", "-q", "--hard")
    changing.write_facts({**changing.facts(name), "owners": ["jill"]}, name)
    changing.settle()


def test_dependency_that_is_there_is_good(changing: Changing) -> None:
    changing.new_library("user-tools", ["jill"], dependencies=["file-tools>=1.0,<2", "core>=1.0"])
    assert changing.found() == set()


def test_dependency_on_a_candidate_of_the_same_change_is_good(changing: Changing) -> None:
    changing.new_library("base-tools", ["jill"])
    changing.new_library("user-tools", ["jill"], dependencies=["base-tools>=1.0"])
    assert changing.found() == set()


def test_unknown_dependency_is_found_at_its_place(changing: Changing) -> None:
    changing.new_library("user-tools", ["jill"], dependencies=["core>=1", "file-toolz>=1.0"])
    (problem,) = changing.problems()
    assert (problem.rule, problem.pointer) == ("dependency-unknown", "/dependencies/1")
    assert problem.line > 1


@pytest.mark.parametrize("requirement", ["file-tools>=2", "core>=7"])
def test_range_without_a_release_is_found(changing: Changing, requirement: str) -> None:
    changing.new_library("user-tools", ["jill"], dependencies=[requirement])
    assert changing.found() == {("dependency-unmatched", ERROR)}


def test_range_of_yanked_releases_only_is_found(changing: Changing) -> None:
    yanked = {"1.0.0": {"reason": "x"}, "1.1.0": {"reason": "x"}}
    changing.write_facts({**changing.facts(), "yanked": yanked})
    changing.settle()
    changing.new_library("user-tools", ["jill"], dependencies=["file-tools>=1"])
    assert changing.found() == {("dependency-unmatched", ERROR)}


def test_dependency_on_itself_is_found(changing: Changing) -> None:
    changing.new_library("user-tools", ["jill"], dependencies=["user-tools>=1"])
    assert changing.found() == {("dependency-self", ERROR)}


def test_circle_is_found_and_named(changing: Changing) -> None:
    changing.new_library("a-tools", ["jill"], dependencies=["b-tools>=1"])
    changing.new_library("b-tools", ["jill"], dependencies=["c-tools>=1"])
    changing.new_library("c-tools", ["jill"], dependencies=["a-tools>=1"])
    found = changing.problems()
    assert {problem.rule for problem in found} == {"dependency-cycle"}
    assert "b-tools → c-tools → a-tools" in found[0].message


def test_requirements_that_contradict_each_other_further_down_are_found(changing: Changing) -> None:
    add_dependent(changing, "file-tools>=1.1", "left-tools")
    add_dependent(changing, "file-tools<1.1", "right-tools")
    changing.new_library("user-tools", ["jill"], dependencies=["left-tools", "right-tools"])
    (problem,) = changing.problems()
    assert (problem.rule, problem.pointer) == ("dependency-conflict", "/dependencies")
    assert "left-tools 1.0.0 needs file-tools>=1.1" in problem.message
    assert "right-tools 1.0.0 needs file-tools<1.1" in problem.message


def test_older_release_that_agrees_with_the_others_is_enough(changing: Changing) -> None:
    add_dependent(changing, "file-tools<1.1", "left-tools")
    changing.new_library("user-tools", ["jill"], dependencies=["left-tools", "file-tools"])
    assert changing.found() == set()


def test_withdrawing_the_only_release_of_a_dependent_is_found(changing: Changing) -> None:
    add_dependent(changing, "file-tools==1.1.0")
    changing.write_facts({**changing.facts(), "yanked": {"1.1.0": {"reason": "leaks"}}})
    (problem,) = changing.problems()
    assert problem.rule == "dependent-broken"
    assert "user-tools 1.0.0" in problem.message


def test_withdrawing_one_of_two_breaks_nobody(changing: Changing) -> None:
    add_dependent(changing, "file-tools>=1")
    changing.write_facts({**changing.facts(), "yanked": {"1.1.0": {"reason": "leaks"}}})
    assert changing.found() == set()


def test_dependent_that_is_not_active_any_more_does_not_count(changing: Changing) -> None:
    add_dependent(changing, "file-tools==1.1.0")
    put(changing.registry, files("user-tools", "1.0.1", dependencies=["file-tools>=1"]))
    changing.git("reset", "-q", "--hard")
    changing.settle()
    changing.write_facts({**changing.facts(), "yanked": {"1.1.0": {"reason": "leaks"}}})
    assert changing.found() == set()


def test_breaking_candidate_in_the_range_of_a_dependent_is_told(changing: Changing) -> None:
    add_dependent(changing, "file-tools>=1")
    add_dependent(changing, "file-tools>=1,<2", "careful-tools")
    changing.candidate("2.0.0", step_fields={"parameters": MODE})
    (problem,) = changing.problems()
    assert (problem.rule, problem.severity.value) == ("dependent-open", WARNING)
    assert "user-tools" in problem.message
    assert "careful-tools" not in problem.message


# --- the index of dependencies --------------------------------------------------------------------


def index_of(changing: Changing, directory: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    repository = changing.registry.repository
    trees = library_trees(read_root(repository, changing.registry.head(), changing.path))
    index = load_index(repository, trees, directory)
    return {
        name: {version: needs.dependencies for version, needs in releases.items()}
        for name, releases in index.libraries.items()
    }


def test_index_is_the_same_from_its_file(changing: Changing, tmp_path: Path) -> None:
    add_dependent(changing, "file-tools>=1")
    first = index_of(changing, tmp_path / "state")
    assert first["user-tools"] == {"1.0.0": ("file-tools>=1",)}
    assert first["file-tools"] == {"1.0.0": (), "1.1.0": ()}
    assert index_of(changing, tmp_path / "state") == first


@pytest.mark.parametrize("odd", [b"", b"{", b"x" * 64 + b"\n{}", b"\xff\xfe\n\xff"])
def test_corrupt_index_is_made_anew(changing: Changing, tmp_path: Path, odd: bytes) -> None:
    first = index_of(changing, tmp_path / "state")
    file = tmp_path / "state/dependencies.json"
    whole = file.read_bytes()
    file.write_bytes(odd)
    assert index_of(changing, tmp_path / "state") == first
    assert file.read_bytes() == whole


def test_half_an_index_is_made_anew(changing: Changing, tmp_path: Path) -> None:
    first = index_of(changing, tmp_path / "state")
    file = tmp_path / "state/dependencies.json"
    file.write_bytes(file.read_bytes()[:-5])
    assert index_of(changing, tmp_path / "state") == first


def test_index_reads_only_what_changed(
    changing: Changing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_of(changing, tmp_path / "state")
    put(changing.registry, files("user-tools"))
    asked: list[str] = []
    objects = GitRepository.objects

    def recording(self: GitRepository, names: Sequence[str]) -> Iterator[GitObject | None]:
        asked.extend(names)
        return objects(self, names)

    monkeypatch.setattr(
        GitRepository,
        "objects",
        recording,
    )
    found = index_of(changing, tmp_path / "state")
    assert set(found) == {"file-tools", "user-tools"}
    kept = changing.git("rev-parse", "HEAD:libraries/file-tools")
    assert kept not in asked


def test_state_directory_that_cannot_be_written_is_no_error(
    changing: Changing, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    assert "file-tools" in index_of(changing, tmp_path / "file/state")


def test_many_broken_dependents_are_summed_up(changing: Changing) -> None:
    for number in range(12):
        name = f"user-{number}-tools"
        write_files(
            changing.path,
            {
                f"libraries/{name}/1.0.0/{path}": content
                for path, content in files(name, dependencies=["file-tools==1.1.0"]).items()
            },
        )
        entry = {"digest": "0" * 64, "date": "2026-01-01T00:00:00Z"}
        changing.write_facts({"owners": ["jill"], "ledger": {"1.0.0": entry}}, name)
    changing.settle()
    changing.write_facts({**changing.facts(), "yanked": {"1.1.0": {"reason": "leaks"}}})
    found = changing.problems()
    assert {problem.rule for problem in found} == {"dependent-broken"}
    assert len(found) == 11
