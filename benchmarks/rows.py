"""A row of the table: one promise, the figure that was measured and whether it holds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Bound(StrEnum):
    """Which side of its limit a figure must stay on."""

    AT_LEAST = "≥"
    AT_MOST = "≤"

    def keeps(self, figure: float, limit: float) -> bool:
        """Whether the figure is on the right side of the limit."""
        return figure >= limit if self is Bound.AT_LEAST else figure <= limit


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """What is promised: ``limit`` in ``unit`` (``×`` for a ratio to ``peer``)."""

    key: str
    """Stable name of the row, as in ``docs/performance.md``."""
    what: str
    bound: Bound
    limit: float
    unit: str
    peer: str = ""
    """The other side of the comparison; empty for a figure without one."""
    or_times: float | None = None
    """A figure beyond the limit keeps the promise, too, up to so many times the peer's."""

    @property
    def reach(self) -> str:
        """The limit as people read it, such as ``≥ 0.4 × nginx``."""
        limit = f"{self.bound} {plain(self.limit)} {self.unit}"
        if self.or_times is not None:
            return f"{limit}, or {self.bound} {plain(self.or_times)} × {self.peer}"
        return f"{limit} {self.peer}".rstrip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """Several runs of the same thing."""

    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure to quote."""
        return statistics.median(self.runs)

    @property
    def low(self) -> float:
        """The least run."""
        return min(self.runs)

    @property
    def high(self) -> float:
        """The greatest run."""
        return max(self.runs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One measured promise.

    ``figure`` and ``peer_figure`` are what was measured, in ``unit``; ``ratio`` is their quotient.
    A promise in ``×`` is about the ratio, any other about the figure.
    """

    promise: Promise
    figure: Spread
    unit: str
    peer_figure: Spread | None = None
    ratio: Spread | None = None
    notes: str = ""

    @property
    def decisive(self) -> float:
        """The number that is held against the limit."""
        if self.ratio is not None and self.promise.unit == "×":
            return self.ratio.median
        return self.figure.median

    @property
    def holds(self) -> bool:
        """Whether the promise was kept in this run."""
        promise = self.promise
        if promise.bound.keeps(self.decisive, promise.limit):
            return True
        if promise.or_times is None or self.ratio is None:
            return False
        return promise.bound.keeps(self.ratio.median, promise.or_times)


def spread(runs: Sequence[float]) -> Spread:
    """The spread of these runs; there must be one at least."""
    return Spread(runs=tuple(runs))


def against(
    promise: Promise, ours: Sequence[float], peer: Sequence[float], *, unit: str, notes: str = ""
) -> Row:
    """A row about the ratio of runs taken in turn, ours and the peer's, pair by pair."""
    pairs = zip(ours, peer, strict=True)
    return Row(
        promise=promise,
        figure=spread(ours),
        unit=unit,
        peer_figure=spread(peer),
        ratio=spread([mine / other for mine, other in pairs]),
        notes=notes,
    )


def absolute(promise: Promise, runs: Sequence[float], *, notes: str = "") -> Row:
    """A row about a figure in the promise's own unit."""
    return Row(promise=promise, figure=spread(runs), unit=promise.unit, notes=notes)


_MANY = 1000


def plain(number: float) -> str:
    """Three significant digits, without exponents; thousands are set apart."""
    if abs(number) >= _MANY:
        return f"{number:,.0f}"
    return f"{number:.3g}"


def shown(spread_: Spread | None, unit: str) -> str:
    """``median unit (low-high)``, or nothing."""
    if spread_ is None:
        return ""
    text = f"{plain(spread_.median)} {unit}".rstrip()
    if len(spread_.runs) == 1:
        return text
    return f"{text} ({plain(spread_.low)}–{plain(spread_.high)})"
