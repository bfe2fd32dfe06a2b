"""The registry that a command works on: the one named, else the one around this directory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from contextvars import ContextVar
from pathlib import Path

from registry.errors import IncompleteCloneError, NotARegistryError, RegistryError

VARIABLE = "OPSTEPS_REGISTRY"
"""The environment variable that names the registry where no option does."""
_FACTS = "registry.yaml"
_NAMED: ContextVar[Path | None] = ContextVar("named_registry", default=None)


def choose_registry(named: Path | None) -> Path:
    """The registry that was named, else that of OPSTEPS_REGISTRY, else the one around us.

    Raises NotARegistryError when there is none.
    """
    if named is not None:
        _NAMED.set(named)
        return named
    return _of_environment() or find_registry()


def near_registry(named: Path | None) -> Path | None:
    """As `choose_registry`, for commands that also work without a registry: None when none is."""
    try:
        return choose_registry(named)
    except NotARegistryError:
        return None


def named_registry() -> Path | None:
    """The registry that this command's arguments named, if they named one."""
    return _NAMED.get()


def find_registry(start: Path | None = None) -> Path:
    """The nearest directory, from ``start`` upwards, that holds a registry.

    That is the top of a Git working tree, or a bare repository, with a ``registry.yaml`` in the
    files or in the newest commit. Raises NotARegistryError.
    """
    for directory in _upwards(start):
        if _is_registry(directory):
            return Path(os.path.relpath(directory, start))
    unborn = _unborn(start)
    if unborn is not None:
        raise unborn
    raise NotARegistryError(
        "there is no registry here, nor in a directory above",
        where=str(start or Path()),
        next_step=f"Name it with --registry DIRECTORY, or in {VARIABLE},"
        " or make one with 'opsteps init DIRECTORY'",
    )


def registry_among(words: Iterable[str]) -> str | None:
    """The first of these words that is a registry's directory: it was named in the wrong place."""
    return next((word for word in words if _is_registry(Path(word).absolute())), None)


def _of_environment() -> Path | None:
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    from registry.git.layout import find_places

    path = Path(text)
    try:
        find_places(path)
    except NotARegistryError as error:
        raise NotARegistryError(
            f"{VARIABLE} names a directory that is not a Git repository",
            where=text,
            next_step="Correct it, or name the registry with --registry DIRECTORY",
        ) from error
    return path


def _upwards(start: Path | None) -> Iterator[Path]:
    try:
        here = (start or Path()).absolute()
    except OSError:  # the current directory was deleted
        return
    for directory in (here, *here.parents):
        if directory.name != ".git":  # it looks like a bare repository
            yield directory


def _is_registry(directory: Path) -> bool:
    try:
        if os.path.lexists(directory / ".git"):
            return (directory / _FACTS).is_file() or _has_committed_facts(directory)
        is_bare = (directory / "HEAD").is_file() and (directory / "objects").is_dir()
    except (OSError, ValueError):
        return False
    return is_bare and _has_committed_facts(directory)


def _unborn(start: Path | None) -> NotARegistryError | None:
    """Return the error of the repository around us, if its commits are on other branches."""
    from registry.git.repository import GitRepository
    from registry.git.unborn_head import unborn_elsewhere

    around = (one for one in _upwards(start) if os.path.lexists(one / ".git"))
    directory = next(around, None)
    if directory is None:
        return None
    try:
        with closing(GitRepository(directory)) as repository:
            return unborn_elsewhere(repository, Path(os.path.relpath(directory, start)))
    except (RegistryError, OSError):
        return None


def _has_committed_facts(directory: Path) -> bool:
    from registry.git.repository import GitRepository

    try:
        repository = GitRepository(directory)
    except RegistryError:
        return False
    try:
        return repository.object(f"HEAD:{_FACTS}") is not None
    except IncompleteCloneError:  # it is there, and what it lacks is told by who reads it
        return True
    except RegistryError:
        return False
    finally:
        repository.close()
