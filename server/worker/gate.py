"""Admits the requests that a worker may answer: to known hosts, with tokens that may read."""

from __future__ import annotations

from collections.abc import Mapping
from time import time

from server.access.hosts import Hosts
from server.database.token_digest import bearer_digest
from server.readmodel.reader import Reader
from server.settings import Settings

_HEADERS_KNOWN = 1_024


class ReadGate:
    """Admits what is surely allowed; the keeper decides about the rest."""

    def __init__(self, settings: Settings, reader: Reader) -> None:
        """The tokens are those in the read model, where the keeper writes them."""
        self.hosts = Hosts(settings)
        self.needs_token = settings.require_read_token
        self._reader = reader
        self._seen = -1
        self._known: dict[bytes, tuple[int, float]] = {}
        """By ``Authorization`` header, so that each is hashed only once."""
        self._used: dict[int, float] = {}

    def lets_in(self, host: bytes | None, header: bytes | None) -> bool:
        """True if the request is surely allowed. The reader has begun a transaction just before."""
        if host not in self.hosts.known and not self.hosts.knows(host):
            return False
        return not self.needs_token or self._may_read(header)

    def take_uses(self) -> Mapping[int, float]:
        """Return the times of tokens' last uses since the last call, by id."""
        used, self._used = self._used, {}
        return used

    def _may_read(self, header: bytes | None) -> bool:
        if header is None:
            return False
        if self._seen != self._reader.tokens_seen:
            self._seen = self._reader.tokens_seen
            self._known.clear()
        found = self._known.get(header)
        if found is None:
            found = self._reader.tokens.get(bearer_digest(header) or "")
            if found is None:
                return False
            if len(self._known) < _HEADERS_KNOWN:
                self._known[header] = found
        token_id, end = found
        now = time()
        if now >= end:
            return False
        self._used[token_id] = now
        return True
