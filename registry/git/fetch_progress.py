"""A fetch that a person watches: Git says how far it is, and GitPython reads that."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import git
from git.cmd import handle_process_output

from registry.git.gitpython import open_repo
from registry.git.remote_limits import Reach, within
from registry.git.repository import GitRepository

StageWatch = Callable[[str, float, float | None], None]
"""Told what is being done, how much of it is, and of how much where that is known."""

# Whatever else the other side says is shown to nobody.
_STAGES = {
    git.RemoteProgress.COUNTING: "Counting objects",
    git.RemoteProgress.COMPRESSING: "Compressing objects",
    git.RemoteProgress.RECEIVING: "Receiving objects",
    git.RemoteProgress.RESOLVING: "Resolving deltas",
}


def fetch_watched(
    repository: GitRepository, arguments: Sequence[str], *, reach: Reach, watch: StageWatch
) -> None:
    """Run ``git fetch`` as `GitRepository.run_remotely` does, and tell how far it is.

    Raises as that does.
    """
    progress = _Progress(watch)
    with open_repo(repository) as repo:
        repo.git.reach = reach
        process = repo.git.fetch(
            "--progress", *arguments, as_process=True, with_stdout=False, universal_newlines=True
        )
        with within(process.proc, reach):
            handler = progress.new_message_handler()
            handle_process_output(process, None, handler, decode_streams=False)
            code = process.proc.wait()
    if code != 0:
        raise repository.failure(["fetch"], progress.said, reach)


class _Progress(git.RemoteProgress):
    """Called by the thread that reads what Git says."""

    def __init__(self, watch: StageWatch) -> None:
        super().__init__()
        self._watch = watch
        self._others: list[str] = []

    def update(
        self,
        op_code: int,
        cur_count: str | float,
        max_count: str | float | None = None,
        message: str = "",  # noqa: ARG002 - the other side's own words
    ) -> None:
        stage = _STAGES.get(op_code & self.OP_MASK)
        done, total = float(cur_count), float(max_count or 0)
        if stage is not None and math.isfinite(done) and math.isfinite(total):
            self._watch(stage, min(done, total) if total else done, total or None)

    def line_dropped(self, line: str) -> None:
        # The table of refs says no reason, and its names are a stranger's.
        if not line.startswith((" ", "From ")):
            self._others.append(line)

    @property
    def said(self) -> str:
        """Git's words without progress; its reason comes last."""
        return "\n".join([*self._others, *self.error_lines])
