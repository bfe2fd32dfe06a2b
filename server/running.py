"""The supervisor: a small process that starts the keeper and the workers, and replaces them."""

from __future__ import annotations

import os
import secrets
import selectors
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic

import msgspec
import structlog

from registry.files.code_fingerprint import code_fingerprint
from registry.processes.lifeline import lifeline
from server.access.networks import Proxies
from server.errors import ServerError
from server.observing.worker_counts import COUNTS_BYTES
from server.processes.child import Child
from server.processes.launch import Launch, ServerFacts, relay_path
from server.processes.listening import listening_socket
from server.processes.replacements import REPLACEMENTS_BYTES, Replacements
from server.processes.run_directory import directory_path, run_directory
from server.processes.shared_memory import make_memory
from server.readmodel.model_place import PLACE_BYTES
from server.settings import Settings

_KEEPER = "server.keeper.program"
_WORKER = "server.worker.program"
_BACKLOG = 4_096
_RETRY_SECONDS = 1.0
_LOOK_SECONDS = 0.5
_LATE_SECONDS = 1.0
"""A supervisor that is so late was stopped itself, most likely with its processes."""
# After what each process grants itself to stop.
_LAST_SECONDS = 8.0
_LOG = structlog.get_logger(__name__)

Ready = Callable[[ServerFacts, int], None]


def serve_registry(
    path: Path,
    settings: Settings,
    *,
    site: Path | None = None,
    builds: bool = True,
    ready: Ready = lambda facts, port: None,  # noqa: ARG005 - what a Ready is given
) -> None:
    """Serve until SIGTERM or SIGINT. ``ready`` is called once, when lookups are answered.

    Raises SettingsError, ListenError, NotARegistryError, UnknownInstanceError.
    """
    Proxies(settings)  # what is wrong there is told before any process starts
    count = max(1, settings.workers)
    with (
        listening_socket(settings.host, settings.port) as listening,
        run_directory() as runtime,
        _relay_socket(directory_path(runtime)) as relaying,
        _memory(count) as (place, replaced, counts),
        lifeline() as end,
    ):
        listening.listen(_BACKLOG)
        launch = Launch(
            settings=settings,
            port=int(listening.getsockname()[1]),
            run=secrets.token_hex(16),
            code=code_fingerprint("registry", "server"),
            runtime=runtime,
            place=place,
            replaced=replaced,
            counts=counts,
            listening=relaying.fileno(),
            telling=-1,
            registry=os.fsencode(path),
            site=os.fsencode(site) if site is not None else None,
            builds=builds,
        )
        keeper = Child(module=_KEEPER, launch=launch, end=end)
        workers = [
            Child(
                module=_WORKER,
                launch=msgspec.structs.replace(launch, listening=listening.fileno(), counts=(own,)),
                end=end,
            )
            for own in counts
        ]
        _Supervisor(
            keeper,
            workers,
            settings,
            lambda facts: ready(facts, launch.port),
            Replacements(replaced),
        ).run()


def free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0; raises ListenError if it cannot be listened on."""
    with listening_socket(host, port) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def _memory(workers: int) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Yield descriptors of memory: the read model's place, replacements, each worker's counts.

    Raises OSError.
    """
    sizes = (PLACE_BYTES, REPLACEMENTS_BYTES, *[COUNTS_BYTES] * workers)
    made = [make_memory(size) for size in sizes]
    try:
        yield made[0], made[1], tuple(made[2:])
    finally:
        for one in made:
            os.close(one)


def _relay_socket(directory: Path) -> socket.socket:
    """The keeper's socket outlives it: requests that come meanwhile wait for the next keeper."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(str(relay_path(directory)))
    made.listen(_BACKLOG)
    return made


class _Supervisor:
    """Starts the processes, hears them, replaces and stops them. One thread."""

    def __init__(
        self,
        keeper: Child,
        workers: list[Child],
        settings: Settings,
        ready: Callable[[ServerFacts], None],
        replacements: Replacements,
    ) -> None:
        self._keeper = keeper
        self._replacements = replacements
        self._workers = workers
        self._settings = settings
        self._ready = ready
        self._is_announced = False
        self._is_stopping = False
        self._early_ends = 0
        self._looked = monotonic()
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        """Run until a signal. Raises what kept the keeper from its first start."""
        wake, woken = socket.socketpair()
        with wake, woken, self._selector:
            wake.settimeout(0)
            woken.settimeout(0)
            before = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
            handlers = {
                number: signal.signal(number, self._stop)
                for number in (signal.SIGTERM, signal.SIGINT)
            }
            # Children inherit this: one that has no handler yet does not end by it.
            handlers[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
            self._selector.register(woken, selectors.EVENT_READ, None)
            try:
                for child in self._children():
                    self._start(child)
                while not self._is_stopping:
                    self._turn(woken)
                self._end()
            finally:
                for child in self._children():
                    child.kill()
                for number, handler in handlers.items():
                    signal.signal(number, handler)
                signal.set_wakeup_fd(before)

    def _stop(self, *_: object) -> None:
        self._is_stopping = True

    def _children(self) -> tuple[Child, ...]:
        return (self._keeper, *self._workers)

    def _start(self, child: Child) -> None:
        try:
            child.start()
        except OSError as error:
            if not self._is_announced:
                raise
            # The others go on: a machine without memory or processes may have some in a moment.
            _LOG.error("a process cannot start", module=child.module, reason=str(error))
            child.due = monotonic() + _RETRY_SECONDS
            return
        if child.connection is not None:
            self._selector.register(child.connection.fileno(), selectors.EVENT_READ, child)

    def _turn(self, woken: socket.socket) -> None:
        for key, _ in self._selector.select(_LOOK_SECONDS):
            if key.data is None:
                with suppress(BlockingIOError):
                    woken.recv(4_096)
            else:
                self._hear(key.data)
        now = monotonic()
        late = now - self._looked - _LOOK_SECONDS
        self._looked = now
        for child in self._children():
            if late > _LATE_SECONDS:
                child.forgive(late, now)
            self._look(child, now)

    def _hear(self, child: Child) -> None:
        connection = child.connection
        if connection is None:
            return
        try:
            kind, said = connection.recv()
        except (EOFError, OSError):
            self._forget(child)
            return
        child.heard = monotonic()
        if kind == "failed":
            self._failed(child, said)
        elif kind == "ready":
            child.is_ready = True
            if child is self._keeper and not self._is_announced:
                self._is_announced = True
                self._ready(said)

    def _forget(self, child: Child) -> None:
        if child.connection is not None:
            self._selector.unregister(child.connection.fileno())
            child.connection.close()
            child.connection = None

    def _failed(self, child: Child, error: Exception) -> None:
        """Raise the error at the keeper's first start; later only log it, and try again."""
        if child is self._keeper and not self._is_announced:
            raise error
        _LOG.error("a process cannot start", module=child.module, reason=str(error))

    def _look(self, child: Child, now: float) -> None:
        status = child.left(now)
        if status is not None:
            # What it said last may say why.
            while child.connection is not None and child.connection.poll():
                self._hear(child)
            self._forget(child)
            if child is self._keeper and not self._is_announced and self._may_not_try_again(status):
                raise ServerError(
                    f"the server's keeper ended with {status} at its start",
                    next_step="Look at the log above",
                )
            _LOG.error("a process ended and is replaced", module=child.module, status=status)
            self._replacements.note("keeper" if child is self._keeper else "worker")
        if child.process is None:
            if now >= child.due:
                self._start(child)
        elif child.silent_seconds(now) > self._settings.keeper_silence_seconds:
            _LOG.error("a process does not answer and is replaced", module=child.module)
            child.signal(signal.SIGKILL)
            child.heard = now

    def _may_not_try_again(self, status: int) -> bool:
        """False after the first end by a signal: a damaged read model is made again by the next."""
        self._early_ends += 1
        return status >= 0 or self._early_ends > 1

    def _end(self) -> None:
        """Stop the workers, which finish their requests first, and then the keeper."""
        ends = monotonic() + self._settings.stop_seconds + _LAST_SECONDS
        self._keeper.signal(signal.SIGUSR1)
        for worker in self._workers:
            worker.signal(signal.SIGTERM)
        # One that somebody has stopped cannot end before it goes on.
        for child in self._children():
            child.signal(signal.SIGCONT)
        for worker in self._workers:
            _wait(worker, ends)
        self._keeper.signal(signal.SIGTERM)
        _wait(self._keeper, ends)


def _wait(child: Child, ends: float) -> None:
    if child.process is None:
        return
    try:
        child.process.wait(max(0.1, ends - monotonic()))
    except subprocess.TimeoutExpired:
        child.process.kill()
        child.process.wait()
