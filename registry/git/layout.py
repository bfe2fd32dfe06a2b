"""Find the parts of a Git repository at a path, whatever the environment says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from registry.errors import NotARegistryError
from registry.files.git_config import GitConfig, read_git_config
from registry.files.os_errors import not_allowed

_LINK = "gitdir: "


@dataclass(frozen=True, kw_only=True, slots=True)
class RepositoryLayout:
    """The directories of a repository: its own, and those that it shares with its worktrees."""

    git_dir: Path
    common_dir: Path
    work_tree: Path | None
    """None for a bare repository."""
    config: GitConfig = field(default_factory=GitConfig)


def find_places(path: Path) -> RepositoryLayout:
    """The repository at ``path`` itself, never one of its parents.

    Raises NotARegistryError where none is, or one whose objects are named by SHA-256, and
    AccessError where this user may not look.
    Not asked of Git or GitPython: both let GIT_DIR and ``core.worktree`` point elsewhere.
    """
    try:
        places = _places(path.absolute())
        is_there = (places.git_dir / "HEAD").is_file() and all(
            (places.common_dir / name).is_dir() for name in ("objects", "refs")
        )
    except PermissionError as error:
        raise not_allowed(str(error.filename or path)) from error
    except (OSError, ValueError):
        is_there = False
    if not is_there:
        raise NotARegistryError(
            "this is not a Git repository",
            where=str(path),
            next_step=f"Make a registry with 'opsteps init {path}'",
        )
    return replace(places, config=_known_kind(path, read_git_config(places.common_dir)))


def refuse_unknown_kind(path: Path) -> None:
    """Raise NotARegistryError for a repository of a kind that is not known; else do nothing."""
    if (path / ".git").exists():
        _known_kind(path, read_git_config(_places(path.absolute()).common_dir))


def _known_kind(path: Path, config: GitConfig) -> GitConfig:
    if config.get("extensions.objectformat").lower() == "sha256":
        raise NotARegistryError(
            "the objects of this repository are named by SHA-256, which is not supported",
            where=str(path),
            next_step="Use a repository whose objects are named by SHA-1:"
            " 'git init --object-format=sha1'",
        )
    return config


def _places(path: Path) -> RepositoryLayout:
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
    return RepositoryLayout(git_dir=git_dir, common_dir=shared, work_tree=work_tree)
