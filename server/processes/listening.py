"""The socket that clients connect to."""

from __future__ import annotations

import errno
import socket

from registry.problems import printable
from server.errors import ListenError

_UNSENT_BYTES = 256 * 1024
_NO_ADDRESS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM})


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that is bound there; raises ListenError."""
    try:
        return _bound(host, port)
    except UnicodeError as error:  # a label that is empty or too long
        raise _refusal(host, port, OSError(errno.EINVAL, "not a name or an address")) from error
    except OSError as error:
        raise _refusal(host, port, error) from error


def _bound(host: str, port: int) -> socket.socket:
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


def _refusal(host: str, port: int, error: OSError) -> ListenError:
    """Say which of the two is in the way: the address, or the port."""
    step = "Choose another port with --port, or end what listens there"
    if isinstance(error, socket.gaierror) or error.errno in _NO_ADDRESS:
        step = "Choose an address of this machine with --host, such as 127.0.0.1"
    elif error.errno in _NOT_ALLOWED:
        step = "Choose a port from 1024 on with --port: those below it are for administrators"
    return ListenError(
        f"cannot listen on {printable(host)} port {port}: {error.strerror}", next_step=step
    )
