"""Find what a clone lacks: the release tags, older commits, or contents that a filter left out.

Every answer about releases depends on them. Without tags all that is released looks altered or
unreleased, and without older commits no tag is on an ancestor of the head: such answers are wrong,
so none is given. A look costs a few small files, and nothing of the registry's size.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from registry.errors import IncompleteCloneError
from registry.git.repository import GitRepository
from registry.git.trees import read_tree
from registry.terminal.pasting import word

_LEDGER = re.compile(rb"^ledger:[ \t]*\r?\n(?:[ \t]*#.*\n)*[ \t]+\S", re.MULTILINE)
_CHUNK = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class CloneState:
    """The parts that a clone lacks, and the remote that has them (empty: none is known)."""

    is_shallow: bool = False
    lacks_tags: bool = False
    remote: str = ""

    @property
    def is_complete(self) -> bool:
        """True if it has what answers about releases depend on."""
        return not (self.is_shallow or self.lacks_tags)

    @property
    def problem(self) -> str:
        """Say what it lacks, in a sentence; empty when it is complete."""
        if self.is_shallow:
            return (
                "this clone is shallow: it lacks older commits and release tags, so what is"
                " released cannot be told"
            )
        if self.lacks_tags:
            return "this clone lacks the release tags, so what is released cannot be told"
        return ""

    @property
    def next_step(self) -> str:
        """The line that brings what is missing."""
        if self.is_complete:
            return ""
        if not self.remote:
            return "Clone it again in full, with all its tags: this clone has no remote to ask"
        options = "--unshallow --tags" if self.is_shallow else "--tags"
        return f"Run 'git fetch {options} {word(self.remote)}' (in a workflow: fetch-depth: 0)"

    def refuse_incomplete(self, where: Path) -> None:
        """Raise IncompleteCloneError when something is missing."""
        if not self.is_complete:
            raise IncompleteCloneError(self.problem, where=str(where), next_step=self.next_step)


def read_clone_state(repository: GitRepository) -> CloneState:
    """Look at a clone; raises GitError."""
    remote = next(iter(repository.config.remotes), "")
    return CloneState(
        is_shallow=is_shallow(repository),
        # Only a clone may have fewer tags: elsewhere they were deleted, which is an alarm.
        lacks_tags=bool(remote) and not _has_tags(repository) and _has_releases(repository),
        remote=remote,
    )


def is_shallow(repository: GitRepository) -> bool:
    """True if older commits were left out."""
    try:
        return (repository.common_dir / "shallow").stat().st_size > 0
    except OSError:
        return False


def _has_tags(repository: GitRepository) -> bool:
    """True if there is any tag: a first file, or a first line, is enough."""
    for _, _, names in os.walk(repository.common_dir / "refs/tags"):
        if names:
            return True
    return bool(repository.run("for-each-ref", "--count=1", "refs/tags/"))


def _has_releases(repository: GitRepository) -> bool:
    """True if a ledger at the head names a release; asked only where there is no tag at all."""
    tree = repository.object("HEAD:libraries")
    if tree is None or tree.type != "tree":
        return False
    names = [entry.name for entry in read_tree(repository, tree.object_id) if entry.is_tree]
    paths = [f"HEAD:libraries/{name}/library.yaml" for name in names if "\n" not in name]
    for start in range(0, len(paths), _CHUNK):
        found = list(repository.objects(paths[start : start + _CHUNK]))
        if any(item is not None and _LEDGER.search(item.content) for item in found):
            return True
    return False
