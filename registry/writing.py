"""Write a commit, its tags and its refs: O(what is written), never O(registry).

Objects first, refs last: until `move_refs` succeeds nothing is visible, and it moves all of them
or none. Git's index is not involved (`registry.worktree` lets it follow).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from registry.commits import commit_tree
from registry.errors import GitError
from registry.git import GitRepository
from registry.names import CommitId, ObjectId
from registry.objects import ObjectWriter, edit_tree

# What a ref that must not exist yet is compared with.
ABSENT = "0" * 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who Git says made a commit or tag, and when (seconds since 1970, UTC)."""

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
    """One commit to write: the files it sets and the paths (files or directories) it removes."""

    message: str
    who: Identity
    files: Mapping[str, bytes]
    removed: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True, kw_only=True, slots=True)
class RefUpdate:
    """A ref to move from ``old`` to ``new``; it must still be at ``old``."""

    ref: str
    new: str
    old: str = ABSENT


def write_commit(repository: GitRepository, base: CommitId | None, commit: NewCommit) -> CommitId:
    """Write one commit upon ``base``: its blobs and the trees on their paths. No ref moves."""
    writer = ObjectWriter(repository)
    root = None
    if base is not None:
        found = repository.object(base)
        if found is None:
            raise GitError(f"commit {base} is missing", where=str(repository.git_dir))
        root = commit_tree(found.content)
    blobs = {path: writer.write("blob", content) for path, content in commit.files.items()}
    tree = edit_tree(repository, writer, root, removed=commit.removed, blobs=blobs)
    parent = f"parent {base}\n" if base is not None else ""
    who = f"author {commit.who}\ncommitter {commit.who}\n"
    raw = f"tree {tree}\n{parent}{who}\n{commit.message}"
    return CommitId(writer.write("commit", raw.encode()))


def write_tags(repository: GitRepository, tags: Sequence[bytes]) -> list[ObjectId]:
    """Write raw annotated tag objects; no ref is made."""
    writer = ObjectWriter(repository)
    return [writer.write("tag", content) for content in tags]


def move_refs(repository: GitRepository, updates: Sequence[RefUpdate]) -> None:
    """Move all refs in one transaction, each only from where it is expected; raises GitError."""
    lines = (f"update {item.ref}\0{item.new}\0{item.old}\0" for item in updates)
    repository.run("update-ref", "-z", "--stdin", stdin="".join(lines).encode())
