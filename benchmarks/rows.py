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
    """What the ratio is taken against; empty for an absolute figure."""

    @property
    def reach(self) -> str:
        """The limit as people read it, such as ``≥ 0.4 × nginx``."""
        return f"{self.bound} {plain(self.limit)} {self.unit} {self.peer}".rstrip()


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

    ``figure`` and ``peer_figure`` are what was measured, in ``unit``; ``ratio`` is the quotient
    that the promise is about, or None when the promise is about ``figure`` itself.
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
        return (self.ratio or self.figure).median

    @property
    def holds(self) -> bool:
        """Whether the promise was kept in this run."""
        if self.promise.bound is Bound.AT_LEAST:
            return self.decisive >= self.promise.limit
        return self.decisive <= self.promise.limit


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
