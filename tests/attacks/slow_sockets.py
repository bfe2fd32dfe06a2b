"""Sockets as a stranger holds them: many, slow, idle, or never read; all on the loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection

LOOKUP = "/api/v1/steps/alpha.file.copy"
_ESTABLISHED = 1
ANSWER_SECONDS = 8.0
"""So long a lookup is waited for during an attack: the attacks go on for longer."""


def head(method: str, path: str, *lines: str) -> bytes:
    """The head of a request, with a name that the server answers to."""
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", "")).encode()


@dataclass(kw_only=True)
class Crowd:
    """Sockets to one server; ``drip`` is what each sends every half second."""

    port: int
    drip: bytes = b""
    sips: bool = False
    """Whether each also reads a byte now and then."""
    sockets: list[socket.socket] = field(default_factory=list)
    _ends: threading.Event = field(default_factory=threading.Event)

    def open(self, count: int, begin: bytes, source: str = "127.0.0.1") -> None:
        """So many more of them, from one address, each of which sends this at once."""
        for _ in range(count):
            one = socket.socket()
            one.settimeout(ANSWER_SECONDS)
            # A reader that takes little: what the server sends stays with the server.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            one.bind((source, 0))
            self.sockets.append(one)
            # Refused or closed is an end that a server may make of it.
            with contextlib.suppress(OSError):
                one.connect(("127.0.0.1", self.port))
                one.sendall(begin)
                one.settimeout(0)

    def drip_until_stopped(self) -> None:
        """Keep all of them alive, as slowly as can be."""
        while not self._ends.wait(0.5):
            for one in self.sockets:
                with contextlib.suppress(OSError):
                    one.send(self.drip)
                    if self.sips:
                        one.recv(1)

    def close(self) -> None:
        for one in self.sockets:
            one.close()

    def stop(self) -> None:
        self._ends.set()

    def alive(self) -> int:
        """How many the server has not ended, as the system knows without reading of them."""
        return sum(not _has_ended(one) for one in self.sockets)


def _has_ended(one: socket.socket) -> bool:
    """Whether the other side has closed, what can still be read aside."""
    (state,) = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return state != _ESTABLISHED


@contextmanager
def crowd(port: int, drip: bytes = b"", *, sips: bool = False) -> Iterator[Crowd]:
    """A crowd that is sent home at the end."""
    made = Crowd(port=port, drip=drip, sips=sips)
    dripping = threading.Thread(target=made.drip_until_stopped)
    with ExitStack() as stack:
        stack.callback(made.close)
        if drip or sips:
            dripping.start()
            stack.callback(dripping.join)
        stack.callback(made.stop)
        yield made


def is_answered(port: int, path: str, source: str = "127.0.0.1") -> bool:
    """Whether a new client is answered with what it asked for."""
    return status_of(port, path, source) == 200


def status_of(port: int, path: str, source: str = "127.0.0.1") -> int:
    """The status that a new client gets from its own address; 0 when it gets no answer."""
    connection = HTTPConnection(
        "127.0.0.1", port, timeout=ANSWER_SECONDS, source_address=(source, 0)
    )
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        response = connection.getresponse()
        response.read()
    except OSError:
        return 0
    else:
        return response.status
    finally:
        connection.close()


def assert_answers(port: int, source: str = "127.0.0.1") -> None:
    """Hot lookups and /health are answered, each several times, each on a new connection."""
    for _ in range(5):
        for path in (LOOKUP, "/health"):
            assert is_answered(port, path, source), f"{path} was not answered"
