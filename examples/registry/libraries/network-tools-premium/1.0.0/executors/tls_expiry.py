"""tls.expiry: how long a server's certificate is still good for."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from _certificates import Certificate, decode
from _hosts import addresses_of, host_of, port_of, timeout_of, tls_context
from _params import flag, number, optional_text
from _step import Done, Run, StepError, perform


class Handshake(NamedTuple):
    """What came of a TLS handshake; ``distrust`` is empty where the certificate is trusted."""

    certificate: Certificate
    version: str
    distrust: str


class Server(NamedTuple):
    """Where to connect, what to ask for, and until when."""

    host: str
    port: int
    name: str
    ends: float


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Read the certificate of ``host`` and fail when it is about to expire."""
    return perform(_check, parameters, context, "The certificate is not in order.")


def _check(parameters: Mapping[str, Any], run: Run) -> Done:
    host, port = host_of(parameters), port_of(parameters, 443)
    name = optional_text(parameters, "server_name") or host
    min_days = number(parameters, "min_days", 14, 0, 3650)
    verify = flag(parameters, "verify", default=True)
    trust = tls_context(parameters)
    ends = time.monotonic() + timeout_of(parameters, run, 10)
    seen = _handshake(Server(host, port, name, ends), trust)
    output = _describe(host, port, seen)
    if output["days_left"] < 0:
        raise StepError(f"the certificate of {host} expired on {output['not_after']}", output)
    if verify and seen.distrust:
        raise StepError(f"the certificate of {host} is not trusted: {seen.distrust}", output)
    if output["days_left"] < min_days:
        days = f"{output['days_left']:g} days"
        raise StepError(f"the certificate of {host} expires in {days}", output)
    return Done(f"The certificate of {host} is good until {output['not_after']}.", output)


def _describe(host: str, port: int, seen: Handshake) -> dict[str, Any]:
    certificate = seen.certificate
    left = certificate.not_after - datetime.now(UTC)
    return {
        "host": host,
        "port": port,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": certificate.serial,
        "sha256": certificate.sha256,
        "not_before": _timestamp(certificate.not_before),
        "not_after": _timestamp(certificate.not_after),
        "days_left": round(left.total_seconds() / 86400, 2),
        "trusted": not seen.distrust,
        "trust_error": seen.distrust,
        "tls_version": seen.version,
    }


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _handshake(server: Server, trust: ssl.SSLContext) -> Handshake:
    """Shake hands with trust; where that fails, once more without, only to read."""
    try:
        return _shake(server, trust, "")
    except ssl.SSLCertVerificationError as problem:
        reason = problem.verify_message or "it could not be verified"
    blind = ssl.create_default_context()
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    return _shake(server, blind, reason)


def _shake(server: Server, context: ssl.SSLContext, distrust: str) -> Handshake:
    where = f"{server.host}:{server.port}"
    try:
        with (
            _connect(server) as raw,
            context.wrap_socket(raw, server_hostname=server.name) as stream,
        ):
            der = stream.getpeercert(binary_form=True) or b""
            return Handshake(decode(der), stream.version() or "", distrust)
    except ssl.SSLCertVerificationError:
        raise
    except TimeoutError:
        raise StepError(f"{where} did not answer in time") from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "reason", None) or getattr(problem, "strerror", None) or problem
        raise StepError(f"{where} did not complete a TLS handshake: {reason}") from None


def _connect(server: Server) -> socket.socket:
    """Connect to the first address that accepts."""
    addresses = addresses_of(server.host, socket.AF_UNSPEC, _left(server))
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, server.port), _left(server))
        except OSError:
            continue
    return socket.create_connection((addresses[-1], server.port), _left(server))


def _left(server: Server) -> float:
    left = server.ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
