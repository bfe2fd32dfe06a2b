"""The program of a worker process: it does what comes over its connection, one after the other.

Its parent is the only one at the other end; it ends when the parent closes that, or has died:
idle at once, and amid its work when that is done, or soon.
"""

from __future__ import annotations

import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from registry.errors import ReportedError
from registry.processes.lifeline import end_with_parent

# Longest that what is under way may go on without a parent.
_GRACE_SECONDS = 5.0


def main(arguments: Sequence[str]) -> int:
    """Work until there is no more; the only argument is the connection's file descriptor."""
    # Ctrl+C at a terminal reaches every process there. The parent decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection: Connection[Any, Any] = Connection(int(arguments[0]))
    end_with_parent(connection.fileno(), grace_seconds=_GRACE_SECONDS)
    with connection:
        while True:
            try:
                asked = connection.recv_bytes()
            except (EOFError, OSError):
                return 0
            answer = _answer(asked)
            try:
                connection.send_bytes(answer)
            except OSError:  # nobody waits for it any more
                return 0


def _answer(asked: bytes) -> bytes:
    """Pickle the work's result or exception, with True or False before it."""
    try:
        work: Callable[..., object]
        work, given = pickle.loads(asked)  # noqa: S301 - from our own parent, over a pipe of its own
        return pickle.dumps((True, work(*given)))
    except Exception as error:  # noqa: BLE001 - it is raised again where the work was asked for
        if not isinstance(error, ReportedError):
            error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        return _pickled(error)


def _pickled(error: Exception) -> bytes:
    """An error as it travels; one that cannot is told by its text."""
    try:
        travels = pickle.dumps((False, error))
        pickle.loads(travels)  # noqa: S301 - our own bytes: some errors only fail when they arrive
    except Exception:  # noqa: BLE001 - whatever an error's own methods raise
        told = RuntimeError(f"{type(error).__qualname__}: {error}")
        for note in getattr(error, "__notes__", ()):
            told.add_note(note)
        return pickle.dumps((False, told))
    return travels


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
