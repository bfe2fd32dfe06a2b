"""Let the working tree and Git's index follow a commit that was written past them.

A person's later ``git add && git commit`` upon a stale index would silently revert the commit.
What somebody edited meanwhile is left as it is.
"""

from __future__ import annotations

from pathlib import Path

from registry.digest import blob_id
from registry.git import GitRepository
from registry.names import CommitId

_ABSENT = "0" * 40


def follow(repository: GitRepository, old: CommitId | None, new: CommitId) -> tuple[str, ...]:
    """Bring index and working tree from one commit to the next.

    Returns the paths that were left alone because their content is neither the old nor the new.
    """
    if repository.work_tree is None:
        return ()
    if old is None:
        repository.run("read-tree", "--reset", "-u", new)
        return ()
    repository.run("read-tree", "-i", "-m", old, new)
    out = repository.run("diff-tree", "-r", "-z", "--no-renames", old, new)
    fields = out.decode(errors="surrogateescape").split("\0")[:-1]
    checkout: list[str] = []
    kept: list[str] = []
    for meta, path in zip(fields[::2], fields[1::2], strict=True):
        _, _, before, after, _ = meta.split(" ")
        file = repository.work_tree / path
        if not _is_ours(file, before, after):
            kept.append(path)
        elif after == _ABSENT:
            _remove(file, repository.work_tree)
        else:
            checkout.append(path)
    if checkout:
        stdin = "".join(f"{path}\0" for path in checkout).encode(errors="surrogateescape")
        repository.run("checkout-index", "-f", "-u", "-z", "--stdin", stdin=stdin)
    return tuple(kept)


def _is_ours(file: Path, before: str, after: str) -> bool:
    """Whether nobody but us wrote what is there now."""
    try:
        current = blob_id(file.read_bytes())
    except OSError:
        return not file.is_symlink()
    return current in {before, after}


def _remove(file: Path, root: Path) -> None:
    file.unlink(missing_ok=True)
    for parent in file.parents:
        if parent == root or any(parent.iterdir()):
            return
        parent.rmdir()
