"""A HEAD that names a branch without a commit, as in a clone whose remote names a wrong one."""

from __future__ import annotations

import shlex
from pathlib import Path

from registry.errors import NotARegistryError
from registry.git.repository import GitRepository
from registry.problems import printable

_HEADS = "refs/heads/"
_REMOTES = "refs/remotes/"
_USUAL = ("main", "master")
_SHOWN = 5


def unborn_elsewhere(repository: GitRepository, where: Path) -> NotARegistryError | None:
    """The error for a repository whose commits are all on other branches than HEAD's, else None."""
    text = (repository.git_dir / "HEAD").read_text(errors="replace").strip()
    branch = text.removeprefix("ref:").strip()
    if not branch.startswith(_HEADS) or repository.object("HEAD") is not None:
        return None
    here, there = _branches(repository)
    return no_commit(repository, branch, where) if here or there else None


def no_commit(repository: GitRepository, branch: str, where: Path) -> NotARegistryError:
    """The error for a branch, a whole ref, that has no commit: it names the branches that do."""
    short = printable(branch.removeprefix(_HEADS))
    here, there = _branches(repository)
    if not here and not there:
        return NotARegistryError(
            "there is no commit here yet",
            where=str(where),
            next_step="Make a registry with 'opsteps init DIRECTORY'",
        )
    remote = next(iter(there), "")
    names = here or there[remote]
    others = printable(", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else ""))
    said = f"{'branch' if len(names) == 1 else 'branches'} {others}"
    return NotARegistryError(
        f"there is no commit on the branch {short}; "
        + (f"there is the {said}" if here else f"{printable(remote)} has the {said}"),
        where=str(where),
        next_step="Go to the branch that holds the registry, with"
        f" '{_switching(repository, names)}'",
    )


def _switching(repository: GitRepository, names: list[str]) -> str:
    chosen = next((name for name in _USUAL if name in names), names[0])
    known = printable(chosen) if len(names) == 1 or chosen in _USUAL else "BRANCH"
    if repository.work_tree is None:
        return shlex.join(["git", "symbolic-ref", "HEAD", f"{_HEADS}{known}"])
    return shlex.join(["git", "switch", known])


def _branches(repository: GitRepository) -> tuple[list[str], dict[str, list[str]]]:
    """The branches here, and those of each remote, ``origin`` first."""
    out = repository.run("for-each-ref", "--format=%(refname)", _HEADS, _REMOTES)
    here: list[str] = []
    there: dict[str, list[str]] = {}
    for ref in out.decode(errors="replace").splitlines():
        if ref.startswith(_HEADS):
            here.append(ref.removeprefix(_HEADS))
            continue
        remote, _, name = ref.removeprefix(_REMOTES).partition("/")
        if name and name != "HEAD":
            there.setdefault(remote, []).append(name)
    return here, dict(sorted(there.items(), key=lambda item: (item[0] != "origin", item[0])))
