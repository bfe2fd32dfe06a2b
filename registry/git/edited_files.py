"""Find tracked files whose bytes in the working tree are not those of a commit."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from registry.files.durable import STAGED
from registry.git.repository import GitRepository
from registry.names import CommitId


def edited_files(
    repository: GitRepository, state_directory: Path, commit: CommitId
) -> tuple[str, ...]:
    """Their paths; raises GitError. Git looks at every file's size and time."""
    if repository.work_tree is None:
        return ()
    with _index_by_another_name(repository, state_directory) as index:
        out = repository.run_on_files(
            "diff", "--name-only", "--no-renames", "--no-relative", "--no-color",
            "--no-ext-diff", "--no-textconv", "-z", commit,
            "--", "registry.yaml", "libraries", "instances", patient=True, index=index,
        )  # fmt: skip
    return tuple(out.decode(errors="replace").split("\0")[:-1])


@contextmanager
def _index_by_another_name(
    repository: GitRepository, state_directory: Path
) -> Iterator[Path | None]:
    """The index through a link of ours; None where none can be made.

    ``git diff`` holds ``index.lock`` for a moment to note times of files, whatever is asked of it,
    and a person's own ``git commit`` beside a server failed then.
    """
    other = state_directory / f"{STAGED}{uuid.uuid4().hex}"
    try:
        os.link(repository.git_dir / "index", other)
    except OSError:  # there is no index yet, or we may not write here
        yield None
        return
    try:
        yield other
    finally:
        for path in (other, other.with_name(f"{other.name}.lock")):
            with suppress(OSError):
                path.unlink()
