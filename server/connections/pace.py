"""Measures how far a client is behind that has to send bytes, or to take them."""

from __future__ import annotations

_AHEAD_SECONDS = 1.0
"""The most that a client can be ahead: without it one packet would pay for a minute."""


class Pace:
    """Measures one wait for a client against the least rate."""

    def __init__(self) -> None:
        """Nothing is waited for yet."""
        self._paid_until = 0.0
        self._count = 0

    def begin(self, now: float, count: int) -> None:
        """The client's turn begins; so many bytes have gone by already."""
        self._paid_until = now
        self._count = count

    def lag(self, now: float, count: int, rate: int) -> float:
        """Return the seconds that the client has kept the server waiting; negative if it is ahead.

        ``count`` bytes have gone by, and ``rate`` a second are the least.
        """
        paid = self._paid_until + (count - self._count) / max(rate, 1)
        self._paid_until = min(paid, now + _AHEAD_SECONDS)
        self._count = count
        return now - self._paid_until
