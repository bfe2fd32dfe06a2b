"""The counts of each route: plain integers, without a library."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

BOUNDS = (
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5,
    0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
)  # fmt: skip
"""Upper bounds of the latency buckets, seconds."""


@dataclass(kw_only=True, slots=True)
class RouteMetrics:
    """One route's counts since the start."""

    statuses: dict[int, int] = field(default_factory=dict)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0

    def observe(self, status: int, seconds: float) -> None:
        """Count one request."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    def add(self, other: RouteMetrics) -> None:
        """Count all that another one has counted."""
        for status, count in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + count
        self.buckets = [one + more for one, more in zip(self.buckets, other.buckets, strict=True)]
        self.seconds += other.seconds

    @property
    def requests(self) -> int:
        """Requests answered."""
        return sum(self.buckets)

    def quantile_ms(self, share: float) -> float | None:
        """The upper bound of the bucket in which the quantile lies, milliseconds."""
        wanted = share * self.requests
        if wanted == 0:
            return None
        seen = 0
        for bound, count in zip(BOUNDS, self.buckets, strict=False):
            seen += count
            if seen >= wanted:
                return bound * 1000
        return None

    def figures(self) -> dict[str, Any]:
        """True figures for ``/api/v1/performance``."""
        requests = self.requests
        return {
            "requests": requests,
            "errors": sum(n for status, n in self.statuses.items() if status >= 400),  # noqa: PLR2004 - HTTP
            "mean_ms": round(self.seconds / requests * 1000, 4) if requests else None,
            "p50_ms_at_most": self.quantile_ms(0.5),
            "p99_ms_at_most": self.quantile_ms(0.99),
        }
