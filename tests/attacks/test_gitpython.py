"""GitPython on a stranger's repository, and in a caller's environment: neither starts anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import git as gitpython
import pytest

from registry.errors import GitError, NotARegistryError
from registry.git.fetch_progress import fetch_watched
from registry.git.gitpython import IsolatedRepo, create_repository, open_repo, told_by_git
from registry.git.remote_limits import Reach
from registry.git.repository import GitRepository
from tests.installed import opsteps
from tests.registry.making import commit_all, git, write_files

_HOOKS = ("reference-transaction", "post-index-change", "post-checkout", "pre-commit")


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """Where a program of the stranger's leaves its mark."""
    return tmp_path / "ran"


@pytest.fixture
def strange(tmp_path: Path, ran: Path) -> Iterator[GitRepository]:
    """A repository whose configuration, attributes and hooks all name a program."""
    path = tmp_path / "theirs"
    path.mkdir()
    made = create_repository(path)
    commit_all(write_files(path, {"file": b"before"}))
    commit_all(write_files(path, {"file": b"after", ".gitattributes": b"* filter=evil diff=evil"}))
    (path / "file").touch()
    _set_traps(path, tmp_path, ran)
    yield made
    made.close()


def _set_traps(path: Path, elsewhere: Path, ran: Path) -> None:
    program = elsewhere / "program"
    program.write_text(f"#!/bin/sh\necho $0 $* >> {ran}\ncat\n")
    program.chmod(0o755)
    included = elsewhere / "included"
    included.write_text(f'[diff "evil"]\n\tcommand = {program}\n')
    (path / ".git/hooks").mkdir(exist_ok=True)
    for hook in _HOOKS:
        (path / ".git/hooks" / hook).unlink(missing_ok=True)
        (path / ".git/hooks" / hook).symlink_to(program)
    for key, value in {
        "core.fsmonitor": str(program),
        "core.pager": str(program),
        "core.editor": str(program),
        "core.sshCommand": str(program),
        "core.alternateRefsCommand": str(program),
        "credential.helper": f"!{program}",
        "diff.external": str(program),
        "diff.evil.textconv": str(program),
        "filter.evil.clean": str(program),
        "filter.evil.smudge": str(program),
        "gpg.program": str(program),
        "log.showSignature": "true",
        "alias.log": f"!{program}",
        "include.path": str(included),
        "remote.evil.url": f"ext::{program}",
        "remote.evil.uploadpack": str(program),
    }.items():
        git(path, "config", key, value)


_USES: dict[str, Callable[[gitpython.Repo], object]] = {
    "log": lambda repo: repo.git.log("-2"),
    "patch": lambda repo: repo.head.commit.diff("HEAD~1", create_patch=True),
    "status": lambda repo: repo.is_dirty(untracked_files=True),
    "add": lambda repo: repo.git.add("--renormalize", "."),
    "walk": lambda repo: list(repo.iter_commits("HEAD")),
    "tags": lambda repo: [tag.commit.hexsha for tag in repo.tags],
    "branches": lambda repo: [head.commit.message for head in repo.heads],
    "remotes": lambda repo: [remote.name for remote in repo.remotes],
    "tag": lambda repo: repo.create_tag("by-gitpython"),
}
_REFUSED: dict[str, tuple[Callable[[gitpython.Repo], object], str]] = {
    "external diff in a log": (lambda repo: repo.git.log("-p", "--ext-diff"), "diff died"),
    "external diff": (lambda repo: repo.git.diff("HEAD~1", "HEAD"), "diff died"),
    "blame": (lambda repo: repo.git.blame("--textconv", "HEAD", "--", ".gitattributes"), "diff"),
    "commit": (lambda repo: repo.git.commit("--allow-empty", "--amend"), "identity unknown"),
    "fetch": (lambda repo: repo.git.fetch("evil"), "not allowed"),
    "remote refs": (lambda repo: repo.git.ls_remote("evil"), "not allowed"),
}


@pytest.mark.parametrize("use", _USES.values(), ids=_USES)
def test_a_strangers_configuration_starts_no_program(
    strange: GitRepository, ran: Path, use: Callable[[gitpython.Repo], object]
) -> None:
    with open_repo(strange) as repo:
        use(repo)
    assert not ran.exists()


@pytest.mark.parametrize(("use", "why"), _REFUSED.values(), ids=_REFUSED)
def test_what_could_only_start_a_program_is_refused(
    strange: GitRepository, ran: Path, use: Callable[[gitpython.Repo], object], why: str
) -> None:
    with open_repo(strange) as repo, pytest.raises(gitpython.GitCommandError, match=why):
        use(repo)
    assert not ran.exists()


def _fetch(strange: GitRepository, address: str) -> None:
    arguments = ("--upload-pack=git-upload-pack", "--end-of-options", address)
    fetch_watched(strange, arguments, reach=Reach(), watch=lambda *_: None)


def test_a_fetch_that_is_watched_starts_no_program(
    strange: GitRepository, tmp_path: Path, ran: Path
) -> None:
    near = tmp_path / "near"
    near.mkdir()
    create_repository(near).close()
    head = commit_all(near)
    git(strange.git_dir.parent, "config", "remote.evil.url", str(near))
    _fetch(strange, "evil")
    assert strange.object(head) is not None
    assert not ran.exists()


@pytest.mark.parametrize("address", ["evil", "other:x", "ext::true", "-u:x"])
def test_a_fetch_that_is_watched_goes_nowhere_else(
    strange: GitRepository, tmp_path: Path, ran: Path, address: str
) -> None:
    git(strange.git_dir.parent, "config", f"url.ext::{tmp_path}/program.insteadOf", "other:")
    with pytest.raises(GitError, match=r"'ext' not allowed|strange hostname"):
        _fetch(strange, address)
    assert not ran.exists()


def test_the_traps_are_armed(strange: GitRepository, ran: Path) -> None:
    with gitpython.Repo(strange.git_dir.parent) as repo:
        repo.git.diff()
    assert ran.exists()


def test_gitpython_writes_no_configuration(strange: GitRepository) -> None:
    with open_repo(strange) as repo, pytest.raises(TypeError, match="git config"):
        repo.config_writer()


@pytest.mark.parametrize(
    "name",
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_INDEX_FILE"],
)
def test_a_callers_variables_lead_nowhere_else(
    strange: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    other = tmp_path / "other"
    git(tmp_path, "init", "-q", str(other))
    head = git(strange.git_dir.parent, "rev-parse", "HEAD")
    monkeypatch.setenv(name, str(other / ".git"))
    with open_repo(strange) as repo:
        assert repo.head.commit.hexsha == head
        assert repo.git.rev_parse("HEAD") == head
        assert Path(str(repo.working_tree_dir)) == strange.git_dir.parent
        assert not repo.is_dirty()


def test_a_work_tree_that_the_configuration_names_is_not_gone_to(
    strange: GitRepository, tmp_path: Path
) -> None:
    git(strange.git_dir.parent, "config", "core.worktree", str(tmp_path))
    with open_repo(strange) as repo:
        assert repo.git.rev_parse("--show-toplevel") == str(strange.git_dir.parent)


def test_a_callers_variables_start_no_other_git(tmp_path: Path, ran: Path) -> None:
    program = write_files(tmp_path, {"git": f"#!/bin/sh\ntouch {ran}\n".encode()}) / "git"
    program.chmod(0o755)
    opsteps(tmp_path, "init", "made", env={"GIT_PYTHON_GIT_EXECUTABLE": str(program)})
    assert (tmp_path / "made/.git/HEAD").exists()
    assert not ran.exists()


def test_without_git_it_is_said_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = opsteps(tmp_path, "init", "made", env={"PATH": str(tmp_path / "empty")}, expect=6)
    assert "git cannot be started: No such file or directory" in said
    assert "Install Git" in said
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", ["~root", "$HOME", "ä '$x'"])
def test_the_name_of_a_directory_is_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).mkdir()
    create_repository(Path(name)).close()
    assert (tmp_path / name / ".git/HEAD").read_text() == "ref: refs/heads/main\n"
    with IsolatedRepo(name) as repo:
        assert repo.git.rev_parse("--is-bare-repository") == "false"


def test_a_new_repository_holds_nothing_of_a_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path / "template/hooks", {"pre-commit": b"#!/bin/sh\n"})
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(tmp_path / "template"))
    (tmp_path / "made").mkdir()
    create_repository(tmp_path / "made", branch="trunk").close()
    entries = sorted(path.name for path in (tmp_path / "made/.git").iterdir())
    assert entries == ["HEAD", "config", "objects", "refs"]


def test_what_git_refuses_is_told_as_everywhere(strange: GitRepository) -> None:
    with pytest.raises(GitError) as plain:
        strange.run("rev-list", "nothing", "--")
    with (
        open_repo(strange) as repo,
        pytest.raises(GitError) as told,
        told_by_git(strange),
    ):
        list(repo.iter_commits("nothing"))
    assert str(told.value) == str(plain.value)
    assert "bad revision" in told.value.said


def test_an_unknown_way_of_starting_git_is_refused(strange: GitRepository) -> None:
    with open_repo(strange) as repo, pytest.raises(TypeError, match="max_chunk_size"):
        repo.git.status(max_chunk_size=1)


def test_where_no_repository_is_none_is_opened(tmp_path: Path) -> None:
    with pytest.raises(NotARegistryError, match="not a Git repository"):
        IsolatedRepo(tmp_path)
