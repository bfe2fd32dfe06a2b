"""Count the server's work: plain integers on the hot path, Prometheus families when asked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

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


class Metrics(Collector):
    """The counts of all routes; ``gauges`` are asked for their value at each export."""

    def __init__(self) -> None:
        """Start at zero."""
        self.routes: dict[str, RouteMetrics] = {}
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self.families: list[Callable[[], GaugeMetricFamily | CounterMetricFamily]] = []
        """Those with labels; they are made at each export as well."""
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def route(self, name: str) -> RouteMetrics:
        """The counts of one route."""
        found = self.routes.get(name)
        if found is None:
            found = self.routes[name] = RouteMetrics()
        return found

    @property
    def requests(self) -> int:
        """Requests answered on all routes."""
        return sum(route.requests for route in self.routes.values())

    def figures(self) -> Mapping[str, Any]:
        """Figures by route."""
        return {name: route.figures() for name, route in sorted(self.routes.items())}

    def export(self) -> bytes:
        """The text format of Prometheus."""
        return generate_latest(self._registry)

    def collect(
        self,
    ) -> Iterator[CounterMetricFamily | HistogramMetricFamily | GaugeMetricFamily]:
        """Yield the families that the Prometheus client asks a collector for."""
        requests = CounterMetricFamily(
            "opsteps_requests", "Requests answered.", labels=["route", "status"]
        )
        latency = HistogramMetricFamily(
            "opsteps_request_seconds", "Time to an answer, seconds.", labels=["route"]
        )
        for name, route in sorted(self.routes.items()):
            for status, count in sorted(route.statuses.items()):
                requests.add_metric([name, str(status)], count)
            latency.add_metric([name], _cumulative(route.buckets), route.seconds)
        yield requests
        yield latency
        for name, (text, value) in self.gauges.items():
            yield GaugeMetricFamily(f"opsteps_{name}", text, value=value())
        for family in self.families:
            yield family()


def _cumulative(buckets: list[int]) -> list[tuple[str, float]]:
    total = 0
    made: list[tuple[str, float]] = []
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), buckets, strict=True):
        total += count
        made.append((bound, total))
    return made
