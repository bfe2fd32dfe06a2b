"""What is only in this clone: named, never deleted on our advice, and sent by the printed line."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.installed import opsteps
from tests.registry.making import files, git, new_registry, put, write_files

_DIFFERS = 5
_NEW = "my-library"
_TAG = f"{_NEW}/v1.0.0"


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """A host, and a clone of it on the branch main."""
    with new_registry(tmp_path / "first") as registry:
        put(registry, files())
    git(tmp_path, "clone", "-q", "--bare", "first", "forge.git")
    git(tmp_path, "clone", "-q", "forge.git", "mine")
    git(tmp_path / "mine", "config", "user.name", "nora")
    git(tmp_path / "mine", "config", "user.email", "nora@example.com")
    write_files(tmp_path / _NEW, files(_NEW))
    write_files(tmp_path / "other", files("other-tools"))
    return tmp_path


def refs(repository: Path) -> str:
    return git(repository, "for-each-ref", "refs/heads", "refs/tags")


def pushing(said: str) -> str:
    """The line that it says to run."""
    (line,) = set(re.findall(r"(git (?:-C \S+ )?push [^'\n,]*)", said))
    return str(line)


def run(place: Path, line: str) -> None:
    """Type it into a shell."""
    subprocess.run(["/bin/sh", "-c", line], cwd=place, check=True, capture_output=True)


@pytest.mark.parametrize(
    "use",
    [
        "release --all",
        "release my-library",
        "add ../other",
        "remove my-library 1.0.0",
        "yank file-tools 1.0.0 --reason x",
        "deprecate file-tools --reason x",
        "toggle file-tools --off",
    ],
)
def test_commits_that_the_remote_lacks_are_named_with_the_line_that_sends_them(
    where: Path, use: str
) -> None:
    mine = where / "mine"
    opsteps(mine, "add", "../my-library")
    before = refs(mine), refs(where / "forge.git")
    said = opsteps(mine, *use.split(), "--remote", "origin", expect=_DIFFERS)
    assert "your main has 1 commit that origin does not have" in said
    assert "moved meanwhile" not in said
    assert pushing(said) == "git push origin main"
    assert (refs(mine), refs(where / "forge.git")) == before
    run(mine, pushing(said))
    opsteps(mine, *use.split(), "--remote", "origin")
    assert refs(mine) == refs(where / "forge.git")


def test_a_merge_made_here_is_named_as_well(where: Path) -> None:
    mine = where / "mine"
    git(mine, "switch", "-q", "-c", "change")
    opsteps(mine, "add", "../my-library")
    git(mine, "switch", "-q", "main")
    git(mine, "merge", "-q", "--no-ff", "--no-edit", "change")
    said = opsteps(mine, "release", "--all", "--remote", "origin", expect=_DIFFERS)
    assert "your main has 2 commits that origin does not have" in said
    run(mine, pushing(said))
    assert f"Released {_NEW}" in opsteps(mine, "release", "--all", "--remote", "origin")


def test_releases_made_here_are_sent_with_their_tags(where: Path) -> None:
    mine = where / "mine"
    opsteps(mine, "add", "../my-library")
    opsteps(mine, "release", _NEW)
    said = opsteps(mine, "release", "--all", "--remote", "origin", expect=_DIFFERS)
    assert pushing(said) == f"git push --atomic origin main {_TAG}"
    run(mine, pushing(said))
    said = opsteps(mine, "release", "--all", "--remote", "origin")
    assert said == "There is no candidate to release.\n"
    assert refs(mine) == refs(where / "forge.git")


def test_a_branch_aside_has_no_tag_pushed_by_our_advice(where: Path) -> None:
    mine = where / "mine"
    git(mine, "switch", "-q", "-c", "change")
    git(mine, "push", "-q", "-u", "origin", "change")
    opsteps(mine, "add", "../my-library")
    said = opsteps(mine, "release", _NEW, "--on-this-branch")
    assert "git push" not in said
    assert "before change is merged into main" in said
    said = opsteps(mine, "add", "../other", "--remote", "origin", expect=_DIFFERS)
    assert pushing(said) == "git push origin change"


def test_diverged_branches_are_merged_and_never_rebased(where: Path) -> None:
    mine = where / "mine"
    git(where, "clone", "-q", "forge.git", "theirs")
    opsteps(where / "theirs", "add", "../other", "--remote", "origin")
    opsteps(mine, "add", "../my-library")
    opsteps(mine, "release", _NEW)
    said = opsteps(mine, "release", "--all", "--remote", "origin", expect=_DIFFERS)
    assert "both moved on" in said
    assert "rebase" not in said.replace("--no-rebase", "")
    line = re.search("'(git pull [^']*)'", said)
    assert line is not None
    run(mine, f"{line[1]} --no-edit -q")
    said = opsteps(mine, "release", "--all", "--remote", "origin", expect=_DIFFERS)
    run(mine, pushing(said))
    assert "Released other-tools" in opsteps(mine, "release", "--all", "--remote", "origin")
    assert "Sound" in opsteps(mine, "verify")


# --- the next step of a release --------------------------------------------------------------


@pytest.mark.parametrize("place", ["mine", "."])
def test_a_release_ends_with_the_line_that_publishes_it(where: Path, place: str) -> None:
    given = () if place == "mine" else ("--registry", "mine")
    opsteps(where / "mine", "add", "../my-library")
    opsteps(where / "mine", "add", "../other")
    opsteps(where / place, "release", "other-tools", *given)
    said = opsteps(where / place, "release", _NEW, *given)
    at = "" if place == "mine" else f"-C {where / 'mine'} "
    line = f"git {at}push --atomic origin main {_TAG} other-tools/v1.0.0"
    assert said.splitlines()[-1] == f"  Publish it: {line}"
    run(where / place, line)
    assert refs(where / "mine") == refs(where / "forge.git")


def test_all_releases_have_one_line(where: Path) -> None:
    mine = where / "mine"
    opsteps(mine, "add", "../my-library")
    opsteps(mine, "add", "../other")
    said = opsteps(mine, "release", "--all")
    assert said.count("Publish it") == 1
    run(mine, pushing(said))
    assert refs(mine) == refs(where / "forge.git")


def test_nothing_is_published_where_there_is_no_remote(where: Path) -> None:
    opsteps(where / "first", "add", "../my-library")
    assert "Publish" not in opsteps(where / "first", "release", _NEW)


def test_tags_that_were_forgotten_are_named(where: Path) -> None:
    mine = where / "mine"
    opsteps(mine, "add", "../my-library")
    opsteps(mine, "release", _NEW)
    git(mine, "push", "-q", "origin", "main")
    said = opsteps(mine, "release", "--all", "--remote", "origin")
    assert "There is no candidate to release." in said
    assert "1 release is not yet on origin" in said
    run(mine, pushing(said))
    assert refs(mine) == refs(where / "forge.git")


def test_candidates_of_the_remote_are_released_by_a_clone_that_is_behind(where: Path) -> None:
    git(where, "clone", "-q", "forge.git", "theirs")
    opsteps(where / "theirs", "add", "../my-library", "--remote", "origin")
    said = opsteps(where / "mine", "release", "--all", "--remote", "origin")
    assert f"Released {_NEW}" in said


# --- reviews ---------------------------------------------------------------------------------


@pytest.mark.parametrize("from_main", [True, False])
def test_a_review_deletes_no_release_of_the_local_main_branch(where: Path, from_main: bool) -> None:
    mine = where / "mine"
    opsteps(mine, "add", "../my-library")
    git(mine, "push", "-q", "origin", "main")
    opsteps(mine, "release", _NEW)
    git(mine, "switch", "-q", "-c", "change", "main" if from_main else "origin/main")
    write_files(where / "next", files(_NEW, "1.1.0"))
    opsteps(mine, "add", "../next")
    said = opsteps(mine, "validate", "--base", "origin/main", expect=1)
    assert f"{_NEW} 1.0.0 is released on main here, and not yet on origin/main" in said
    assert "by hand" not in said
    assert "delete" not in said
    run(mine, pushing(said))
    opsteps(mine, "validate", "--base", "origin/main", expect=0)
    assert _TAG in refs(where / "forge.git")


def test_a_base_that_is_too_old_is_named(where: Path) -> None:
    mine = where / "mine"
    opsteps(mine, "add", "../my-library")
    opsteps(mine, "release", _NEW, "--remote", "origin", expect=_DIFFERS)
    git(mine, "push", "-q", "origin", "main")
    opsteps(mine, "release", _NEW, "--remote", "origin")
    git(mine, "fetch", "-q")
    said = opsteps(mine, "validate", "--base", "HEAD~1", expect=1)
    assert "is released on origin/main, which is ahead of the base" in said
    assert "--base origin/main" in said
    assert "delete" not in said


def test_a_ledger_entry_by_hand_is_still_one(where: Path) -> None:
    mine = where / "mine"
    git(mine, "switch", "-q", "-c", "change")
    opsteps(mine, "add", "../my-library")
    opsteps(mine, "release", _NEW, "--on-this-branch")
    said = opsteps(mine, "validate", "--base", "origin/main", expect=1)
    assert "written into the ledger by hand" in said


def test_a_tag_of_another_branch_is_not_deleted_on_the_advice_of_release(where: Path) -> None:
    mine = where / "mine"
    opsteps(mine, "add", "../my-library")
    git(mine, "branch", "change")
    opsteps(mine, "release", _NEW)
    git(mine, "switch", "-q", "change")
    said = opsteps(mine, "release", _NEW, "--on-this-branch", expect=_DIFFERS)
    assert "Leave it: it is on the branch main" in said
    git(mine, "tag", "-a", "-m", "x", "-f", _TAG)
    said = opsteps(mine, "release", _NEW, "--on-this-branch", expect=_DIFFERS)
    assert "Find out who made the tag" in said


# --- clones without a commit -----------------------------------------------------------------


@pytest.mark.parametrize("use", ["verify", "show file-tools", "add ../my-library", "release --all"])
def test_clone_of_a_host_whose_head_names_no_branch(where: Path, use: str) -> None:
    git(where / "forge.git", "symbolic-ref", "HEAD", "refs/heads/master")
    git(where, "clone", "-q", "forge.git", "empty")
    for place, given in ((where / "empty", ()), (where, ("--registry", "empty"))):
        words = [word.removeprefix("../") if place == where else word for word in use.split()]
        said = opsteps(place, *words, *given, expect=3)
        assert "there is no commit on the branch master; origin has the branch main" in said
        assert "opsteps init" not in said
    line = re.search("'(git switch [^']*)'", said)
    assert line is not None
    run(where / "empty", line[1])
    opsteps(where / "empty", "verify")


def test_bare_repository_whose_head_names_no_branch(where: Path) -> None:
    git(where / "forge.git", "symbolic-ref", "HEAD", "refs/heads/master")
    said = opsteps(where, "verify", "-r", "forge.git", expect=3)
    line = re.search("'(git symbolic-ref [^']*)'", said)
    assert line is not None
    run(where / "forge.git", line[1])
    opsteps(where, "verify", "-r", "forge.git")


# --- versions that are not there -------------------------------------------------------------


def test_a_version_that_is_not_there_sends_to_the_librarys_own(where: Path) -> None:
    mine = where / "mine"
    for use in (
        "remove file-tools 9.0.0",
        "yank file-tools 9.0.0 --reason x",
        "uninstall file-tools 9.0.0",
        "package file-tools 9.0.0 --output ../x.zip",
        "release file-tools 9.0.0",
    ):
        said = opsteps(mine, *use.split(), expect=4)
        assert "'opsteps show file-tools'" in said, use
        assert "opsteps search" not in said
    assert "'opsteps search'" in opsteps(mine, "remove", "no-tools", "9.0.0", expect=4)
