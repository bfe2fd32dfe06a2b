"""Start a program of ours: the command line, the environment it runs in, and what it inherits.

Programs of others stay with who knows their rules, such as Git in ``registry/git/``, which keeps it
from a person's configuration.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress

from registry.files.shipped import ROOT
from registry.processes.lifeline import WITH_PARENT


def program(module: str, *arguments: str) -> list[str]:
    """The command line of a module of ours; ``-P`` keeps the current directory off its path."""
    return [sys.executable, "-P", "-m", module, *arguments]


def program_environment() -> dict[str, str]:
    """The environment in which a program finds the same rooms as this process."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def start_program(
    command: Sequence[str],
    *,
    end: int | None = None,
    descriptors: Iterable[int] = (),
    stdin: int = subprocess.DEVNULL,
    stdout: int | None = None,
    stderr: int | None = None,
    leads_group: bool = False,
) -> subprocess.Popen[bytes]:
    """Start the command line of a program. Raises OSError if there is no room for a process.

    It inherits ``descriptors`` and no others. With ``end``, a descriptor of a `lifeline`, it ends
    when we do, as far as it calls `end_with_starter`. One that leads a process group can be ended
    with all that it starts, such as Git.
    """
    told = {} if end is None else {WITH_PARENT: str(end)}
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env={**program_environment(), **told},
        pass_fds=[*descriptors, *([] if end is None else [end])],
        process_group=0 if leads_group else None,
    )


def hand_over(process: subprocess.Popen[bytes], orders: bytes) -> None:
    """Write all of a program's standard input, and close it.

    One that has ended meanwhile is not an error here: its exit status says more.
    """
    if process.stdin is not None:
        with suppress(BrokenPipeError), process.stdin as stdin:
            stdin.write(orders)
