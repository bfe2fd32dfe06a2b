"""Tell an object that is missing from a path that is not there.

To ``git cat-file`` both are "missing". Who takes the one for the other writes a new library whose
ledger it could not read.
"""

from __future__ import annotations

from registry.git.commits import commit_tree
from registry.git.failures import missing_object
from registry.git.repository import GitObject, GitRepository
from registry.git.trees import tree_items
from registry.names import CommitId, ObjectId

_SUBMODULE = b"160000"


def object_at(repository: GitRepository, commit: CommitId, path: str) -> GitObject | None:
    """Return the object at a path of a commit; None where the commit has no such path.

    Raises DamagedRepositoryError when an object on the way, or the one it leads to, is missing.
    """
    found = repository.object(f"{commit}:{path}")
    if found is None:
        refuse_missing(repository, commit, path)
    return found


def refuse_missing(repository: GitRepository, commit: CommitId, path: str) -> None:
    """Raise DamagedRepositoryError unless a path that was not found is one the commit lacks."""
    found = repository.object(commit)
    if found is None:
        raise missing_object(commit, repository.git_dir)
    wanted: ObjectId | None = commit_tree(found.content)
    for name in path.split("/"):
        if wanted is None:
            return
        found = repository.object(wanted)
        if found is None:
            raise missing_object(wanted, repository.git_dir)
        wanted = _entry(found, name.encode()) if found.type == "tree" else None
    if wanted is not None and repository.object(wanted) is None:
        raise missing_object(wanted, repository.git_dir)


def _entry(tree: GitObject, name: bytes) -> ObjectId | None:
    """The object under a name of a tree; ten thousand others are not looked at for it."""
    if b" %b\0" % name not in tree.content:
        return None
    items = tree_items(tree.content)
    # The commit of a submodule is in another repository.
    found = (ObjectId(i.hex()) for mode, n, i in items if n == name and mode != _SUBMODULE)
    return next(found, None)
