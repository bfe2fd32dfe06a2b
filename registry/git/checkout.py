"""Find an operation of a person's own Git that is under way: a commit of ours would get lost in it.

A rebase puts its own commits upon the head that it began with, and a merge commits the index that
it made: what was written in between is gone from the branch, or half of it is.
"""

from __future__ import annotations

from registry.errors import ConflictError
from registry.git.repository import GitRepository

# What Git leaves in its directory meanwhile, what it is called, and the command that ends it.
_UNDER_WAY = (
    (("rebase-merge", "rebase-apply"), "rebase", "rebase"),
    (("MERGE_HEAD",), "merge", "merge"),
    (("CHERRY_PICK_HEAD",), "cherry-pick", "cherry-pick"),
    (("REVERT_HEAD",), "revert", "revert"),
)


def refuse_under_way(repository: GitRepository) -> None:
    """Raise ConflictError while a rebase, merge, cherry-pick or revert is not finished."""
    for files, name, command in _UNDER_WAY:
        if any((repository.git_dir / file).exists() for file in files):
            raise ConflictError(
                f"a {name} is under way in this repository",
                where=str(repository.work_tree or repository.git_dir),
                next_step=f"Finish it with 'git {command} --continue', or end it with"
                f" 'git {command} --abort'; then run the command again",
            )


def refuse_detached(repository: GitRepository, branch: str) -> None:
    """Raise ConflictError where HEAD names no branch.

    What is committed there is on no branch: the next ``git switch`` leaves it behind.
    """
    if branch == "HEAD":
        raise ConflictError(
            "HEAD is detached: what is written now would be on no branch, and lost with the next"
            " 'git switch'",
            where=str(repository.work_tree or repository.git_dir),
            next_step="Go to the branch first, with 'git switch BRANCH'",
        )
