"""dns.lookup: the addresses of a host."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Mapping
from typing import Any

from _hosts import addresses_of, host_of, timeout_of
from _params import choice, items
from _step import Done, Run, StepError, perform

FAMILIES = {"any": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Look up the addresses of ``host`` as this machine sees them."""
    return perform(_lookup, parameters, context, "The lookup failed.")


def _lookup(parameters: Mapping[str, Any], run: Run) -> Done:
    host = host_of(parameters)
    family = FAMILIES[choice(parameters, "family", tuple(FAMILIES), "any")]
    expected = [_address(value) for value in items(parameters, "expected")]
    start = time.monotonic()
    addresses = addresses_of(host, family, timeout_of(parameters, run, 5))
    output = {
        "host": host,
        "addresses": addresses,
        "count": len(addresses),
        "duration_ms": round((time.monotonic() - start) * 1000, 3),
    }
    missing = sorted(set(expected) - set(addresses))
    if missing:
        raise StepError(f"{host} does not have {', '.join(missing)}", output)
    return Done(f"{host} has {len(addresses)} addresses.", output)


def _address(value: object) -> str:
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        raise StepError(f"expected must be a list of IP addresses: {value!r}") from None
