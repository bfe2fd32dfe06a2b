"""Decide who may ask: host names, origins and bearer tokens (design, section 8)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NoReturn

from server.access.hosts import Hosts, is_loopback, split_host
from server.access.rate_limits import Failures, client_network
from server.access.security_log import SecurityLog
from server.access.token_cache import Principal, Tokens
from server.access.token_marker import GONE, MENDS
from server.access.trusted_networks import PROXY_HEADERS, TrustedClients
from server.asgi.answer import Scope
from server.asgi.request_facts import client_of, is_http_1_0, request_id_of
from server.database.security_events import EventKind
from server.database.tokens import SCOPES
from server.errors import AnswerError
from server.settings import Settings

LOCAL = Principal(name="local", scopes=frozenset(SCOPES))
"""Whoever asks from this machine, where no token was ever made."""
_OTHER_SITES = frozenset({b"cross-site", b"same-site"})
_DETAIL = 300


class Gate:
    """Decides for each request whether it is answered at all."""

    def __init__(
        self, settings: Settings, port: int, tokens: Tokens, security: SecurityLog
    ) -> None:
        """``port`` is the one really listened on; raises SettingsError."""
        self.tokens = tokens
        self.reads_need_token = settings.require_read_token
        self.trusted = TrustedClients(settings)
        self.hosts = Hosts(settings)
        self._security = security
        self._failures = Failures(settings.failures_allowed, settings.failures_seconds)
        self._is_loopback = is_loopback(settings.host)
        self._port = port
        self._origins = frozenset(origin.encode() for origin in settings.allowed_origins)

    def check_host(self, host: bytes | None) -> None:
        """Raise AnswerError (421) for a name that is not ours."""
        if not self.hosts.knows(host):
            raise AnswerError(
                421,
                "this server does not answer to that host name; use the address it listens on, or "
                "add the name to the setting allowed_hosts",
            )

    def check_read(self, scope: Scope) -> None:
        """Raise AnswerError (401, 429, 503) when reads need a token and this is not one."""
        if not self.reads_need_token:
            return
        fields = dict(scope["headers"])
        header = fields.get(b"authorization")
        if header is None and self._trusted(scope, fields) is not None:
            return
        if self.tokens.principal(header) is None:
            self._refuse_unknown(scope, fields, "this server answers only to a bearer token")

    def allowed_origin(self, origin: bytes | None) -> bytes | None:
        """The origin to name in CORS headers, if it is on the list."""
        return origin if origin in self._origins else None

    def check_scope(self, scope: Scope, needed: str) -> Principal:
        """Return the principal of a request that needs a scope; raises AnswerError.

        Raises AnswerError (401, 403, 429), and 503 as long as it cannot be known who may.
        """
        fields = dict(scope["headers"])
        if not self.tokens.is_fresh:
            raise AnswerError(503, "the database is down: it is not known who may do this")
        if self.tokens.are_gone:
            raise AnswerError(503, f"{GONE}, so nobody may change anything: {MENDS}")
        header = fields.get(b"authorization")
        trusted = self._trusted(scope, fields) if header is None else None
        if trusted is None and not self.tokens:
            reason = self._unnamed_proxy(scope, fields) or self._unsafe_write(scope, fields)
            if reason:
                self._refuse(scope, "", f"{self._without_tokens()}: {reason}")
            return LOCAL
        found = trusted or self.tokens.principal(header)
        if found is None:
            self._refuse_unknown(
                scope, fields, f"this needs a bearer token with the scope {needed!r}"
            )
        if needed not in found.scopes:
            self._refuse(scope, found.name, _lacks(found, needed))
        self._require_own_origin(scope, found, fields)
        return found

    def may(self, scope: Scope, needed: str) -> bool:
        """True if `check_scope` would let them; nobody is refused, and nothing is noted."""
        fields = dict(scope["headers"])
        if not self.tokens.is_fresh:
            return False
        header = fields.get(b"authorization")
        trusted = self._trusted(scope, fields) if header is None else None
        if trusted is None and not self.tokens:
            return not (self._unnamed_proxy(scope, fields) or self._unsafe_write(scope, fields))
        found = trusted or self.tokens.principal(header)
        return found is not None and needed in found.scopes and not self._foreign(fields)

    def _trusted(self, scope: Scope, fields: Mapping[bytes, bytes]) -> Principal | None:
        if not self.trusted:
            return None
        return self.trusted.principal(scope, *split_host(fields.get(b"host")))

    def _without_tokens(self) -> str:
        """Return the name of a writer as long as there are no tokens."""
        if self.trusted:
            return "without a token, changes come from trusted_networks or this machine itself only"
        return "without tokens, writes come from this machine itself only"

    def _refuse_unknown(self, scope: Scope, fields: Mapping[bytes, bytes], detail: str) -> NoReturn:
        """401; 429 for a client that has failed too often. A missing token is not a guess."""
        if not self.tokens.is_known:
            raise AnswerError(503, "the database is down: it is not known who may do this")
        if fields.get(b"authorization") is None:
            raise AnswerError(401, detail)
        client = client_of(scope)
        network = client_network(client)
        wait = self._failures.wait_seconds(network)
        if wait:
            raise AnswerError(
                429,
                "too many requests with a token that is not valid came from this address",
                retry_after=math.ceil(wait),
            )
        detail = f"{self.tokens.why_not(fields[b'authorization'])}; {detail}"
        self._failures.note(network)
        is_last = self._failures.wait_seconds(network) > 0
        self._security.record(
            EventKind.LIMITED if is_last else EventKind.FAILED_LOGIN,
            actor="",
            client=client,
            request_id=request_id_of(scope),
            detail=f"{scope['method']} {scope['path']}"[:_DETAIL],
        )
        raise AnswerError(401, detail)

    def _refuse(self, scope: Scope, actor: str, detail: str) -> NoReturn:
        self._security.record(
            EventKind.DENIED,
            actor=actor,
            client=client_of(scope),
            request_id=request_id_of(scope),
            detail=f"{scope['method']} {scope['path']}: {detail}"[:_DETAIL],
        )
        raise AnswerError(403, detail)

    def _require_own_origin(
        self, scope: Scope, who: Principal, fields: Mapping[bytes, bytes]
    ) -> None:
        """A page of another site may not write, even where a browser would hold a token."""
        reason = self._foreign(fields)
        if reason:
            self._refuse(scope, who.name, reason)

    def _foreign(self, fields: Mapping[bytes, bytes]) -> str:
        """Say why a request is taken for one of another site's page; empty when it is not."""
        origin = fields.get(b"origin")
        own = b"//" + fields.get(b"host", b"")
        if self.allowed_origin(origin) is not None:
            return ""
        if origin is None:
            is_foreign = fields.get(b"sec-fetch-site") in _OTHER_SITES
            return "it comes from a page of another site" if is_foreign else ""
        if origin.partition(b":")[2] != own:
            return "the Origin is not in the setting allowed_origins"
        return ""

    def _unnamed_proxy(self, scope: Scope, fields: Mapping[bytes, bytes]) -> str:
        if self._is_loopback or self.trusted.is_proxy(scope):
            return ""
        if not any(field.startswith(PROXY_HEADERS) for field in fields):
            return ""
        return (
            f"the request came through a proxy ({client_of(scope)}) that is not named in the "
            "setting trusted_proxies"
        )

    def _unsafe_write(self, scope: Scope, fields: Mapping[bytes, bytes]) -> str:
        name, port = split_host(fields.get(b"host"))
        if not self._is_loopback:
            return "the server listens on another address"
        if name is None or not is_loopback(name) or port != self._port:
            return "the Host is not a loopback name with this server's port"
        origin = fields.get(b"origin")
        if origin is not None and self.allowed_origin(origin) is None:
            return "the Origin is not in the setting allowed_origins"
        has_header = any(field.startswith(PROXY_HEADERS) for field in fields)
        if has_header or self.trusted.is_proxy(scope):
            return "the request came through a proxy"
        # What proxies speak by default, with the Host of the server behind and no other trace.
        if is_http_1_0(scope):
            return "the request is HTTP/1.0, as a proxy sends it"
        return ""


def _lacks(who: Principal, needed: str) -> str:
    """Say what is missing, and what there is instead."""
    has = max(who.scopes, key=SCOPES.index, default="")
    kind, _, name = who.name.partition(":")
    if kind == "trusted":
        return f"this needs a token with the scope {needed!r}; trusted_networks gives only {has!r}"
    return f"this needs the scope {needed!r}; the token {name!r} has only {has!r}"
