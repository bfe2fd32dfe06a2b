"""The socket that strangers connect to."""

from __future__ import annotations

import socket

_UNSENT_BYTES = 256 * 1024


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that is bound there; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(found[0], socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Of an answer that nobody reads the kernel holds no more than this; connections inherit it.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        made.bind(found[4])
    except OSError:
        made.close()
        raise
    return made
