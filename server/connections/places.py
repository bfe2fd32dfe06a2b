"""Decides which clients hold a connection, and which connection ends for a new one.

A new connection is always taken. If there is no place, one ends for it: of the client that has
the most connections, the one that has kept the server waiting for the longest. If none keeps it
waiting, some are taken beyond the limit, for a lookup, and only these end for one another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Protocol

import structlog

from server.access.rate_limits import client_network
from server.settings import Settings

# Whoever keeps the server waiting for less is not sent away for another.
_PATIENCE_SECONDS = 0.05
_ASKED = 32
# Two, so that their number falls again where it went beyond the limit.
_GO_FOR_ONE = 2
# Nobody who only rests between two requests is taken for slow as long as others are slower.
_SLOW_SECONDS = 1.0
_TELL_SECONDS = 60.0
_KEPT = 64
"""Connections beyond the limit, for lookups and ``/health``."""
_LOG = structlog.get_logger(__name__)


class Admission(Enum):
    """The way in which a new connection is taken."""

    ORDINARY = auto()
    BEYOND = auto()
    """Beyond the limit: a lookup or ``/health`` is answered, and then it ends."""
    REFUSED = auto()


class Held(Protocol):
    """A connection, as far as its place goes."""

    network: str
    """The network that it counts for; empty for a proxy, which is not counted."""

    def lag(self, now: float) -> float:
        """Return the seconds that it has kept the server waiting; negative if it does not."""

    def shed(self) -> None:
        """End it for another."""

    def check(self, now: float) -> None:
        """End it if one of its times is up."""

    def stop(self) -> None:
        """The server stops."""

    @property
    def unsent(self) -> int:
        """Bytes of answers that it has not taken yet."""


class Places:
    """The connections that there are, and the requests under way; for one event loop."""

    def __init__(self, settings: Settings, most: int, is_proxy: Callable[[str], bool]) -> None:
        """``most`` connections, as many as the setting and the files of the process allow."""
        self._settings = settings
        self._most = most
        self._is_proxy = is_proxy
        self._clients: dict[str, dict[Held, None]] = {}
        self._stalled: set[Held] = set()
        self._beyond: dict[Held, None] = {}
        self._told_at = 0.0
        self._told = 0
        self.count = 0
        self.empty = asyncio.Event()
        """Set whenever the last one has gone."""
        self.busy = 0
        """Requests under way, lookups aside, that wait for the server and not for their client."""
        self.ended = 0
        """Connections that were ended or refused since the start, as there was no place."""

    def network_of(self, address: str) -> str:
        """Return the network that an address counts for."""
        return "" if self._is_proxy(address) else client_network(address)

    def admit(self, one: Held, now: float) -> Admission:
        """Take a newcomer, unless it is refused; another one may have to go."""
        mine = self._clients.get(one.network, {})
        how = Admission.ORDINARY
        if one.network and len(mine) >= self._settings.client_connections:
            kept = len(mine) - self._settings.client_connections
            how = self._make_room(one, mine, now, kept=kept)
        elif self.count >= self._most:
            how = self._make_room(one, self._largest(), now, kept=self.count - self._most)
        if how is Admission.REFUSED:
            self._note_ended(now)
            return how
        self._clients.setdefault(one.network, {})[one] = None
        self.count += 1
        if how is Admission.BEYOND:
            self._beyond[one] = None
        return how

    def leave(self, one: Held) -> None:
        """Its place is free; it may have been before."""
        mine = self._clients.get(one.network, {})
        if one not in mine:
            return
        del mine[one]
        self._stalled.discard(one)
        self._beyond.pop(one, None)
        self.count -= 1
        if self.count == 0:
            self.empty.set()
        if not mine:
            del self._clients[one.network]

    def _make_room(self, one: Held, among: Iterable[Held], now: float, *, kept: int) -> Admission:
        """``kept`` connections are beyond the limit already.

        A newcomer is ordinary only within it: who goes leaves no other place than its own.
        """
        gone = 0
        while gone < min(_GO_FOR_ONE, kept + 1) and self._shed(among, now):
            gone += 1
        if gone > kept:
            return Admission.ORDINARY
        if gone or kept < _KEPT or self._shed(self._beyond_for(one), now, patience=0.0):
            return Admission.BEYOND
        return Admission.REFUSED

    def _beyond_for(self, one: Held) -> list[Held]:
        """Return the connections beyond the limit that may have to end for a new one."""
        mine = self._clients.get(one.network, {})
        is_own = one.network and len(mine) >= self._settings.client_connections
        return [other for other in self._beyond if not is_own or other in mine]

    def _largest(self) -> dict[Held, None]:
        """Those of the client who has the most; a proxy's only where there are no others."""
        return max(self._clients.items(), key=lambda item: (item[0] != "", len(item[1])))[1]

    def _shed(
        self, among: Iterable[Held], now: float, *, patience: float = _PATIENCE_SECONDS
    ) -> bool:
        worst, most = None, patience
        for number, one in enumerate(among):
            # The first ones are the oldest: where one of them is slow, the others are not asked.
            if most > _SLOW_SECONDS and number % _ASKED == 0:
                break
            lag = one.lag(now)
            if lag > most:
                worst, most = one, lag
        if worst is None:
            return False
        self._note_ended(now)
        worst.shed()
        self.leave(worst)
        return True

    def _note_ended(self, now: float) -> None:
        self.ended += 1
        if now - self._told_at < _TELL_SECONDS:
            return
        _LOG.warning(
            "connections were ended or refused: there is no place for all",
            connections=self.count,
            since_last_told=self.ended - self._told,
        )
        self._told_at, self._told = now, self.ended

    def stall(self, one: Held, now: float) -> None:
        """Its client does not take the answer; those who hold too much together are ended."""
        self._stalled.add(one)
        unsent = sum(other.unsent for other in self._stalled)
        while unsent > self._settings.unsent_bytes and len(self._stalled) > 1:
            worst = max(self._stalled, key=lambda other: other.lag(now))
            unsent -= worst.unsent
            self._note_ended(now)
            worst.shed()
            self.leave(worst)

    def flow(self, one: Held) -> None:
        """Its client takes the answer again."""
        self._stalled.discard(one)

    def check(self, now: float) -> None:
        """End every connection whose time is up."""
        for one in self.all():
            one.check(now)

    def all(self) -> list[Held]:
        """Every connection that has a place."""
        return [one for mine in self._clients.values() for one in mine]
