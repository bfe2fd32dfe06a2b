"""HTTP that goes where it was told and nowhere else.

No redirect is followed, no proxy is looked up and no scheme but http and https is spoken.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from _step import Run, StepError

BLOCK = 64 * 1024
USER_AGENT = "opsconductor-steps/1.0"


class UnreachableError(StepError):
    """No answer came; ``unsent`` is true where the request certainly did not arrive."""

    def __init__(self, error: str, *, unsent: bool, lasting: bool = False) -> None:
        super().__init__(error)
        self.unsent = unsent
        self.lasting = lasting


@dataclass(frozen=True)
class Answer:
    """An HTTP response; ``body`` is cut at the limit that was asked for."""

    status: int
    headers: dict[str, str]
    body: bytes
    truncated: bool
    seconds: float


@dataclass(frozen=True)
class Call:
    """An HTTP request."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] | None = None
    body: bytes | None = None


def parse_url(url: str, name: str) -> SplitResult:
    """Return the parts of an http or https URL; the message never repeats the URL."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is not a port
    except ValueError:
        raise StepError(f"{name} is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StepError(f"{name} must be a URL that begins with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise StepError(f"{name} must not hold a user name or a password")
    if re.search(r"[^\x21-\x7e]", url):
        raise StepError(
            f"{name} must not hold spaces or characters that are not ASCII; encode them"
        )
    return parts


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, parts.hostname or "", port


def send(
    call: Call, run: Run, *, timeout: float, max_bytes: int, tls: ssl.SSLContext | None = None
) -> Answer:
    """Send one request and return the answer, whatever its status."""
    start = time.monotonic()
    ends = start + min(timeout, run.left())
    request = urllib.request.Request(  # noqa: S310 - only the two handlers below are there
        call.url,
        data=call.body,
        headers={"User-Agent": USER_AGENT, **(call.headers or {})},
        method=call.method,
    )
    host = urlsplit(call.url).hostname
    try:
        with _opener(tls).open(request, timeout=ends - start) as response:
            body = _read(response, max_bytes + 1, ends)
            headers = {name.lower(): value for name, value in response.headers.items()}
            status = int(response.status)
    except (OSError, http.client.HTTPException) as problem:
        raise _unreachable(problem, f"{host}", timeout) from None
    elapsed = time.monotonic() - start
    return Answer(status, headers, body[:max_bytes], len(body) > max_bytes, elapsed)


def _opener(tls: ssl.SSLContext | None) -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    opener.add_handler(urllib.request.HTTPHandler())
    opener.add_handler(urllib.request.HTTPSHandler(context=tls or ssl.create_default_context()))
    return opener


def _read(response: http.client.HTTPResponse, limit: int, ends: float) -> bytes:
    """Read up to a limit; a server that drips is cut off when the time is up."""
    body = bytearray()
    while len(body) < limit and (block := response.read1(min(BLOCK, limit - len(body)))):
        body += block
        if time.monotonic() > ends:
            raise TimeoutError
    return bytes(body)


def _unreachable(problem: Exception, host: str, timeout: float) -> UnreachableError:
    """Say why there was no answer, with the host and nothing else of the URL."""
    cause = getattr(problem, "reason", problem)
    if isinstance(cause, ssl.SSLCertVerificationError):
        message = f"the certificate of {host} is not trusted: {cause.verify_message}"
        return UnreachableError(message, unsent=True, lasting=True)
    if isinstance(cause, socket.gaierror):
        return UnreachableError(f"{host} could not be resolved", unsent=True)
    if isinstance(cause, ConnectionRefusedError):
        return UnreachableError(f"{host} refused the connection", unsent=True)
    if isinstance(cause, TimeoutError):
        return UnreachableError(f"{host} did not answer within {timeout:g} s", unsent=False)
    reason = getattr(cause, "strerror", None) or type(cause).__name__
    return UnreachableError(f"{host} gave no usable answer: {reason}", unsent=False)
