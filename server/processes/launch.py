"""The orders that a process of the server reads at its start, and what it reports back."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from registry.processes.lifeline import end_with_starter
from server.observing.log_setup import configure_logging
from server.processes.run_directory import directory_path
from server.settings import Settings

_RELAY = "keeper.sock"
BEAT_SECONDS = 1.0
_SET_DEATH_SIGNAL = 1
"""The option of Linux's ``prctl`` for the signal that comes when the parent ends."""


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """The supervisor's orders to a process, sent over standard input."""

    settings: Settings
    port: int
    """The port that is listened on, also where the settings say 0."""
    run: str
    """An id of this run of the server."""
    code: str
    """The fingerprint of the supervisor's code."""
    runtime: int
    """The descriptor of a directory for this run, which no other user may enter."""
    place: int
    """The descriptor of memory that names the read model's directory."""
    replaced: int
    """A descriptor of memory for `Replacements`."""
    counts: tuple[int, ...]
    """Descriptors of memory for the counts of workers: a worker's own, or for the keeper all."""
    listening: int
    """The descriptor of the socket that this process listens on."""
    telling: int
    """The descriptor of the connection to the supervisor."""
    # Paths are bytes, as those on a disk are: one need not be text.
    registry: bytes = b""
    site: bytes | None = None
    builds: bool = True
    is_first: bool = True
    """False if another process had these orders before, and ended."""

    @property
    def directory(self) -> Path:
        """The directory ``runtime`` as a path."""
        return directory_path(self.runtime)

    @property
    def registry_path(self) -> Path:
        """The registry's directory."""
        return Path(os.fsdecode(self.registry))

    @property
    def site_path(self) -> Path | None:
        """The directory of a catalogue that was built elsewhere."""
        return Path(os.fsdecode(self.site)) if self.site is not None else None

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The descriptors that the process inherits."""
        return (self.listening, self.telling, self.runtime, self.place, self.replaced, *self.counts)


class ServerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about a server, reported once it answers lookups."""

    host: str
    tokens_are_gone: bool
    is_open: bool
    """No token is configured, and no network is trusted."""
    clone_problem: str
    clone_next_step: str
    warning: str


class Teller:
    """Tells the supervisor that this process lives, is ready, or cannot start."""

    def __init__(self, descriptor: int) -> None:
        """No other process uses this connection."""
        self._connection: Connection[Any, Any] = Connection(descriptor)

    def beat(self) -> None:
        """Report a sign of life."""
        self._tell(("beat", None))

    def ready(self, facts: ServerFacts | None = None) -> None:
        """Report that this process answers."""
        self._tell(("ready", facts))

    def failed(self, error: Exception) -> None:
        """Report why this process cannot start."""
        self._tell(("failed", error))

    def _tell(self, said: tuple[str, object]) -> None:
        try:
            self._connection.send(said)
        except OSError:
            return  # the supervisor has ended, and so does this process in a moment


def launched() -> Launch:
    """Read this process's orders; from then on it ends with its supervisor."""
    # Ctrl+C at a terminal reaches every process there. The supervisor decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_starter()
    _end_also_when_stopped()
    launch = msgspec.json.decode(sys.stdin.buffer.read(), type=Launch)
    configure_logging(launch.settings.log_level, launch.settings.log_format)
    return launch


def _end_also_when_stopped() -> None:
    """A process that is stopped cannot see its lifeline: Linux kills it with the supervisor.

    It does so at the end of the thread that started it. That is the supervisor's only one, which
    outlives its children. If it ended before this call, the lifeline ends this process.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, ctypes.c_ulong(signal.SIGKILL))


def relay_path(runtime: Path) -> Path:
    """The socket that the keeper listens on."""
    return runtime / _RELAY
