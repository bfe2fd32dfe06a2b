"""tcp.check: whether a port accepts connections."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any

from _hosts import addresses_of, host_of, port_of, timeout_of
from _params import choice
from _step import Done, Run, StepError, perform


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Connect to ``port`` of ``host`` and hang up at once."""
    return perform(_check, parameters, context, "The check failed.")


def _check(parameters: Mapping[str, Any], run: Run) -> Done:
    host, port = host_of(parameters), port_of(parameters)
    expect = choice(parameters, "expect", ("open", "closed"), "open")
    timeout = timeout_of(parameters, run, 5)
    start = time.monotonic()
    addresses = addresses_of(host, socket.AF_UNSPEC, timeout)
    address, reason = _connect(addresses, port, start + timeout)
    output = {
        "host": host,
        "port": port,
        "open": address is not None,
        "address": address,
        "reason": reason,
        "duration_ms": round((time.monotonic() - start) * 1000, 3),
    }
    state = "open" if address is not None else "closed"
    if state != expect:
        raise StepError(f"port {port} of {host} is {state}{f': {reason}' * bool(reason)}", output)
    return Done(f"Port {port} of {host} is {state}.", output)


def _connect(addresses: list[str], port: int, ends: float) -> tuple[str | None, str]:
    """Return the first address that accepts, or why the last one did not."""
    reason = "no address"
    for address in addresses:
        left = ends - time.monotonic()
        if left <= 0:
            return None, "timed out"
        try:
            socket.create_connection((address, port), left).close()
        except OSError as problem:
            timed_out = isinstance(problem, TimeoutError)
            reason = "timed out" if timed_out else (problem.strerror or "failed").lower()
        else:
            return address, ""
    return None, reason
