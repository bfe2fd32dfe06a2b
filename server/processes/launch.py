"""What the processes of one server are told when they start."""

from __future__ import annotations

import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from registry.processes.lifeline import end_with_starter
from server.observing.log_setup import configure_logging
from server.settings import Settings

_PLACE = "place"
_RELAY = "keeper.sock"
BEAT_SECONDS = 1.0


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """From the supervisor, over standard input."""

    settings: Settings
    port: int
    """The one that is really listened on."""
    run: str
    """An id of this run of the server."""
    runtime: str
    """A directory of this run's, which nobody else may enter."""
    listening: int
    """The descriptor of the socket that this process listens on."""
    telling: int
    """The descriptor of the connection to the supervisor."""
    registry: str = ""
    site: str | None = None
    builds: bool = True
    number: int = 0
    """Of a worker."""

    @property
    def directory(self) -> Path:
        """As a path."""
        return Path(self.runtime)


class ServerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a server once it answers lookups."""

    host: str
    tokens_are_gone: bool
    is_open: bool
    """No token is configured, and no network is trusted."""
    clone_problem: str
    clone_next_step: str
    warning: str


class Teller:
    """The supervisor's ear: that this process lives, is ready, or why it cannot start."""

    def __init__(self, descriptor: int) -> None:
        """The connection is this process's alone."""
        self._connection: Connection[Any, Any] = Connection(descriptor)

    def beat(self) -> None:
        """It lives."""
        self._tell(("beat", None))

    def ready(self, facts: ServerFacts | None = None) -> None:
        """It answers."""
        self._tell(("ready", facts))

    def failed(self, error: Exception) -> None:
        """It cannot start."""
        self._tell(("failed", error))

    def _tell(self, said: tuple[str, object]) -> None:
        try:
            self._connection.send(said)
        except OSError:
            return  # the supervisor has ended, and so does this process in a moment


def launched() -> Launch:
    """What this process was told; from now on it ends with its supervisor."""
    # Ctrl+C at a terminal reaches every process there. The supervisor decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_starter()
    launch = msgspec.json.decode(sys.stdin.buffer.read(), type=Launch)
    configure_logging(launch.settings.log_level, launch.settings.log_format)
    return launch


def relay_path(runtime: Path) -> Path:
    """The socket that the keeper listens on."""
    return runtime / _RELAY


def note_place(runtime: Path, directory: Path) -> None:
    """Say where the read model is. Raises OSError."""
    beside = runtime / f".{_PLACE}"
    beside.write_text(str(directory), encoding="utf-8")
    beside.replace(runtime / _PLACE)


def noted_place(runtime: Path) -> Path | None:
    """Where the read model is; None as long as no keeper has said it."""
    try:
        return Path((runtime / _PLACE).read_text(encoding="utf-8"))
    except OSError:
        return None
