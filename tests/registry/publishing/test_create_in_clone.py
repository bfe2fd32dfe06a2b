"""``opsteps init`` where Git was first: in a clone of an empty repository, and nowhere else."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from registry.errors import ConflictError, InvalidNameError
from registry.publishing.create_registry import init_registry
from registry.publishing.registry_template.branch_name import parse_branch
from registry.transactions.transaction import Actor
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


MAIN_BRANCH = re.compile(r"(?:origin[/ ]|refs/heads/|[\[\"`])main\b")
HOSTILE = (
    *('a"b', "a'b", "$(id)", "`id`", "a;b", "a&b", "${{github.token}}", "%%NAME%%", "a#b"),
    *("!a", "a+b", "{a,b}", "-b", "a..b", "a.lock", "a/.b", "a/", "b.", "HEAD", "0" * 40),
    *("opsteps-head", "refs/heads/a", "a\nb", "\x1b[2J", "gr\u00fcn", "", "a" * 300),
)


@pytest.mark.parametrize("branch", ["master", "trunk", "release/2.x", "on", "1.0"])
@pytest.mark.parametrize("is_clone", [True, False])
def test_everything_generated_is_for_the_branch_there(
    tmp_path: Path, branch: str, *, is_clone: bool
) -> None:
    place = tmp_path / "steps"
    if is_clone:
        git(tmp_path, "init", "-q", "-b", branch, "steps")
        opsteps(tmp_path, "init", "steps")
    else:
        opsteps(tmp_path, "init", "steps", "--branch", branch)
    assert git(place, "symbolic-ref", "HEAD") == f"refs/heads/{branch}"
    read = {path: (place / path).read_text() for path in git(place, "ls-files").splitlines()}
    assert not {path: found for path, text in read.items() if (found := MAIN_BRANCH.findall(text))}
    workflow = yaml.safe_load(read[".github/workflows/registry.yml"])
    assert workflow[True]["push"]["branches"] == [branch]  # YAML takes the key "on" for a yes
    assert workflow["jobs"]["catalogue"]["steps"][0]["with"]["ref"] == branch
    attest = yaml.safe_load(read[".github/workflows/attest.yml"])
    assert attest["jobs"]["attest"]["if"] == f"github.ref == 'refs/heads/{branch}'"
    assert f"git push -u origin {branch} --tags" in read["README.md"]
    assert f"--base origin/{branch}`" in read[".github/pull_request_template.md"]


@pytest.mark.parametrize("branch", HOSTILE)
def test_branch_that_a_shell_or_a_workflow_would_misread_is_refused(
    tmp_path: Path, branch: str
) -> None:
    with pytest.raises(InvalidNameError, match="the branch"):
        parse_branch(branch)
    if branch.isascii() and branch.isprintable() and 0 < len(branch) < 100:
        said = opsteps(tmp_path, "init", "steps", f"--branch={branch}", expect=2)
        assert "cannot be written into workflows" in said
        assert not (tmp_path / "steps").exists()


def test_clone_on_a_branch_that_cannot_be_written_down_says_what_to_do(clone: Path) -> None:
    git(clone, "symbolic-ref", "HEAD", "refs/heads/$(id)")
    said = opsteps(clone, "init", ".", expect=2)
    line = re.search(r"'git (symbolic-ref [^']*)'", said)
    assert line is not None
    assert [path.name for path in clone.iterdir()] == [".git"]
    git(clone, *line[1].split())
    opsteps(clone, "init", ".")
    assert git(clone, "symbolic-ref", "HEAD") == "refs/heads/main"


def test_other_branch_than_that_of_the_clone_is_refused(clone: Path) -> None:
    said = opsteps(clone, "init", ".", "--branch", "main", expect=5)
    assert "'trunk'" in said
    line = re.search(r"'git (symbolic-ref [^']*)'", said)
    assert line is not None
    git(clone, *line[1].split())
    opsteps(clone, "init", ".", "--branch", "main")


@pytest.mark.parametrize("at", [".", "../new"])
def test_every_command_that_it_prints_can_be_obeyed(clone: Path, at: str) -> None:
    said = opsteps(clone, "init", at)
    assert "begin again" not in said
    (then,) = re.findall(r"Then: (.*)", said)
    for line in then.split(" && "):
        next_lines = opsteps(clone, *line.split()[1:])
    (following,) = re.findall(r"Next: opsteps (.*)", next_lines)
    assert "Released my-library" in opsteps(clone, *following.split())


def test_as_json_it_prints_nothing_else(clone: Path) -> None:
    nobody = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": ""}
    done = json.loads(opsteps(clone, "init", "../new", "--json", env=nobody))
    assert set(done) == {"name", "directory", "commit"}


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
import registry.publishing.create_registry as creating
from registry.transactions.transaction import Actor
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
