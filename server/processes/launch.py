"""The orders that a process of the server reads at its start, and what it reports back."""

from __future__ import annotations

import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from registry.files.durable import write_whole
from registry.processes.lifeline import end_with_starter
from server.observing.log_setup import configure_logging
from server.settings import Settings

_PLACE = "place"
_RELAY = "keeper.sock"
BEAT_SECONDS = 1.0


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """The supervisor's orders to a process, sent over standard input."""

    settings: Settings
    port: int
    """The port that is listened on, also where the settings say 0."""
    run: str
    """An id of this run of the server."""
    runtime: str
    """A directory for this run, which no other user may enter."""
    listening: int
    """The descriptor of the socket that this process listens on."""
    telling: int
    """The descriptor of the connection to the supervisor."""
    registry: str = ""
    site: str | None = None
    builds: bool = True
    number: int = 0
    """The worker's number; the keeper does not use it."""

    @property
    def directory(self) -> Path:
        """The directory ``runtime`` as a path."""
        return Path(self.runtime)


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
    launch = msgspec.json.decode(sys.stdin.buffer.read(), type=Launch)
    configure_logging(launch.settings.log_level, launch.settings.log_format)
    return launch


def relay_path(runtime: Path) -> Path:
    """The socket that the keeper listens on."""
    return runtime / _RELAY


def note_place(runtime: Path, directory: Path) -> None:
    """Note the read model's directory for the workers. Raises OSError."""
    write_whole(runtime / _PLACE, str(directory).encode())


def noted_place(runtime: Path) -> Path | None:
    """Return the read model's directory; None until the keeper has noted it."""
    try:
        return Path((runtime / _PLACE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
