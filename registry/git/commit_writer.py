"""Write a commit, its tags and its refs: O(what is written), never O(registry).

Objects first, refs last: until `move_refs` succeeds nothing is visible, and it moves all of them
or none. Git's index is not involved (`registry.git.worktree` lets it follow).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from registry.errors import GitError, MovedError, UnfinishedError
from registry.files.durable import above, sync_directories
from registry.git.commits import commit_tree
from registry.git.failures import missing_object
from registry.git.object_writer import ObjectWriter, edit_tree
from registry.git.packs import let_go
from registry.git.repository import GitRepository
from registry.names import CommitId, ObjectId

if TYPE_CHECKING:  # cryptography takes its time to load, and few commits are signed
    from registry.signing.keys import PublicKey

# What a ref that must not exist yet is compared with.
ABSENT = "0" * 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The author of a commit or tag as Git records it, and the time (seconds since 1970, UTC)."""

    name: str
    email: str
    seconds: int

    def __str__(self) -> str:
        """Git's form; characters that Git gives a meaning are taken out."""
        name, email = (
            "".join(c for c in text if c.isprintable() and c not in "<>").strip()
            for text in (self.name, self.email)
        )
        return f"{name or 'unknown'} <{email}> {self.seconds} +0000"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewCommit:
    """One commit to write: the files it sets and the paths (files or directories) it removes.

    ``sign`` makes an armored SSH signature over the commit's bytes, with the private half of
    ``key``.
    """

    message: str
    who: Identity
    files: Mapping[str, bytes]
    removed: Sequence[str] = field(default_factory=tuple)
    sign: Callable[[bytes], str] | None = None
    key: PublicKey | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RefUpdate:
    """A ref to move from ``old`` to ``new``; it must still be at ``old``."""

    ref: str
    new: str
    old: str = ABSENT


def write_commit(repository: GitRepository, base: CommitId | None, commit: NewCommit) -> CommitId:
    """Write one commit upon ``base``: its blobs and the trees on their paths. No ref moves."""
    writer = ObjectWriter(repository)
    written = put_commit(repository, writer, base, commit)
    writer.finish()
    return written


def put_commit(
    repository: GitRepository, writer: ObjectWriter, base: CommitId | None, commit: NewCommit
) -> CommitId:
    """As `write_commit`, with a writer that still has to finish."""
    root = None
    if base is not None:
        found = repository.object(base)
        if found is None:
            raise missing_object(base, repository.git_dir)
        root = commit_tree(found.content)
    blobs = {path: writer.write("blob", content) for path, content in commit.files.items()}
    tree = edit_tree(repository, writer, root, removed=commit.removed, blobs=blobs)
    parent = f"parent {base}\n" if base is not None else ""
    header = f"tree {tree}\n{parent}author {commit.who}\ncommitter {commit.who}\n"
    raw = f"{header}\n{commit.message}".encode()
    if commit.sign is not None:
        raw = signed_commit(header, commit.message, commit.sign(raw))
    return CommitId(writer.write("commit", raw))


def signed_commit(header: str, message: str, signature: str) -> bytes:
    """A raw commit with its signature as Git keeps it: a header whose lines are indented."""
    lines = signature.strip().replace("\n", "\n ")
    return f"{header}gpgsig {lines}\n\n{message}".encode()


def write_tags(repository: GitRepository, tags: Sequence[bytes]) -> list[ObjectId]:
    """Write raw annotated tag objects; no ref is made."""
    writer = ObjectWriter(repository)
    written = [writer.write("tag", content) for content in tags]
    writer.finish()
    return written


def move_refs(
    repository: GitRepository, updates: Sequence[RefUpdate], *, holding: int | None = None
) -> None:
    """Move all refs in one transaction, each only from where it is expected, durably.

    The Git command inherits the lock ``holding``. Raises MovedError when a ref is not where it
    was expected (or is held by another Git at the moment), else GitError. Packs that were kept
    for these refs are kept no longer.
    """
    try:
        _move_refs(repository, updates, holding)
    finally:
        let_go(repository)


def _update_line(item: RefUpdate) -> str:
    """A tag that is only another name of a branch is replaced: the branch does not move with it."""
    itself = "option no-deref\0" if item.ref.startswith("refs/tags/") else ""
    return f"{itself}update {item.ref}\0{item.new}\0{item.old}\0"


def _move_refs(
    repository: GitRepository, updates: Sequence[RefUpdate], holding: int | None
) -> None:
    lines = (_update_line(item) for item in updates)
    try:
        repository.run(
            "update-ref", "-z", "--stdin", stdin="".join(lines).encode(), holding=holding
        )
    except GitError as error:
        if "cannot lock ref" in error.said:
            raise MovedError(error.message, where=error.where, next_step=error.next_step) from error
        raise
    # Git syncs the files of refs and renames them; the directories are left to us.
    holders = {(repository.common_dir / item.ref).parent for item in updates}
    # The directory of a ref that is packed need not be there.
    kept = [path for holder in holders for path in above(holder, repository.common_dir)]
    try:
        sync_directories(path for path in kept if path.is_dir())
    except OSError as error:
        raise UnfinishedError(
            "the change is made, and the disk does not say that it will last:"
            f" {error.strerror or type(error).__name__}",
            next_step="See that the disk is sound and has room; do not make the change again",
        ) from error
