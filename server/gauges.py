"""A metric for each state that ``/health`` tells of, and for each queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from server.pools import Pool

if TYPE_CHECKING:
    from server.app import Server


def add_gauges(server: Server) -> None:
    """Let ``/metrics`` tell what ``/health`` tells."""
    gauges = server.metrics.gauges

    def flag(name: str, text: str, holds: Callable[[], object]) -> None:
        gauges[name] = (text, lambda: float(bool(holds())))

    flag("degraded", "1 while /health says degraded.", lambda: _status(server) == "degraded")
    flag("loading", "1 until the registry was loaded.", lambda: _status(server) == "loading")
    flag(
        "head_not_served",
        "1 while the newest commit is not the one that is served.",
        lambda: server.follower.problem,
    )
    flag("dirty", "1 while the working tree has edits.", lambda: server.follower.upkeep.dirty)
    flag(
        "clone_incomplete",
        "1 while the clone lacks history, tags or contents.",
        lambda: not server.clone.state.is_complete,
    )
    flag(
        "registry_unwritable",
        "1 while the registry's disk is gone, full, read-only, not ours, or hangs.",
        lambda: server.place.problem,
    )
    gauges["registry_free_bytes"] = (
        "Room on the registry's file system.",
        lambda: server.place.free_bytes,
    )
    gauges["last_write_error_timestamp_seconds"] = (
        "When the last change could not be written, seconds since 1970; 0: the last one could.",
        lambda: server.operations.health.failed_seconds,
    )
    flag(
        "database_down",
        "1 while rows cannot be had.",
        lambda: not server.tokens.is_fresh or server.tokens.are_gone,
    )
    flag(
        "database_unwritable",
        "1 while rows can be read and not written.",
        lambda: server.database.write_problem,
    )
    gauges["security_events_dropped"] = (
        "Security events that were never written, as too many waited.",
        lambda: server.security.dropped,
    )
    flag(
        "notices_down",
        "1 while the Redis of the setting redis_url is not there.",
        lambda: server.notices.status == "down",
    )
    flag(
        "remote_down",
        "1 while the remote cannot be had, or what it has is refused.",
        lambda: server.remote.state.status in {"down", "refused"},
    )
    flag(
        "catalogue_failed",
        "1 while the last build of the catalogue failed.",
        lambda: server.build_state().status == "failed",
    )
    flag(
        "search_unavailable",
        "1 until there was a search index to answer from.",
        lambda: server.health()["search"] != "ready",
    )
    server.metrics.families += [lambda: _held(server), lambda: _refused(server)]


def _status(server: Server) -> object:
    return server.health()["status"]


def pools(server: Server) -> tuple[Pool, ...]:
    """All queues of a server."""
    operations = server.operations
    return (
        *server.pools.all(),
        operations.changes,
        operations.checks,
        operations.planner.questions,
        operations.planner.fetches,
        server.lookups.pinned.pool,
        *server.search_pools(),
    )


def _held(server: Server) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "opsteps_queue", "Requests under way or waiting in a queue.", labels=["queue"]
    )
    for pool in pools(server):
        family.add_metric([pool.name], pool.held)
    return family


def _refused(server: Server) -> CounterMetricFamily:
    family = CounterMetricFamily(
        "opsteps_queue_refused",
        "Requests that were answered with 503, as a queue was full.",
        labels=["queue"],
    )
    for pool in pools(server):
        family.add_metric([pool.name], pool.refused)
    return family
