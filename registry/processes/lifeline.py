"""A process of ours ends with the one that started it, also where that was killed.

The parent holds one end of a connection, for nothing else but to be alive; the kernel closes it
when the parent ends in any way. That a thread of its own waits for this, and not the program, is
why it works while the program works. (Linux's signal for a parent's death is one for the death of
the *thread* that started the process, which ends earlier where a pool of threads did.)
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

WITH_PARENT = "OPSTEPS_PARENT_FD"
"""The variable of the environment that names the descriptor."""


@contextmanager
def lifeline() -> Iterator[int]:
    """A descriptor for a program to inherit; it is to end when this is left or we have ended."""
    theirs, ours = os.pipe()
    try:
        yield theirs
    finally:
        os.close(ours)
        os.close(theirs)


def end_with_starter() -> None:
    """As `end_with_parent`, for a program that was told the descriptor by its environment."""
    told = os.environ.pop(WITH_PARENT, None)
    if told is not None:
        end_with_parent(int(told))


def end_with_parent(descriptor: int, *, grace_seconds: float = 0.0) -> None:
    """From now on this process is killed when the other end of ``descriptor`` was closed.

    What it does then may take ``grace_seconds`` more. A process that leads a process group takes
    with it what it has started there, such as Git.
    """
    waiting = threading.Thread(
        target=_wait, args=(descriptor, grace_seconds), name="lifeline", daemon=True
    )
    waiting.start()


def _wait(descriptor: int, grace_seconds: float) -> None:
    poll = select.poll()
    poll.register(descriptor, 0)  # that the other end was closed is told without being asked for
    poll.poll()
    threading.Event().wait(grace_seconds)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
