"""``opsteps init`` where Git was first: in a clone of an empty repository, and nowhere else."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from registry.creating import init_registry
from registry.errors import ConflictError
from registry.operation import Actor
from tests.installed import opsteps
from tests.registry.making import commit_all, complete_files, git, write_files

BY = Actor(name="tester")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The usual first move: a repository made at a Git host, and cloned."""
    git(tmp_path, "init", "-q", "--bare", "-b", "trunk", "host.git")
    git(tmp_path, "-c", "init.defaultBranch=trunk", "clone", "-q", "host.git", "steps")
    git(tmp_path / "steps", "config", "user.name", "Jane")
    return tmp_path / "steps"


@pytest.mark.parametrize("at", [".", "../steps"])
def test_clone_of_an_empty_repository_becomes_a_registry(clone: Path, at: str) -> None:
    branch = git(clone, "symbolic-ref", "HEAD")
    said = opsteps(clone, "init", at, "--name", "my-steps")
    assert git(clone, "symbolic-ref", "HEAD") == branch
    assert git(clone, "config", "user.name") == "Jane"
    assert git(clone, "remote") == "origin"
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "rev-list", "--count", "HEAD") == "1"
    assert (clone / ".git/hooks/pre-commit").read_bytes() == (
        clone / "hooks/pre-commit"
    ).read_bytes()
    # The line that it prints is what publishes it.
    line = re.search(r"Publish it: git (.*)", said)
    assert line is not None
    git(clone, *line[1].split())
    assert git(clone.parent / "host.git", "rev-parse", "trunk") == git(clone, "rev-parse", "HEAD")
    write_files(clone.parent / "library", complete_files())
    opsteps(clone, "add", "../library", "--remote", "origin")


def test_repository_without_a_remote_is_published_nowhere(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main", "steps")
    assert "git push" not in opsteps(tmp_path, "init", "steps")
    assert "git push" not in opsteps(tmp_path, "init", "other")


def test_hook_that_was_there_before_stays(clone: Path) -> None:
    hook = clone / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n")
    opsteps(clone, "init", ".")
    assert hook.read_text() == "#!/bin/sh\n"


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("commits", "a Git repository that is not empty"),
        ("file", "a Git repository that is not empty"),
        ("registry", "there is a registry here already"),
        ("branch", "a Git repository that is not empty"),
    ],
)
def test_repository_with_something_in_it_is_left_as_it_is(
    clone: Path, what: str, words: str
) -> None:
    if what != "registry":
        write_files(clone, {"README.md": b"mine\n"})
    if what in {"commits", "branch"}:
        commit_all(clone)
    if what == "branch":
        git(clone, "switch", "-q", "--orphan", "other")
    if what == "registry":
        opsteps(clone, "init", ".")
    before = git(clone, "for-each-ref"), sorted(path.name for path in clone.iterdir())
    said = opsteps(clone, "init", ".", expect=5)
    assert words in said
    assert before == (
        git(clone, "for-each-ref"),
        sorted(path.name for path in clone.iterdir()),
    )


_KILLED = """
import os, signal, sys
from pathlib import Path
import registry.creating as creating
from registry.operation import Actor
name = sys.argv[2]
def dies(*arguments, **fields):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(creating, name, dies)
by = Actor(name="x")
creating.init_registry(Path(sys.argv[1]), name="steps", title="Steps", by=by, hook=True)
"""


@pytest.mark.parametrize(
    "at", ["write_commit", "_write_hook", "write_durably", "move_refs", "_finish"]
)
def test_killed_anywhere_the_next_attempt_completes_it(clone: Path, at: str) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, str(clone), at], check=False)
    assert done.returncode == -signal.SIGKILL
    with init_registry(clone, name="steps", title="Steps", by=BY, hook=True) as made:
        assert made.snapshot().facts.name == "steps"
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "rev-list", "--count", "HEAD") == "1"
    assert not (clone / ".git/opsteps/init-unfinished").exists()
    with pytest.raises(ConflictError):
        init_registry(clone, name="steps", title="Steps", by=BY)
