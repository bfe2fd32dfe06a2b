"""Write a long chain of commits in one stream: thousands of releases in seconds, into one pack.

`registry.git.commit_writer` is the other way to write, for one commit at once. Until the refs that
count have moved, a staging ref names the commits, so that no ``git gc`` takes them away.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from registry.errors import GitError
from registry.git.commit_writer import NewCommit
from registry.git.repository import GitRepository
from registry.names import CommitId

_STAGING = "refs/opsteps/staging"
# Also a small import stays a pack, which no `git gc` that runs already can take apart.
_ALWAYS_PACKED = ("-c", "fastimport.unpackLimit=0")


def write_commits(
    repository: GitRepository, base: CommitId | None, commits: Iterable[NewCommit]
) -> list[CommitId]:
    """Write a chain of commits upon ``base`` in one ``git fast-import``; no visible ref moves.

    They are safe from Git's own cleaning up until `clear_staging`.
    """
    staging = f"{_STAGING}/{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory() as scratch:
        marks, log = Path(scratch, "marks"), Path(scratch, "log")
        count = _import(repository, base, commits, staging, marks, log)
        found = dict(line.split() for line in marks.read_text().splitlines())
    return [CommitId(found[f":{mark}"]) for mark in range(1, count + 1)]


def clear_staging(repository: GitRepository) -> None:
    """Remove all staging refs: what they named is named by others now, or not wanted.

    The write lock must be held.
    """
    names = repository.run("for-each-ref", "--format=%(refname)", _STAGING).decode().split()
    for name in names:
        repository.run("update-ref", "-d", "--no-deref", name)


def clear_staging_of_the_killed(repository: GitRepository) -> None:
    """As `clear_staging`, at the price of a look at one directory where there is none.

    A ref that was packed meanwhile waits for the next import, or for `opsteps maintain`.
    """
    if (repository.common_dir / _STAGING).exists():
        clear_staging(repository)


def _import(
    repository: GitRepository,
    base: CommitId | None,
    commits: Iterable[NewCommit],
    staging: str,
    marks: Path,
    log: Path,
) -> int:
    count = 0
    arguments = [*_ALWAYS_PACKED, "fast-import", "--quiet", "--done", f"--export-marks={marks}"]
    with log.open("wb") as errors, repository.start(arguments, errors) as process:
        stdin = process.stdin
        if stdin is None:
            raise GitError("git fast-import has no standard input")
        try:
            for count, commit in enumerate(commits, start=1):
                start = base if count == 1 else None
                stdin.write(_commit_command(commit, staging, count, start))
            stdin.write(b"done\n")
            stdin.close()
        except BrokenPipeError:
            # Git gave up; its reason is in the log and its exit code below.
            with suppress(BrokenPipeError):
                stdin.close()
            process.wait()
        except BaseException:
            process.kill()
            with suppress(BrokenPipeError):
                stdin.close()
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
