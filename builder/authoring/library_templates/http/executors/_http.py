"""One HTTP request to one address: no redirect is followed, no proxy is looked up."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import SplitResult, urlsplit

from _step import StepError, Values, number, text

MAX_BYTES = 1024 * 1024
SUCCESS = range(200, 300)
_HERE = ("localhost", "127.0.0.1", "::1")


def call(parameters: Values, method: str, body: Any = None) -> dict[str, Any]:
    """Send a request as the parameters say, and return the output of the step."""
    url = _parse(text(parameters, "url"))
    headers = {"Accept": "application/json"} | _authorization(parameters, url)
    content = None
    if body is not None:
        content = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    timeout = number(parameters, "timeout_seconds", 10, 0.1, 60)
    started = time.monotonic()
    status, answer = _send(method, url, headers, content, timeout)
    duration = round((time.monotonic() - started) * 1000, 3)
    output = {"status": status, "body": None, "duration_ms": duration}
    if status not in SUCCESS:
        raise StepError(f"{url.hostname} answered with status {status}", output)
    return {**output, "body": _decoded(answer, output)}


def _parse(url: str) -> SplitResult:
    """The parts of a URL; what is wrong is said without repeating it: it may hold a secret."""
    try:
        parts = urlsplit(url)
        is_complete = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_complete = False
    if not is_complete or not url.isascii() or not url.isprintable() or " " in url:
        raise StepError("url must be an address that begins with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise StepError("url must not hold a user name or a password; use token")
    return parts


def _authorization(parameters: Values, url: SplitResult) -> dict[str, str]:
    if parameters.get("token") is None:
        return {}
    token = text(parameters, "token")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise StepError("token must be of visible ASCII characters")
    if url.scheme != "https" and url.hostname not in _HERE:
        raise StepError("token is sent over https only")
    return {"Authorization": f"Bearer {token}"}


def _send(
    method: str, url: SplitResult, headers: dict[str, str], body: bytes | None, timeout: float
) -> tuple[int, bytes]:
    secure = url.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=timeout)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    try:
        connection.request(method, target, body=body, headers=headers)
        answer = connection.getresponse()
        content = answer.read(MAX_BYTES + 1)
    except (OSError, http.client.HTTPException) as problem:
        raise StepError(f"{url.hostname} did not answer: {problem}") from None
    finally:
        connection.close()
    if len(content) > MAX_BYTES:
        raise StepError(f"{url.hostname} answered with more than {MAX_BYTES:,} bytes")
    return answer.status, content


def _decoded(content: bytes, output: dict[str, Any]) -> Any:
    if not content:
        return None
    try:
        return json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise StepError("the answer is not JSON", output) from None


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity are no JSON
