"""Releases that servers of this clone served, by every working tree's memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from registry.git.repository import GitRepository
from registry.problems import printable
from registry.served.memory import Memory
from registry.verifying.release_rules import ReleaseEvidence


class ServedReleases:
    """Tags are shared by all working trees of a clone, and each has a server's memory of its own.

    Nothing is read before it is asked for.
    """

    def __init__(self, repository: GitRepository) -> None:
        """Of the clone that this repository is, or is a working tree of."""
        self._repository = repository
        self._memories: tuple[tuple[str, Memory], ...] | None = None

    def who_served(self, release: ReleaseEvidence) -> str:
        """Say who served a release, as the start of a sentence; empty when nobody did.

        What cannot be read is taken for somebody: a tag that was served must not go unnoticed.
        """
        if self._memories is None:
            self._memories = tuple(_read(self._repository))
        for where, memory in self._memories:
            library = memory.libraries.get(release.name)
            if library is not None and library.release(release.version) is not None:
                return f"a server of {where} served it"
            if memory.problem:
                return f"a server of {where} may have served it ({memory.problem})"
        return ""


def _read(repository: GitRepository) -> Iterator[tuple[str, Memory]]:
    common = repository.common_dir
    for directory in (common, *sorted((common / "worktrees").glob("*"))):
        memory = Memory(directory / "opsteps")
        memory.refresh()
        yield _named(directory, repository), memory


def _named(directory: Path, repository: GitRepository) -> str:
    if directory == repository.git_dir:
        return "this clone"
    if directory == repository.common_dir:
        return "the main working tree of this clone"
    return f"the working tree {printable(directory.name)!r} of this clone"
