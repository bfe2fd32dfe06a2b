"""Write commits, tags and refs with Git's plumbing: O(what is written), never O(registry).

Objects first, refs last: until `move_refs` succeeds nothing is visible, and it moves all of them
or none. Git's index is not involved (`registry.worktree` lets it follow).
"""

from __future__ import annotations

import subprocess
import tempfile
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from registry.errors import GitError
from registry.git import GitRepository
from registry.names import CommitId, ObjectId

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


def write_commits(
    repository: GitRepository, base: CommitId | None, commits: Iterable[NewCommit]
) -> list[CommitId]:
    """Write a chain of commits upon ``base`` in one ``git fast-import``; no visible ref moves."""
    staging = f"refs/opsteps/staging/{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory() as scratch:
        marks, log = Path(scratch, "marks"), Path(scratch, "log")
        count = _import(repository, base, commits, staging, marks, log)
        found = dict(line.split() for line in marks.read_text().splitlines())
    return [CommitId(found[f":{mark}"]) for mark in range(1, count + 1)]


def _import(  # noqa: PLR0913 - one stream and the files it talks through
    repository: GitRepository,
    base: CommitId | None,
    commits: Iterable[NewCommit],
    staging: str,
    marks: Path,
    log: Path,
) -> int:
    count = 0
    arguments = ["fast-import", "--quiet", "--done", f"--export-marks={marks}"]
    with log.open("wb") as errors, repository.start(arguments, errors) as process:
        stdin = process.stdin
        if stdin is None:
            raise GitError("git fast-import has no standard input")
        try:
            for count, commit in enumerate(commits, start=1):  # noqa: B007 - counted for the caller
                start = base if count == 1 else None
                stdin.write(_commit_command(commit, staging, count, start))
            # The staging ref never comes into being: the objects stay, and nothing names them yet.
            stdin.write(f"reset {staging}\nfrom {ABSENT}\n\ndone\n".encode())
            stdin.close()
        except BrokenPipeError:
            # Git gave up; its reason is in the log and its exit code below.
            process.wait()
        except BaseException:
            process.kill()
            raise
        code = process.wait()
    if code != 0:
        raise GitError(f"git fast-import failed: {log.read_text(errors='replace')[:2000]}")
    return count


def _commit_command(commit: NewCommit, ref: str, mark: int, base: CommitId | None) -> bytes:
    parts = [f"commit {ref}\nmark :{mark}\ncommitter {commit.who}\n".encode()]
    parts.append(_data(commit.message.encode()))
    if base is not None:
        parts.append(f"from {base}\n".encode())
    parts.extend(b"D " + _quote(path) + b"\n" for path in commit.removed)
    for path, content in commit.files.items():
        parts.extend((b"M 100644 inline ", _quote(path), b"\n", _data(content)))
    return b"".join(parts)


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _quote(path: str) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return b'"' + escaped.encode() + b'"'


def write_tags(repository: GitRepository, tags: Sequence[bytes]) -> list[ObjectId]:
    """Write raw annotated tag objects, all in one process; no ref is made."""
    if not tags:
        return []
    with tempfile.TemporaryDirectory() as scratch:
        paths = [Path(scratch, str(number)) for number in range(len(tags))]
        for path, content in zip(paths, tags, strict=True):
            path.write_bytes(content)
        stdin = "".join(f"{path}\n" for path in paths).encode()
        out = repository.run("hash-object", "-t", "tag", "-w", "--stdin-paths", stdin=stdin)
    return [ObjectId(line) for line in out.decode().split()]


def move_refs(repository: GitRepository, updates: Sequence[RefUpdate]) -> None:
    """Move all refs in one transaction, each only from where it is expected; raises GitError."""
    lines = (f"update {item.ref}\0{item.new}\0{item.old}\0" for item in updates)
    repository.run("update-ref", "-z", "--stdin", stdin="".join(lines).encode())
