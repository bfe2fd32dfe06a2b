"""Candidates: refused when too low, taken back, and released only where releases are made."""

import json
from pathlib import Path

import pytest

from registry.snapshots.registry import Registry
from tests.installed import opsteps
from tests.registry.making import NAME, commit_all, files, git, new_registry, put, write_files

LESS: dict[str, object] = {"parameters": {}}  # a parameter less is a major change


@pytest.fixture
def where(tmp_path: Path) -> Path:
    with new_registry(tmp_path / "reg") as registry:
        put(registry, files())
    git(tmp_path / "reg", "reset", "-q", "--hard")
    return tmp_path


def library(where: Path, version: str, name: str = "file-tools", **fields: object) -> Path:
    path = where / f"{name}-{version}"
    return write_files(path, files(name, version, **fields))  # type: ignore[arg-type]


def head(where: Path) -> str:
    return git(where / "reg", "rev-parse", "HEAD")


def put_candidate(where: Path, version: str, **fields: object) -> None:
    """By plain Git, as `add` would refuse it."""
    content = files(version=version, **fields)  # type: ignore[arg-type]
    write_files(where / "reg/libraries/file-tools" / version, content)
    commit_all(where / "reg", "by hand")


def test_a_version_that_is_too_low_is_not_added(where: Path) -> None:
    before = head(where)
    low = library(where, "1.0.1", step_fields=LESS)
    said = opsteps(where, "add", low, "-r", "reg", expect=12)
    assert "demands 2.0.0; 1.0.1 is too low" in said
    assert "Give it the version 2.0.0 in manifest.json" in said
    assert head(where) == before
    opsteps(where, "add", library(where, "2.0.0", step_fields=LESS), "-r", "reg")


def test_one_candidate_that_cannot_be_released_blocks_no_other(where: Path) -> None:
    put_candidate(where, "1.0.1", step_fields=LESS)
    for name in ("a-tools", "z-tools"):
        opsteps(where, "add", library(where, "1.0.0", name), "-r", "reg")
    said = opsteps(where, "release", "--all", "-r", "reg", expect=12)
    assert "Released a-tools 1.0.0" in said
    assert "Released z-tools 1.0.0" in said
    assert "Not released: file-tools 1.0.1: what changed since 1.0.0 demands 2.0.0" in said
    assert "'opsteps remove file-tools 1.0.1 --registry reg'" in said
    said = opsteps(where, "release", "--all", "-r", "reg", "--json", expect=12)
    told = json.loads(said)
    assert told["released"] == []
    assert [one["version"] for one in told["refused"]] == ["1.0.1"]
    opsteps(where, "remove", "file-tools", "1.0.1", "-r", "reg")
    assert "no candidate to release" in opsteps(where, "release", "--all", "-r", "reg")


def test_a_candidate_is_taken_back_in_one_commit(where: Path) -> None:
    opsteps(where, "add", library(where, "1.1.0"), "-r", "reg")
    before = head(where)
    said = opsteps(where, "remove", "file-tools", "1.1.0", "-r", "reg", "--actor", "olga")
    assert said == "Removed the candidate file-tools 1.1.0\n"
    assert git(where / "reg", "rev-parse", "HEAD~1") == before
    body = git(where / "reg", "log", "-1", "--format=%B")
    assert "Operation: remove\nActor: olga" in body
    assert not (where / "reg/libraries/file-tools/1.1.0").exists()
    assert "Sound" in opsteps(where, "verify", "-r", "reg")


def test_the_last_candidate_of_a_new_library_frees_its_name(where: Path) -> None:
    opsteps(where, "add", library(where, "1.0.0", "typo-tools"), "-r", "reg")
    said = opsteps(where, "remove", "typo-tools", "1.0.0", "-r", "reg")
    assert "the name is free again" in said
    with Registry.open(where / "reg") as registry:
        assert registry.snapshot().names == (NAME,)


def test_a_name_that_somebody_reserved_stays(where: Path) -> None:
    kept = {"libraries/kept-tools/library.yaml": b"owners: [nora]\n"}
    write_files(where / "reg", kept)
    commit_all(where / "reg", "reserve")
    opsteps(where, "add", library(where, "1.0.0", "kept-tools"), "-r", "reg")
    assert "free" not in opsteps(where, "remove", "kept-tools", "1.0.0", "-r", "reg")
    assert (where / "reg/libraries/kept-tools/library.yaml").exists()


def test_a_release_is_not_taken_back(where: Path) -> None:
    before = head(where)
    said = opsteps(where, "remove", "file-tools", "1.0.0", "-r", "reg", expect=5)
    assert "is released" in said
    assert "opsteps yank file-tools 1.0.0" in said
    opsteps(where, "remove", "file-tools", "9.0.0", "-r", "reg", expect=4)
    opsteps(where, "remove", "no-tools", "1.0.0", "-r", "reg", expect=4)
    assert head(where) == before


def test_uninstalling_a_candidate_says_how_to_take_it_back(where: Path) -> None:
    opsteps(where, "add", library(where, "1.1.0"), "-r", "reg")
    said = opsteps(where, "uninstall", "file-tools", "1.1.0", "-r", "reg", expect=5)
    assert "'opsteps remove file-tools 1.1.0 --registry reg'" in said


# Branches


@pytest.fixture
def clone(where: Path) -> Path:
    """A clone of a bare remote, on the branch of a pull request."""
    git(where, "clone", "-q", "--bare", "reg", "forge.git")
    git(where, "clone", "-q", "forge.git", "mine")
    git(where / "mine", "checkout", "-q", "-b", "my-change")
    return where / "mine"


def test_on_a_pull_requests_branch_the_next_step_is_the_pull_request(clone: Path) -> None:
    said = opsteps(clone, "add", library(clone.parent, "1.1.0"))
    assert "opsteps release" not in said
    assert "Next: opsteps validate --base origin/main" in said
    assert "push the branch my-change and open a pull request" in said
    assert "error" not in opsteps(clone, "validate", ".", "--base", "origin/main")


def test_nothing_is_released_on_a_pull_requests_branch(clone: Path) -> None:
    opsteps(clone, "add", library(clone.parent, "1.1.0"))
    for arguments in (("file-tools",), ("--all",)):
        said = opsteps(clone, "release", *arguments, expect=5)
        assert "this is the branch 'my-change', and releases are made on 'main'" in said
        assert "--on-this-branch" in said
    assert "file-tools/v1.1.0" not in git(clone, "tag")


def test_no_tag_of_a_release_that_is_not_merged_is_pushed(clone: Path) -> None:
    opsteps(clone, "add", library(clone.parent, "1.1.0"))
    git(clone, "push", "-q", "-u", "origin", "my-change")
    for more in ((), ("--on-this-branch",)):
        opsteps(clone, "release", "file-tools", "--remote", "origin", *more, expect=5)
    assert "file-tools/v1.1.0" not in git(clone.parent / "forge.git", "tag")


def test_what_an_operator_does_on_a_branch_that_is_merged_later_names_it(clone: Path) -> None:
    note = "this is the branch 'my-change': what was done holds on it alone, and not on 'main'"
    more = library(clone.parent, "1.0.0", "more-tools")
    assert note in opsteps(clone, "install", more)
    assert note in opsteps(clone, "toggle", "more-tools", "--off")
    assert note in opsteps(clone, "yank", "file-tools", "1.0.0", "--reason", "x")
    assert note in opsteps(clone, "uninstall", "more-tools")
    git(clone, "switch", "-q", "main")
    assert "note:" not in opsteps(clone, "toggle", "file-tools", "--off")


def test_a_branch_that_is_meant_is_released_on(clone: Path) -> None:
    opsteps(clone, "add", library(clone.parent, "1.1.0"))
    assert "Released" in opsteps(clone, "release", "file-tools", "--on-this-branch")


def test_the_default_branch_is_the_remotes_whatever_its_name(where: Path) -> None:
    git(where / "reg", "branch", "-m", "trunk")
    git(where, "clone", "-q", "reg", "mine")
    git(where / "mine", "branch", "main")
    opsteps(where, "add", library(where, "1.1.0"), "-r", "mine")
    assert "Released" in opsteps(where, "release", "file-tools", "-r", "mine")
