"""The host names that a server answers to.

Invariant: a server that listens on loopback answers only to loopback names, so that no page of
another site reaches it by rebinding a name of its own to 127.0.0.1.
"""

from __future__ import annotations

import ipaddress

from server.settings import Settings

_HOSTS_REMEMBERED = 256


def is_loopback(host: str) -> bool:
    """True if a host name or address can only be reached from this machine."""
    bare = host.removeprefix("[").removesuffix("]")
    if bare.lower() in {"localhost", "localhost."}:
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def split_host(host: bytes | None) -> tuple[str | None, int]:
    """A ``Host`` header's name, lower-case, and port (80 when there is none)."""
    if host is None or not host.isascii():
        return None, 0
    text = host.decode().lower()
    name, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        return text or None, 80
    if not port.isdecimal() or len(port) > len("65535"):
        return None, 0
    return name or None, int(port)


class Hosts:
    """The names that a server answers to, from its settings."""

    def __init__(self, settings: Settings) -> None:
        """Accept every name on an address that others can reach, unless the settings name some."""
        self.known: set[bytes | None] = set()
        """Host headers that were accepted, for the hot path."""
        self._names = {host.lower() for host in settings.allowed_hosts}
        if not is_loopback(settings.host) and not self._names:
            self._names.add("*")

    def knows(self, host: bytes | None) -> bool:
        """True if the ``Host`` header names this server."""
        if host in self.known:
            return True
        if not self._accepts(host):
            return False
        if len(self.known) < _HOSTS_REMEMBERED:
            self.known.add(host)
        return True

    def _accepts(self, host: bytes | None) -> bool:
        if "*" in self._names:
            return True
        name, port = split_host(host)
        if name is None:
            return False
        return is_loopback(name) or name in self._names or f"{name}:{port}" in self._names
