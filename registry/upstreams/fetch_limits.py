"""The limits of Git's way to an upstream: to addresses that were looked at, and nowhere else.

A name is resolved here once, judged, and Git is given the addresses that were judged: a name that
answers differently a moment later leads nowhere else. Redirects are not followed at all.
"""

from __future__ import annotations

import base64
import os
import socket
from dataclasses import dataclass

from registry.git.remote_limits import Reach
from registry.problems import printable
from registry.upstreams.address import Address, Scheme, refuse_private
from registry.upstreams.declaration import Upstream
from registry.upstreams.errors import UnreachableUpstreamError

_CA_VARIABLE = "OPSTEPS_UPSTREAM_CA_FILE"
"""A file of the certificates of those who vouch for upstreams in an organisation's network."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchLimits:
    """The limits of fetching one upstream."""

    seconds: float = 300.0
    """The whole fetch."""
    stalled_seconds: int = 30
    """A transfer below a kilobyte a second is given up after so long."""
    pack_bytes: int = 2 * 1024 * 1024 * 1024
    """Everything that is fetched at once."""


def reach_of(upstream: Upstream, limits: FetchLimits) -> Reach:
    """Return the limits of the way there; raises AddressError for a private address not allowed."""
    address = upstream.address
    config = {
        "http.followRedirects": "false",
        "http.lowSpeedLimit": "1024",
        "http.lowSpeedTime": str(limits.stalled_seconds),
    }
    ssh = "ssh -oBatchMode=yes -oConnectTimeout=30"
    if not upstream.allow_private:
        found = _resolved(upstream) if address.host else ()
        refuse_private(address, found)
        # A proxy would resolve the name again, somewhere else.
        config["http.proxy"] = ""
        if address.scheme is Scheme.HTTPS:
            config["http.curloptResolve"] = _curl_entry(address, found)
        if address.scheme is Scheme.SSH:
            ssh += f" -oHostName={found[0]} -oHostKeyAlias={address.host} -oProxyCommand=none"
    if certificates := os.environ.get(_CA_VARIABLE):
        config["http.sslCAInfo"] = certificates
    token = os.environ.get(token_variable(upstream))
    if token and address.scheme is Scheme.HTTPS:
        encoded = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        config["http.extraHeader"] = f"Authorization: Basic {encoded}"
    return Reach(
        seconds=limits.seconds,
        file_bytes=limits.pack_bytes,
        protocols=address.scheme,
        ssh=ssh,
        config=config,
    )


def token_variable(upstream: Upstream) -> str:
    """The environment variable that holds the access token of a private upstream."""
    return f"OPSTEPS_UPSTREAM_{upstream.alias.upper().replace('-', '_')}_TOKEN"


def _resolved(upstream: Upstream) -> tuple[str, ...]:
    address = upstream.address
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UnreachableUpstreamError(
            f"the host {address.host} is not found: {printable(str(error.strerror))}",
            where=f"upstream {upstream.alias}",
            next_step="Try again later, or correct its address in registry.yaml",
        ) from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _curl_entry(address: Address, found: tuple[str, ...]) -> str:
    """``HOST:PORT:ADDRESS[,ADDRESS]``, as curl's option ``--resolve`` has it."""
    shown = ",".join(f"[{ip}]" if ":" in ip else ip for ip in found)
    return f"{address.host}:{address.port}:{shown}"
