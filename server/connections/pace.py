"""How far behind a client is that owes bytes, or owes that it takes them."""

from __future__ import annotations

_AHEAD_SECONDS = 1.0
"""What came ahead of its time counts for so long: else a packet would pay for a minute."""


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
        """How long the client has kept the server waiting, seconds; below zero when it is ahead.

        ``count`` bytes have gone by, and ``rate`` a second are the least.
        """
        paid = self._paid_until + (count - self._count) / max(rate, 1)
        self._paid_until = min(paid, now + _AHEAD_SECONDS)
        self._count = count
        return now - self._paid_until
