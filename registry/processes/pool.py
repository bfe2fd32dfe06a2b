"""A pool of worker processes, for work that would keep other threads from the interpreter."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from queue import LifoQueue
from typing import Any, TypeVar

from registry.errors import RegistryError
from registry.processes.program import program, program_environment

_WORKER = "registry.processes.worker"

Result = TypeVar("Result")


class WorkerDiedError(RegistryError):
    """A worker process ended while it worked, and what it was asked may be half done."""

    exit_code = 29


@dataclass(frozen=True, kw_only=True, slots=True)
class _Worker:
    """A process, and our end of the connection to it."""

    process: subprocess.Popen[bytes]
    connection: Connection[Any, Any]

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def ask(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
        """True and what the work returned, or False and what it raised.

        Raises EOFError or OSError when the process has ended.
        """
        self.connection.send((work, arguments))
        answer: tuple[bool, Any] = self.connection.recv()
        return answer

    def end(self, *, is_killed: bool = False) -> int:
        """Wait until it has ended; returns its exit status."""
        self.connection.close()
        if is_killed:
            self.process.kill()
        return self.process.wait()


class WorkerPool:
    """At most ``count`` processes, started when there is work; each does one thing at a time.

    Work, arguments and results are pickled, so the work is a function that a module defines. Safe
    to use from many threads, which wait for their turn.
    """

    def __init__(self, count: int = 1, begin: Callable[[], object] | None = None) -> None:
        """``begin`` is called in each process before its first work (a `functools.partial`)."""
        self._count = count
        self._begin = begin
        self._slots: LifoQueue[_Worker | None] = LifoQueue()
        for _ in range(count):
            self._slots.put(None)

    def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """What the work returns, or raises; WorkerDiedError when the process died over it."""
        slot = self._slots.get()
        kept: _Worker | None = None
        try:
            worker = self._ready(slot)
            is_done, answer = _ask(worker, work, arguments)
            kept = worker
        finally:
            self._slots.put(kept)
        if not is_done:
            raise answer
        result: Result = answer
        return result

    def close(self) -> None:
        """Finish what is under way, and end all processes."""
        for _ in range(self._count):
            worker = self._slots.get()
            if worker is not None:
                worker.end()

    def _ready(self, slot: _Worker | None) -> _Worker:
        """The worker of a slot, or a new one where there is none, or it was killed meanwhile."""
        if slot is not None:
            if slot.is_alive:
                return slot
            slot.end()
        worker = self._start()
        if self._begin is not None:
            is_done, answer = _ask(worker, self._begin, ())
            if not is_done:
                worker.end()
                raise answer
        return worker

    def _start(self) -> _Worker:
        ours, theirs = Pipe()
        with theirs:
            process = subprocess.Popen(
                program(_WORKER, str(theirs.fileno())),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=program_environment(),
            )
        return _Worker(process=process, connection=ours)


def _ask(worker: _Worker, work: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    """As `_Worker.ask`; a worker that cannot be asked again is ended. Raises WorkerDiedError."""
    try:
        return worker.ask(work, arguments)
    except (EOFError, OSError) as error:
        status = worker.end(is_killed=True)
        raise WorkerDiedError(
            f"a worker process ended with {status} at {_name(work)}",
            next_step="Look at the log above, then try again",
        ) from error
    except BaseException:  # such as Ctrl+C: an answer that is still to come would be the next one's
        worker.end(is_killed=True)
        raise


def _name(work: Callable[..., object]) -> str:
    """What the work is, without addresses of objects."""
    return str(getattr(work, "__qualname__", type(work).__name__))
