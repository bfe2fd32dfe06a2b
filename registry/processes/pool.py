"""A pool of worker processes, for work that would keep other threads from the interpreter."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from queue import Empty, LifoQueue
from time import monotonic
from typing import Any, TypeVar

from registry.errors import RegistryError
from registry.processes.program import program, start_program

_WORKER = "registry.processes.worker"
# Longest that an idle process may take to end by itself.
_END_SECONDS = 5.0

Result = TypeVar("Result")


class WorkerDiedError(RegistryError):
    """A worker process ended while it worked, and what it was asked may be half done."""

    exit_code = 29


class WorkerTimeoutError(WorkerDiedError):
    """A worker process was killed, as its work took longer than it may."""


@dataclass(kw_only=True, slots=True, eq=False)
class _Worker:
    """A process, which leads a process group, and our end of the connection to it."""

    process: subprocess.Popen[bytes]
    connection: Connection[Any, Any]
    busy_since: float | None = field(default=None)
    is_late: bool = field(default=False)
    """It was killed because it took too long."""

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

    @contextmanager
    def busy(self, seconds: float | None) -> Iterator[None]:
        """Meanwhile it works; it is killed when that takes longer than so many seconds."""
        timer = threading.Timer(seconds, self._is_too_late) if seconds else None
        self.busy_since = monotonic()
        try:
            if timer is not None:
                timer.daemon = True
                timer.start()
            yield
        finally:
            self.busy_since = None
            if timer is not None:
                timer.cancel()

    def _is_too_late(self) -> None:
        self.is_late = True
        self.kill()

    def kill(self) -> None:
        """Kill it with all that it has started, such as Git; also where it is stopped."""
        if self.is_alive:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def end(self, *, is_killed: bool = False) -> int:
        """Wait until it has ended; returns its exit status."""
        self.connection.close()
        if is_killed:
            self.kill()
        try:
            return self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:  # an idle one that does not hear
            self.kill()
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
        self._workers: list[_Worker] = []
        self._is_ended = False
        self._starting = threading.Lock()
        for _ in range(count):
            self._slots.put(None)

    @property
    def busy_seconds(self) -> float:
        """Seconds since the longest work under way began; 0 where there is none."""
        began = [worker.busy_since for worker in tuple(self._workers)]
        return max((monotonic() - one for one in began if one is not None), default=0.0)

    def run(
        self, work: Callable[..., Result], *arguments: Any, seconds: float | None = None
    ) -> Result:
        """Run the work: returns or raises what it does; WorkerDiedError when the process died.

        WorkerTimeoutError when it took longer than ``seconds`` and the process was killed for it;
        the time until a process is free does not count.
        """
        slot = self._slots.get()
        kept: _Worker | None = None
        try:
            worker = self._ready(slot, seconds)
            is_done, answer = _ask(worker, work, arguments, seconds)
            kept = worker
        finally:
            self._slots.put(kept)
        if not is_done:
            raise answer
        result: Result = answer
        return result

    def close(self, seconds: float | None = None) -> None:
        """Finish what is under way, killed after so many seconds, and end all processes."""
        ends = monotonic() + seconds if seconds is not None else None
        for _ in range(self._count):
            try:
                worker = self._slots.get(timeout=max(0.0, ends - monotonic()) if ends else None)
            except Empty:
                self.kill()
                worker = self._slots.get()
            if worker is not None:
                worker.end()

    def kill(self) -> None:
        """End all processes amid their work; whoever waits gets WorkerDiedError, now and later."""
        self._is_ended = True
        for worker in tuple(self._workers):
            worker.kill()

    def _ready(self, slot: _Worker | None, seconds: float | None) -> _Worker:
        """The worker of a slot, or a new one where there is none, or it was killed meanwhile."""
        if slot is not None:
            if slot.is_alive:
                return slot
            slot.end()
        if self._is_ended:
            raise WorkerDiedError("the worker processes were ended", next_step="Try again")
        worker = self._start()
        if self._begin is not None:
            is_done, answer = _ask(worker, self._begin, (), seconds)
            if not is_done:
                worker.end()
                raise answer
        return worker

    def _start(self) -> _Worker:
        ours, theirs = Pipe()
        with theirs:
            descriptor = theirs.fileno()
            process = start_program(
                program(_WORKER, str(descriptor)), descriptors=[descriptor], leads_group=True
            )
        worker = _Worker(process=process, connection=ours)
        with self._starting:
            self._workers = [*(one for one in self._workers if one.is_alive), worker]
        if self._is_ended:
            worker.kill()
        return worker


def _ask(
    worker: _Worker, work: Callable[..., Any], arguments: tuple[Any, ...], seconds: float | None
) -> tuple[bool, Any]:
    """As `_Worker.ask`; a worker that cannot be asked again is ended. Raises WorkerDiedError."""
    try:
        with worker.busy(seconds):
            return worker.ask(work, arguments)
    except (EOFError, OSError) as error:
        status = worker.end(is_killed=True)
        if worker.is_late:
            raise WorkerTimeoutError(
                f"{_name(work)} took longer than {seconds:g} s and was ended",
                next_step="Look at what holds it up: a disk, a lock, or another machine",
            ) from error
        raise WorkerDiedError(
            f"a worker process ended with {status} at {_name(work)}",
            next_step="Look at the log above, then try again",
        ) from error
    except BaseException:  # such as Ctrl+C: an answer that is still to come would be the next one's
        worker.end(is_killed=True)
        raise


def _name(work: Callable[..., object]) -> str:
    """Name the work, without addresses of objects."""
    return str(getattr(work, "__qualname__", type(work).__name__))
