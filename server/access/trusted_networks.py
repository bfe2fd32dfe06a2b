"""Clients that need no token, because an operator named the network that they are in.

An address is believed only as far as nobody else can have it: it is the peer's own, or what a proxy
that was named says of it. A page in a browser of such a network is somebody else, and is refused
unless it comes from an origin that was named; why each rule is there stands in docs/security.md.
"""

from __future__ import annotations

from server.access.networks import Address, Proxies, read_address, read_networks
from server.access.rate_limits import client_network
from server.access.token_cache import Principal
from server.asgi.answer import Scope
from server.asgi.request_facts import client_of, is_http_1_0
from server.database.tokens import SCOPES
from server.settings import Settings

PROXY_HEADERS = (
    b"forwarded",
    b"via",
    b"x-forwarded-",
    b"x-real-ip",
    b"x-client-ip",
    b"x-cluster-client-ip",
    b"true-client-ip",
    b"cf-connecting-ip",
    b"fastly-client-ip",
)
"""Headers that proxies add: the peer is then not who asks."""
_HIGHEST = "manage"
_SCOPES = frozenset(SCOPES[: SCOPES.index(_HIGHEST) + 1])
_FORWARDED = b"x-forwarded-for"
_HOPS = 20


class TrustedClients:
    """The clients that need no token; nobody, unless the settings say so."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError for an invalid network, or one that is nearly everybody."""
        self._networks = read_networks("trusted_networks", settings.trusted_networks)
        self._proxies = Proxies(settings)
        self._hosts = frozenset(host.lower() for host in settings.allowed_hosts) - {"*"}

    def __bool__(self) -> bool:
        """True if any network is trusted."""
        return bool(self._networks)

    @property
    def warning(self) -> str:
        """Return the warning for an operator at the start; empty when nobody is trusted."""
        if not self._networks:
            return ""
        named = ", ".join(map(str, self._networks))
        return f"anybody who reaches this server from {named} may change libraries without a token"

    def principal(self, scope: Scope, host: str | None, port: int) -> Principal | None:
        """Return the client, if it is in a trusted network; ``host`` is the ``Host`` header's.

        None for everybody else, and for a request of which it cannot be known.
        """
        if not self._networks or not self._names_us(host, port):
            return None
        found = self._client(scope)
        if found is None or not any(found in network for network in self._networks):
            return None
        return Principal(name=f"trusted:{found}", scopes=_SCOPES)

    def is_proxy(self, scope: Scope) -> bool:
        """True if the peer is a proxy that was named: it is never the one who asks."""
        return self.names_proxy(client_of(scope))

    def names_proxy(self, address: str) -> bool:
        """True if this is the address of a proxy that was named."""
        return self._proxies.names(address)

    def counted_client(self, scope: Scope) -> str:
        """Return the client that a request counts for; empty for a proxy that does not say."""
        if not self.is_proxy(scope):
            return client_network(client_of(scope))
        found = self._client(scope)
        return client_network(str(found)) if found is not None else ""

    def _names_us(self, host: str | None, port: int) -> bool:
        """True if a browser can only have got here by a name that nobody else can point here.

        Whoever owns a name lets it lead to our address, and their page is then of our own origin.
        """
        if host is None:
            return False
        if host in self._hosts or f"{host}:{port}" in self._hosts or host == "localhost":
            return True
        return read_address(host.removeprefix("[").removesuffix("]")) is not None

    def _client(self, scope: Scope) -> Address | None:
        """The address of who asks; None where it cannot be known."""
        peer = read_address(client_of(scope))
        fields = scope["headers"]
        if not self.is_proxy(scope):
            # Proxies speak HTTP/1.0 by default, and may add no header that tells of them.
            is_proxy = is_http_1_0(scope) or any(f.startswith(PROXY_HEADERS) for f, _ in fields)
            return None if is_proxy else peer
        hops = [
            hop.strip()
            for name, value in fields
            if name == _FORWARDED
            for hop in value.decode("latin-1").split(",")
        ]
        # Each proxy adds whom it heard from at the end; what stands before is what it was told.
        for hop in reversed(hops[-_HOPS:]):
            found = read_address(hop)
            if found is None or found not in self._proxies:
                return found
        return None
