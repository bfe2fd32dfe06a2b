"""Limit the failures of one address. A token of 256 bits is not guessed; this keeps noise out.

A request with a valid token is never limited: nobody is locked out because a neighbour behind the
same address fails.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

_CLIENTS = 10_000
_IPV6_PREFIX = 64


def client_network(address: str) -> str:
    """Return the name of one client: an IPv4 address, or a /64 of IPv6, which one customer has."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, _IPV6_PREFIX), strict=False))
    return str(ip)


class Failures:
    """Failures of each client in a sliding window; the clients that failed last are remembered."""

    def __init__(
        self, allowed: int, seconds: float, clock: Callable[[], float] = monotonic
    ) -> None:
        """``allowed`` failures in ``seconds``."""
        self._allowed = allowed
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: OrderedDict[str, list[float]] = OrderedDict()

    def wait_seconds(self, client: str) -> float:
        """Return the seconds until a client may fail again; 0 when it may now."""
        with self._lock:
            recent = self._recent(client)
            if len(recent) < self._allowed:
                return 0.0
            return max(0.0, recent[-self._allowed] + self._seconds - self._clock())

    def note(self, client: str) -> None:
        """One more failure."""
        with self._lock:
            recent = self._recent(client)
            recent.append(self._clock())
            self._failed[client] = recent[-self._allowed :]
            self._failed.move_to_end(client)
            while len(self._failed) > _CLIENTS:
                self._failed.popitem(last=False)

    def _recent(self, client: str) -> list[float]:
        since = self._clock() - self._seconds
        return [at for at in self._failed.get(client, ()) if at > since]
