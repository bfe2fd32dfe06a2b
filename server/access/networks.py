"""Addresses and networks that an operator names in settings."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from server.errors import SettingsError
from server.settings import Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Wider than these is a good part of the Internet.
_WIDEST = {4: 8, 6: 16}


class Proxies:
    """The proxies named in the settings: such a peer only passes on what a client asks."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError if a network cannot be read, or is far too wide."""
        self._networks = read_networks("trusted_proxies", settings.trusted_proxies)

    def __contains__(self, address: Address) -> bool:
        """True if this address is a proxy's."""
        return any(address in network for network in self._networks)

    def names(self, address: str) -> bool:
        """True if this text is the address of a proxy that the settings name."""
        peer = read_address(address) if self._networks else None
        return peer is not None and peer in self


def read_networks(name: str, texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks of a setting; raises SettingsError."""
    return tuple(_network(name, text) for text in texts)


def _network(name: str, text: str) -> Network:
    try:
        found = ipaddress.ip_network(text)
    except ValueError as error:
        raise SettingsError(
            f"the setting {name}: {error}",
            next_step="Write networks such as 10.1.2.0/24, or single addresses, between commas",
        ) from error
    if found.prefixlen < _WIDEST[found.version]:
        raise SettingsError(
            f"the setting {name}: {found} is a good part of the Internet",
            next_step="Name the network that the clients are in, such as 10.1.2.0/24",
        )
    return found


def read_address(text: str) -> Address | None:
    """An address; None for anything else."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
