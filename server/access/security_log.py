"""Hands security events to the database, in a thread of its own: no request waits for it."""

from __future__ import annotations

import threading
from collections import deque
from datetime import UTC, datetime
from time import monotonic

import structlog

from server.access.rate_limits import Failures, client_network
from server.database.engine import Database
from server.database.errors import DatabaseError
from server.database.idempotency import forget_old
from server.database.security_events import (
    EventKind,
    SecurityEvent,
    append_events,
    forget_events,
)

_WAITING = 1_000
_AT_ONCE = 100
_RETRY_SECONDS = 2.0
_TIDY_SECONDS = 3_600.0
# As many as failed logins: noted of one token, or without one, at one address.
_DENIED = 10
_DENIED_SECONDS = 60.0
_DETAIL = 400
_LOG = structlog.get_logger(__name__)


class SecurityLog:
    """A bounded queue. What finds it full is counted, and in the server's log anyway."""

    def __init__(
        self,
        database: Database,
        *,
        keep_days: float,
        keep_hours: float,
        tidy_seconds: float = _TIDY_SECONDS,
    ) -> None:
        """``keep_days`` for events, ``keep_hours`` for the answers of idempotent requests.

        What is older is deleted every ``tidy_seconds``.
        """
        self._tidy_seconds = tidy_seconds
        self._due = monotonic()
        self._denied = Failures(_DENIED, _DENIED_SECONDS)
        self.dropped = 0
        self.withheld = 0
        """Denied tries that were not noted, as their like was a moment ago."""
        self._database = database
        self._keep_days = keep_days
        self._keep_hours = keep_hours
        self._waiting: deque[SecurityEvent] = deque()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="security", daemon=True)

    def record(
        self, kind: EventKind, *, actor: str, client: str, request_id: str, detail: str
    ) -> None:
        """Note an event, at once and without waiting.

        Of one who is denied again and again the first ones a minute are noted, and that more come.
        """
        if kind is EventKind.DENIED:
            who = f"{actor}\0{client_network(client)}"
            if self._denied.wait_seconds(who):
                self.withheld += 1
                return
            self._denied.note(who)
            if self._denied.wait_seconds(who):
                detail = f"{detail[:_DETAIL]} (what follows within a minute is not noted)"
        _LOG.warning(
            "security", kind=kind.value, actor=actor, client=client, request_id=request_id,
            detail=detail,
        )  # fmt: skip
        if len(self._waiting) >= _WAITING:
            self.dropped += 1
            return
        self._waiting.append(
            SecurityEvent(
                kind=kind,
                actor=actor,
                client=client,
                request_id=request_id,
                detail=detail,
                at=datetime.now(UTC),
            )
        )
        self._wake.set()

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, if the database is there, and end."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._go_on()
            except Exception:  # noqa: BLE001 - nobody else writes these rows
                _LOG.exception("security events were not written; they are tried again")
                self._stop.wait(_RETRY_SECONDS)
        self._write()

    def _go_on(self) -> None:
        """Tidy when it is time to, by the clock: whoever wakes this thread does not put it off."""
        if monotonic() >= self._due:
            self._due = monotonic() + self._tidy_seconds
            self._tidy()
        if not self._wake.wait(max(0.0, self._due - monotonic())):
            return
        self._wake.clear()
        if not self._write():
            self._stop.wait(_RETRY_SECONDS)
            self._wake.set()

    def _write(self) -> bool:
        """Write what waits; False when the database is down."""
        while self._waiting:
            batch = [self._waiting[n] for n in range(min(_AT_ONCE, len(self._waiting)))]
            try:
                append_events(self._database, batch)
            except DatabaseError:  # they stay, and whoever reads health sees that it is down
                return False
            for _ in batch:
                self._waiting.popleft()
        return True

    def _tidy(self) -> None:
        try:
            forget_events(self._database, days=self._keep_days)
            forget_old(self._database, hours=self._keep_hours)
        except DatabaseError as error:
            _LOG.warning("old rows were not deleted", reason=str(error))
