"""Let Git's index and the working tree follow a commit that was written past them.

A person's later ``git add && git commit`` upon a stale index would silently revert the commit.
What somebody edited, staged or removed meanwhile is left as it is.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.files.durable import STAGED
from registry.files.locks import exclusive, is_held
from registry.git.index_lock import IndexCopy, index_copy
from registry.git.object_ids import blob_id
from registry.git.repository import GitRepository
from registry.names import CommitId

_ABSENT = "0" * 40
# Paths that are asked for by name; above it the whole index is listed.
_NAMED_PATHS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class _Change:
    """One path that differs between two commits; an absent blob's id is all zeros.

    ``ours`` are the ids that the path had in any commit on the way, both ends included: whoever
    followed half of the way left one of these there, and nobody's edit is lost by moving on.
    """

    path: str
    after: str
    mode: str
    ours: frozenset[str]


def follow(repository: GitRepository, old: CommitId | None) -> tuple[str, ...]:
    """Bring index and working tree from a commit (None: from nothing) to the head.

    The head is read when no other process of ours follows: whoever comes last gets all the way,
    in whatever order they come. Returns the paths that were left alone because somebody had
    edited, staged or removed them. Raises GitError when another Git holds the index for long.
    """
    if repository.work_tree is None:
        return ()
    with exclusive(_lock(repository)) as lock:
        new = repository.resolve_commit("HEAD")
        with index_copy(repository, holding=lock) as index:
            if old is None:
                index.run("read-tree", "--reset", "-u", new)
                return ()
            changes = list(_changes(repository, old, new))
            followed = _update_index(index, changes, new)
            return _update_files(index, repository.work_tree, changes, followed)


def is_followed(repository: GitRepository) -> bool:
    """True while a process brings index and working tree to the head."""
    return is_held(_lock(repository))


def _lock(repository: GitRepository) -> Path:
    return repository.git_dir / "opsteps" / "worktree.lock"


def _changes(repository: GitRepository, old: CommitId, new: CommitId) -> Iterator[_Change]:
    passed: dict[str, set[str]] = {}
    log = ("log", "--raw", "-z", "--no-abbrev", "--no-renames", "--format=", f"{old}..{new}")
    for _, before, after, path in _raw_changes(repository.run(*log)):
        passed.setdefault(path, set()).update((before, after))
    diff = ("diff-tree", "-r", "-z", "--no-renames", old, new)
    for mode, before, after, path in _raw_changes(repository.run(*diff)):
        ours = frozenset(passed.get(path, ())) | {before, after}
        yield _Change(path=path, after=after, mode=mode, ours=ours)


def _raw_changes(out: bytes) -> Iterator[tuple[str, str, str, str]]:
    """New mode, old id, new id and path of each line of Git's raw format with ``-z``."""
    fields = out.decode(errors="surrogateescape").split("\0")[:-1]
    for meta, path in zip(fields[::2], fields[1::2], strict=True):
        _, mode, before, after, _ = meta.split(" ")
        yield mode, before, after, path


def _update_index(index: IndexCopy, changes: Sequence[_Change], new: CommitId) -> frozenset[str]:
    """Move the entries that nobody staged anything for; return their paths."""
    if index.is_new:
        index.run("read-tree", new)
        return frozenset(change.path for change in changes)
    staged = _staged(index, changes)
    ours = [c for c in changes if staged.get(c.path, _ABSENT) in c.ours]
    # Removals first: a file may have become a folder.
    lines = [f"0 {_ABSENT}\t{c.path}\0" for c in ours if c.after == _ABSENT]
    lines += [f"{c.mode} {c.after}\t{c.path}\0" for c in ours if c.after != _ABSENT]
    if lines:
        stdin = "".join(lines).encode(errors="surrogateescape")
        index.run("update-index", "-z", "--index-info", stdin=stdin)
    return frozenset(change.path for change in ours)


def _staged(index: IndexCopy, changes: Sequence[_Change]) -> dict[str, str]:
    """Return the index's entries at these paths; a conflicted path holds nothing of ours."""
    wanted = {change.path for change in changes}
    few = wanted if len(wanted) <= _NAMED_PATHS else ()
    out = index.run("--literal-pathspecs", "ls-files", "-s", "-z", "--", *few)
    found: dict[str, str] = {}
    for line in out.decode(errors="surrogateescape").split("\0")[:-1]:
        meta, _, path = line.partition("\t")
        if path in wanted:
            _, object_id, stage = meta.split(" ")
            found[path] = object_id if stage == "0" else "conflict"
    return found


def _update_files(
    index: IndexCopy, root: Path, changes: Sequence[_Change], followed: frozenset[str]
) -> tuple[str, ...]:
    checkout: list[str] = []
    kept: list[str] = []
    # Removals first, as in the index.
    for change in sorted(changes, key=lambda c: c.after != _ABSENT):
        current = _current(root, change.path)
        if change.path not in followed or current not in change.ours:
            kept.append(change.path)
        elif change.after != _ABSENT:
            checkout.append(change.path)
        elif current != _ABSENT:
            _remove(root / change.path, root)
    if checkout:
        _check_out(index, root, checkout)
    return tuple(sorted(kept))


def _check_out(index: IndexCopy, root: Path, paths: Sequence[str]) -> None:
    """Put files into the working tree, each whole: Git writes them in place, bit by bit.

    What a killed process had left half-written would pass for a person's edit.
    """
    staging = index.repository.git_dir / "opsteps" / "checkout"
    shutil.rmtree(staging, ignore_errors=True)
    stdin = "".join(f"{path}\0" for path in paths).encode(errors="surrogateescape")
    index.run("checkout-index", f"--prefix={staging}/", "-z", "--stdin", stdin=stdin)
    for path in paths:
        target = root / path
        mode = _mode(staging / path)
        if mode is None or stat.S_ISDIR(mode):  # a submodule, which has no files here
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        _move(staging / path, target)
    shutil.rmtree(staging)
    # The index learns their times and sizes, so that Git need not read them again.
    index.run("update-index", "-z", "--stdin", stdin=stdin)


def _move(file: Path, target: Path) -> None:
    """Put a file or a link in the place of what is there, never into where a link leads."""
    try:
        file.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # The working tree is on another file system than the repository.
        beside = target.with_name(f"{STAGED}{uuid.uuid4().hex}")
        try:
            shutil.copy2(file, beside, follow_symlinks=False)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)


def _current(root: Path, path: str) -> str:
    """The blob id of what is in the working tree; all zeros where nothing is, else no id."""
    parent = root
    for part in path.split("/")[:-1]:
        parent /= part
        mode = _mode(parent)
        if mode is None:
            return _ABSENT
        if not stat.S_ISDIR(mode):  # a person's file or link, in the place of a folder
            return "blocked"
    file = root / path
    mode = _mode(file)
    if mode is None:
        return _ABSENT
    try:
        if stat.S_ISLNK(mode):
            return blob_id(os.fsencode(file.readlink()))
        return blob_id(file.read_bytes()) if stat.S_ISREG(mode) else "no file"
    except OSError:
        return "not readable"


def _mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return None
    except OSError:  # not readable: no kind of file that we would touch
        return 0


def _remove(file: Path, root: Path) -> None:
    file.unlink(missing_ok=True)
    for parent in file.parents:
        if parent == root or any(parent.iterdir()):
            return
        parent.rmdir()
