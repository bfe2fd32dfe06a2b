"""The facts about a request beside what it asks for: where it comes from, and its id."""

from __future__ import annotations

import re
import uuid
from collections.abc import MutableMapping
from typing import Any

_ID_KEY = "opsteps.request_id"
_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}\Z")


def client_of(scope: MutableMapping[str, Any]) -> str:
    """The address that a request comes from: the peer's. What proxies claim is not believed."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def is_http_1_0(scope: MutableMapping[str, Any]) -> bool:
    """True if a request is of HTTP/1.0, which proxies speak by default and hardly anybody else."""
    return scope.get("http_version") == "1.0"


def request_id_of(scope: MutableMapping[str, Any]) -> str:
    """The id of a request: the client's own if it is well-formed, else a new one."""
    found = scope.get(_ID_KEY)
    if found is None:
        asked = dict(scope["headers"]).get(b"x-request-id", b"")
        found = scope[_ID_KEY] = asked.decode() if _ID.match(asked) else uuid.uuid4().hex
    return str(found)
