"""Write a long chain of commits in one stream: thousands of releases in seconds, into one pack.

`registry.writing` is the other way to write, for one commit at once.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from registry.errors import GitError
from registry.git import GitRepository
from registry.names import CommitId
from registry.writing import ABSENT, NewCommit


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


def _import(
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
            for count, commit in enumerate(commits, start=1):
                start = base if count == 1 else None
                stdin.write(_commit_command(commit, staging, count, start))
            # The staging ref never comes into being: the objects stay, and nothing names them yet.
            stdin.write(f"reset {staging}\nfrom {ABSENT}\n\ndone\n".encode())
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
