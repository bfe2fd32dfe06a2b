"""Count the server's work: plain integers on the hot path, Prometheus families when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from server.observing.route_counts import BOUNDS, RouteMetrics


class Metrics(Collector):
    """The counts of all routes; ``gauges`` are asked for their value at each export."""

    def __init__(self) -> None:
        """Start at zero."""
        self.routes: dict[str, RouteMetrics] = {}
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self.others: Callable[[], Iterable[tuple[str, RouteMetrics]]] = tuple
        """Returns the counts of the lookup workers."""
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
        return sum(route.requests for route in self.all_routes().values())

    def all_routes(self) -> Mapping[str, RouteMetrics]:
        """The counts of all processes, by route."""
        found: dict[str, RouteMetrics] = {}
        for name, route in (*self.routes.items(), *self.others()):
            found.setdefault(name, RouteMetrics()).add(route)
        return found

    def figures(self) -> Mapping[str, Any]:
        """Figures by route."""
        return {name: route.figures() for name, route in sorted(self.all_routes().items())}

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
        for name, route in sorted(self.all_routes().items()):
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
