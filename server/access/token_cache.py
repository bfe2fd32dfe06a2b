"""The tokens that are accepted, in memory: a request asks no database.

They are read again every few seconds by a thread of its own. While the database is down the last
ones that were read count for lookups; for changes only as long as they may be remembered.
"""

from __future__ import annotations

import hmac
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic, time

import structlog

from server.access.token_marker import GONE, MENDS, TokenMarker
from server.database.engine import Database
from server.database.errors import DatabaseError
from server.database.token_digest import bearer_digest
from server.database.tokens import SCOPES, Token, note_uses, read_tokens
from server.readmodel.model_layout import StoredToken

# Reads within the time that a token may be remembered, so that one late read costs nobody a change.
_READS = 2.5
_USES_SECONDS = 60.0
_LEAST_SECONDS = 0.1
_PATIENCE = 3
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """Somebody who asks. ``scopes`` are all that they may do: each with those that it includes."""

    name: str
    scopes: frozenset[str]
    token_id: int = 0


class Tokens:
    """All tokens by the hash of each; ``start`` begins to follow the database."""

    def __init__(
        self, database: Database, memory_seconds: float, marker: TokenMarker | None = None
    ) -> None:
        """Nothing is read yet: nobody is known, and nobody may change anything.

        The ``marker`` says whether there were tokens, should the rows be gone.
        """
        self.is_known = False
        """True if they could be read at all since the start."""
        self.are_gone = False
        """True if there were tokens, and the rows have none: then nobody may change anything."""
        self.problem = ""
        """The reason why they cannot be read, or their problem; empty when all is well."""
        self._marker = marker
        self._database = database
        self._memory = max(memory_seconds, _LEAST_SECONDS)
        self._read_at = 0.0
        self._is_down = False
        self._count = 0
        self._ended: Mapping[str, str] = {}
        """Tokens that are accepted no more, by the hash of each, and why."""
        self._live: Mapping[str, tuple[str, Principal, float]] = {}
        self._tell: Callable[[Sequence[StoredToken]], None] | None = None
        self._used: dict[int, float] = {}
        self._written: dict[int, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tokens", daemon=True)

    def __bool__(self) -> bool:
        """True if any token was ever made; one that was revoked counts, so that nothing opens."""
        return self._count > 0

    @property
    def is_fresh(self) -> bool:
        """True if a token that was revoked longer ago than may be is not accepted any more."""
        age = monotonic() - self._read_at
        # A thread that was only late refuses nobody; a database that does not answer does.
        allowed = self._memory if self._is_down else self._memory * _PATIENCE
        return self.is_known and age <= allowed

    def read(self) -> None:
        """Read them now; raises DatabaseError."""
        started = monotonic()
        try:
            found = read_tokens(self._database)
        except (ValueError, TypeError, AttributeError) as error:
            raise DatabaseError(
                "a row of the tokens cannot be read",
                next_step="Look at the rows that were not made by 'opsteps token create'",
            ) from error
        now = datetime.now(UTC)
        self._live = {
            digest: (digest, _principal(token), _end(token.expires_at))
            for token, digest in found
            if token.is_live(now)
        }
        self._ended = {
            digest: _why_ended(token) for token, digest in found if not token.is_live(now)
        }
        self._count = len(found)
        self._compare_with_marker()
        self._read_at, self.is_known = started, True
        self._tell_workers()

    def _compare_with_marker(self) -> None:
        if self._marker is None:
            return
        if self._count:
            self.are_gone, self.problem = False, ""
            try:
                self._marker.note()
            except OSError as error:
                _LOG.warning("not written down that tokens exist", reason=error.strerror)
            return
        are_gone = self._marker.exists()
        if are_gone and not self.are_gone:
            _LOG.error("no change is taken", reason=GONE)
        self.are_gone, self.problem = are_gone, f"{GONE}: {MENDS}" if are_gone else ""

    def principal(self, header: bytes | None) -> Principal | None:
        """Return the owner of the token in an ``Authorization`` header; None if refused."""
        digest = bearer_digest(header)
        if digest is None:
            return None
        # The table is keyed by digests, which a caller cannot steer, so looking one up tells
        # nothing about the tokens; the comparison of the whole digest takes constant time.
        found = self._live.get(digest)
        if found is None or not hmac.compare_digest(found[0], digest):
            return None
        _, principal, end = found
        now = time()  # seconds since 1970: a date would cost a lookup a microsecond
        if now >= end:
            return None
        self._used[principal.token_id] = now
        return principal

    def why_not(self, header: bytes) -> str:
        """Say why an ``Authorization`` header is refused; nothing of a token that nobody made."""
        digest = bearer_digest(header)
        if digest is None:
            return "the header Authorization is not 'Bearer TOKEN'"
        ended = self._ended.get(digest)
        if ended is None and digest in self._live:
            ended = "this token has expired"
        return ended or "this token is not known here"

    def follow_with(self, tell: Callable[[Sequence[StoredToken]], None]) -> None:
        """From now on ``tell`` learns which tokens are accepted, each time that they were read."""
        self._tell = tell
        self._tell_workers()

    def _tell_workers(self) -> None:
        if self._tell is not None and self.is_known:
            self._tell(
                [
                    StoredToken(
                        digest=digest,
                        token_id=principal.token_id,
                        end=None if math.isinf(end) else end,
                    )
                    for digest, principal, end in sorted(
                        self._live.values(), key=lambda found: found[0]
                    )
                ]
            )

    def note_uses(self, uses: Mapping[int, float]) -> None:
        """Workers let these tokens in: when, by the id of each."""
        self._used.update(uses)

    def start(self) -> None:
        """Follow the database."""
        self._thread.start()

    def stop(self) -> None:
        """End following."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._memory / _READS):
            try:
                self.read()
                if self._database.write_problem:
                    self._database.probe()
                self._write_uses()
            except DatabaseError as error:
                if not self._is_down:
                    _LOG.error("tokens cannot be read, the last ones count", reason=str(error))
                self._is_down = True
                self.problem = why_down(error)
            except Exception:  # noqa: BLE001 - without this thread nobody may change anything
                if not self._is_down:
                    _LOG.exception("tokens cannot be read, the last ones count")
                self._is_down = True
                self.problem = "tokens cannot be read: the server's log says why"
            else:
                self._is_down = False
                self.problem = self.problem if self.are_gone else ""

    def _write_uses(self) -> None:
        """Write the times at which tokens were last used, each at most once a minute."""
        due = {
            token_id: at
            for token_id, at in dict(self._used).items()
            if token_id not in self._written or at - self._written[token_id] >= _USES_SECONDS
        }
        note_uses(self._database, {n: datetime.fromtimestamp(at, UTC) for n, at in due.items()})
        self._written.update(due)


def why_down(error: DatabaseError) -> str:
    """Return the part of the problem that everybody may know: not where the database is."""
    return ". ".join(filter(None, (error.message, error.next_step)))


def _end(expires_at: datetime | None) -> float:
    return math.inf if expires_at is None else expires_at.timestamp()


def _why_ended(token: Token) -> str:
    """Only who holds the token is told."""
    if token.revoked_at is not None:
        return f"this token was revoked on {token.revoked_at:%Y-%m-%d}"
    return f"this token expired on {token.expires_at:%Y-%m-%d}"


def _principal(token: Token) -> Principal:
    # What a later version may write gives nothing here.
    known = [SCOPES.index(scope) for scope in token.scopes if scope in SCOPES]
    highest = max(known, default=-1)
    return Principal(
        name=f"token:{token.name}",
        scopes=frozenset(SCOPES[: highest + 1]),
        token_id=token.token_id,
    )
