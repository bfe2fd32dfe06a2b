"""Find the parts of a Git repository at a path, whatever the environment says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from registry.errors import NotARegistryError

_LINK = "gitdir: "


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Where a repository keeps what is its own and what it shares with its worktrees."""

    git_dir: Path
    common_dir: Path
    work_tree: Path | None
    """None for a bare repository."""


def find_places(path: Path) -> Places:
    """The repository at ``path`` itself, never one of its parents; raises NotARegistryError.

    Not asked of Git or GitPython: both let GIT_DIR and ``core.worktree`` point elsewhere.
    """
    try:
        places = _places(path.absolute())
        is_there = (places.git_dir / "HEAD").is_file() and all(
            (places.common_dir / name).is_dir() for name in ("objects", "refs")
        )
    except (OSError, ValueError):
        is_there = False
    if not is_there:
        raise NotARegistryError(
            "this is not a Git repository",
            where=str(path),
            next_step=f"Make a registry with 'opsteps init {path}'",
        )
    return places


def _places(path: Path) -> Places:
    root = path.parent if path.name == ".git" and path.is_dir() else path
    inner = root / ".git"
    work_tree: Path | None = root
    if inner.is_file():  # a linked worktree or a submodule
        git_dir = (root / inner.read_text().removeprefix(_LINK).strip()).resolve()
    elif inner.is_dir():
        git_dir = inner
    else:
        git_dir, work_tree = root, None
    common = git_dir / "commondir"
    shared = (git_dir / common.read_text().strip()).resolve() if common.is_file() else git_dir
    return Places(git_dir=git_dir, common_dir=shared, work_tree=work_tree)
