"""The rule of each route about who may ask; a test fails for a route without one."""

from __future__ import annotations

from enum import StrEnum

from fastapi import Request

from server.access.token_cache import Principal
from server.api.contract.query_names import check_query


class Access(StrEnum):
    """The needs of a request."""

    PUBLIC = "public"
    """Nothing: it tells no more than that the server runs."""
    READ = "read"
    """A token where ``require_read_token`` is set."""
    EXECUTE = "execute"
    MANAGE = "manage"
    ADMIN = "admin"


class Requires:
    """A dependency of a route: raises AnswerError (401, 403, 429, 503) unless a request may."""

    def __init__(self, access: Access) -> None:
        """The rule of the route."""
        self.access = access

    def __call__(self, request: Request) -> Principal | None:
        """Return the client; None where nobody need say. AnswerError (422) for an unknown query."""
        if self.access is Access.PUBLIC:
            return None
        found = self._principal(request)
        # Only who may ask at all is told what can be asked for.
        check_query(request)
        return found

    def _principal(self, request: Request) -> Principal | None:
        gate = request.app.state.parts.gate
        if self.access is Access.READ:
            gate.check_read(request.scope)
            return None
        found: Principal = gate.check_scope(request.scope, self.access.value)
        return found
