"""Make a new registry: a Git repository with a first commit.

It is built in a directory inside the new one and becomes a registry with one rename, that of
``.git``. A clone of an empty repository has its ``.git`` already: it becomes a registry when the
branch that was not born yet is. Killed before, there is none and the next attempt starts again;
killed after, the registry is complete, and the next attempt lets its working tree follow.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from registry.errors import ConflictError
from registry.files.durable import sync_directories, write_durably
from registry.files.sharing import share
from registry.formats.model import Requirement
from registry.git.commit_writer import RefUpdate, move_refs, write_commit
from registry.git.repository import GitRepository
from registry.git.worktree import follow
from registry.problems import printable
from registry.publishing.registry_template.branch_name import MAIN
from registry.publishing.registry_template.files import Host, NewRegistry, hook_of, registry_files
from registry.publishing.registry_template.published_address import PLACEHOLDER
from registry.publishing.registry_template.tool_source import ToolSource
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, operation_commit

_STAGING = ".opsteps-init-"
# In the Git directory until the working tree has followed; the pre-commit hook knows it, too.
_UNFINISHED = "opsteps/init-unfinished"
_EXECUTABLE = 0o755
_HEADS = "refs/heads/"


def init_registry(  # noqa: PLR0913 - each is one thing that a person says of the registry
    path: Path,
    *,
    name: str,
    title: str,
    url: str = PLACEHOLDER,
    repository: str | None = None,
    by: Actor,
    operators: tuple[str, ...] = (),
    hosts: tuple[Host, ...] = (),
    hook: bool = False,
    tool: ToolSource | None = None,
    require: tuple[Requirement, ...] = (),
    branch: str | None = None,
) -> Registry:
    """Make a registry at ``path``, with workflows for these hosts.

    ``path`` is new, empty, or a clone of an empty repository: that keeps its configuration, its
    remotes and the name of its branch, which then stands in all that is generated. Elsewhere that
    is ``branch``, or ``main``.

    ``repository`` is its address at a Git host, where that is known.

    ``hook`` installs the pre-commit hook in this clone, too; workflows get opsteps from ``tool``;
    ``require`` is what the policy demands of candidates. Raises ConflictError when there is
    something already, or the clone is on another branch than ``branch``, InvalidNameError, and
    InvalidLibraryError for a title or URL that ``registry.yaml`` may not hold; then nothing was
    made.
    """
    wanted = NewRegistry(
        name=name,
        title=title,
        url=url,
        repository=repository,
        operators=operators,
        hosts=hosts,
        tool=tool,
        require=require,
        branch=branch or MAIN,
    )
    files = registry_files(wanted)
    with _own_directory(path):
        clone = _empty_clone(path)
        if clone is not None:
            files = registry_files(replace(wanted, branch=_unborn_branch(clone, branch)))
            _begin_in_clone(clone, files, name=name, by=by, hook=hook)
        elif (path / ".git" / _UNFINISHED).exists():
            _finish_earlier(path, files["registry.yaml"], branch)
        else:
            _refuse_taken(path)
            _begin(path, files, name=name, branch=wanted.branch, by=by, hook=hook)
    return Registry.open(path)


@contextmanager
def _own_directory(path: Path) -> Iterator[None]:
    """Have the directory to ourselves; what is ours in it, and it if we made it, goes on failure.

    The lock is the kernel's: it ends with its holder.
    """
    if path.exists() and not path.is_dir():
        raise _taken(path)
    is_new = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        for staging in path.glob(f"{_STAGING}*"):
            # Its Git may still be ending; what stays behind is in nobody's way.
            shutil.rmtree(staging, ignore_errors=True)
        if is_new and not any(path.iterdir()):
            path.rmdir()
        os.close(descriptor)


def _refuse_taken(path: Path) -> None:
    if any(not entry.name.startswith(_STAGING) for entry in path.iterdir()):
        raise _taken(path)


def _taken(path: Path) -> ConflictError:
    if (path / "registry.yaml").is_file() and (path / ".git").exists():
        return ConflictError(
            "there is a registry here already", where=str(path), next_step="Use it as it is"
        )
    if (path / ".git").exists():
        return ConflictError(
            "this is a Git repository that is not empty",
            where=str(path),
            next_step="Name an empty or new directory, or a clone of an empty repository",
        )
    return ConflictError(
        "the directory is not empty", where=str(path), next_step="Name an empty or new one"
    )


def _empty_clone(path: Path) -> GitRepository | None:
    """The repository of a directory that holds nothing but one without a commit; else None."""
    others = (e for e in path.iterdir() if e.name != ".git" and not e.name.startswith(_STAGING))
    if not (path / ".git").is_dir() or any(others):
        return None
    repository = GitRepository(path)
    if repository.run("for-each-ref", "--count=1"):
        repository.close()
        return None
    return repository


def _unborn_branch(clone: GitRepository, wanted: str | None) -> str:
    """The branch that is checked out in an empty clone; raises ConflictError for another wish."""
    path = clone.git_dir.parent
    head = (clone.git_dir / "HEAD").read_text().strip().removeprefix("ref:").strip()
    if not head.startswith(_HEADS):
        raise _taken(path)
    branch = head.removeprefix(_HEADS)
    if wanted is not None and wanted != branch:
        raise ConflictError(
            f"this clone is on the branch {printable(branch)!r}, not on {wanted!r}",
            where=str(path),
            next_step=f"Leave --branch out, or first 'git symbolic-ref HEAD {_HEADS}{wanted}'",
        )
    return branch


def _begin_in_clone(
    repository: GitRepository, files: dict[str, bytes], *, name: str, by: Actor, hook: bool
) -> None:
    """Commit to the branch that HEAD names; until that ref is there, no registry is.

    A hook that somebody put there before stays.
    """
    git_dir, path = repository.git_dir, repository.git_dir.parent
    share(repository.config)
    branch = (git_dir / "HEAD").read_text().strip().removeprefix("ref:").strip()
    commit = operation_commit(f"Begin the registry {name}", operation="init", by=by, files=files)
    new = write_commit(repository, None, commit)
    if hook and not (git_dir / "hooks/pre-commit").exists():
        _write_hook(git_dir, files)
    (git_dir / "opsteps").mkdir(exist_ok=True)
    write_durably(git_dir / _UNFINISHED, b"")
    move_refs(repository, [RefUpdate(ref=branch, new=new)])
    repository.close()
    _finish(path)


def _write_hook(git_dir: Path, files: dict[str, bytes]) -> None:
    (git_dir / "hooks").mkdir(exist_ok=True)
    write_durably(git_dir / "hooks/pre-commit", hook_of(files), mode=_EXECUTABLE)


def _begin(
    path: Path, files: dict[str, bytes], *, name: str, branch: str, by: Actor, hook: bool
) -> None:
    from registry.git.gitpython import create_repository

    staging = path / f"{_STAGING}{uuid.uuid4().hex}"
    staging.mkdir()
    repository = create_repository(staging, branch=branch)
    commit = operation_commit(f"Begin the registry {name}", operation="init", by=by, files=files)
    new = write_commit(repository, None, commit)
    move_refs(repository, [RefUpdate(ref=f"{_HEADS}{branch}", new=new)])
    repository.close()
    git_dir = staging / ".git"
    if hook:
        _write_hook(git_dir, files)
    (git_dir / "opsteps").mkdir(exist_ok=True)
    write_durably(git_dir / _UNFINISHED, b"")
    for name_of_file in ("HEAD", "config"):  # objects and refs are on the disk already
        write_durably(git_dir / name_of_file, (git_dir / name_of_file).read_bytes())
    git_dir.rename(path / ".git")
    sync_directories([path, path.parent])
    _finish(path)


def _finish_earlier(path: Path, facts: bytes, branch: str | None) -> None:
    """Complete what a killed ``init`` made; raises ConflictError when it made something else."""
    _finish(path)
    with Registry.open(path) as registry:
        made = registry.repository.object("HEAD:registry.yaml")
        is_there = branch is None or registry.branch == f"{_HEADS}{branch}"
    if made is None or made.content != facts or not is_there:
        raise ConflictError(
            "an earlier 'opsteps init' that was interrupted had made another registry here,"
            " which is complete now",
            where=str(path),
            next_step="Use it as it is, or name an empty or new directory",
        )


def _finish(path: Path) -> None:
    repository = GitRepository(path)
    follow(repository, None)
    repository.close()
    (repository.git_dir / _UNFINISHED).unlink(missing_ok=True)
