"""The socket that clients connect to."""

from __future__ import annotations

import socket

_UNSENT_BYTES = 256 * 1024


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that is bound there; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(found[0], socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # The kernel holds at most this much of an answer that the client does not read. Connections
        # inherit it.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        made.bind(found[4])
    except OSError:
        made.close()
        raise
    return made
