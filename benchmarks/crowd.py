"""Sockets as a stranger holds them: many, slow, idle, or never read; all on the loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

_DRIP_SECONDS = 0.5
_CONNECT_SECONDS = 8.0
_ESTABLISHED = 1
_READ_AHEAD = 4_096
"""A reader that takes little: what the server sends stays with the server."""


def head(method: str, path: str, *lines: str) -> bytes:
    """The head of a request, with a name that the server answers to."""
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", "")).encode()


SLOW_BODY = head(
    "POST", "/api/v1/resolve", "Content-Type: application/json", "Content-Length: 60000"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stranger:
    """One socket, and what opens another like it."""

    socket: socket.socket
    begin: bytes
    source: str


@dataclass(kw_only=True)
class Crowd:
    """Sockets to one server, kept alive as slowly as can be."""

    port: int
    drip: bytes = b""
    """What each sends every half second."""
    sips: bool = False
    """Whether each also reads a byte then."""
    returns: bool = False
    """Whether another comes for each that the server ends."""
    _strangers: list[_Stranger] = field(default_factory=list)
    _ends: threading.Event = field(default_factory=threading.Event)

    @property
    def sockets(self) -> list[socket.socket]:
        """In the order in which they were opened."""
        return [one.socket for one in self._strangers]

    def open(self, count: int, begin: bytes, source: str = "127.0.0.1") -> None:
        """So many more of them, from one address, each of which sends this at once."""
        for _ in range(count):
            self._strangers.append(self._opened(begin, source))

    def _opened(self, begin: bytes, source: str) -> _Stranger:
        made = socket.socket()
        made.settimeout(_CONNECT_SECONDS)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _READ_AHEAD)
        made.bind((source, 0))
        # Refused or closed is an end that a server may make of it.
        with contextlib.suppress(OSError):
            made.connect(("127.0.0.1", self.port))
            made.sendall(begin)
        made.settimeout(0)
        return _Stranger(socket=made, begin=begin, source=source)

    def drip_until_stopped(self) -> None:
        """Keep all of them alive."""
        while not self._ends.wait(_DRIP_SECONDS):
            for number, one in enumerate(self._strangers):
                with contextlib.suppress(OSError):
                    one.socket.send(self.drip)
                    if self.sips:
                        one.socket.recv(1)
                if self.returns and _has_ended(one.socket):
                    one.socket.close()
                    self._strangers[number] = self._opened(one.begin, one.source)

    def close(self) -> None:
        """All of them go."""
        for one in self._strangers:
            one.socket.close()

    def stop(self) -> None:
        """Nobody is kept alive any more."""
        self._ends.set()

    def alive(self) -> int:
        """How many the server has not ended, as the system knows without reading of them."""
        return sum(not _has_ended(one.socket) for one in self._strangers)


def _has_ended(one: socket.socket) -> bool:
    """Whether the other side has closed, what can still be read aside."""
    (state,) = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return state != _ESTABLISHED


@contextmanager
def crowd(
    port: int, drip: bytes = b"", *, sips: bool = False, returns: bool = False
) -> Iterator[Crowd]:
    """A crowd that is sent home at the end."""
    made = Crowd(port=port, drip=drip, sips=sips, returns=returns)
    dripping = threading.Thread(target=made.drip_until_stopped)
    with ExitStack() as stack:
        stack.callback(made.close)
        if drip or sips:
            dripping.start()
            stack.callback(dripping.join)
        stack.callback(made.stop)
        yield made
