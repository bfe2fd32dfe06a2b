"""A metric for each state that ``/health`` tells of, and for each queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from server.health.health_report import HealthReport
from server.observing.metrics import Metrics
from server.thread_pools import Pool


def add_gauges(metrics: Metrics, health: HealthReport, queues: Sequence[Pool]) -> None:
    """Let ``/metrics`` tell what ``/health`` tells, and how full the queues are."""
    _add_figures(metrics, health)
    _add_flags(metrics, health)
    metrics.families += [lambda: _held(queues), lambda: _refused(queues)]


def _add_figures(metrics: Metrics, health: HealthReport) -> None:
    """Add everything that is counted or measured."""
    writing = health.changes.health
    metrics.gauges |= {
        "libraries": ("Libraries served, besides core.", health.library_count),
        "steps": ("Steps of these libraries.", health.step_count),
        "states": (
            "Served states in memory: the current one, and those still in use.",
            lambda: health.follower.states_kept,
        ),
        "oldest_change_seconds": (
            "How long the oldest change that is being made takes already.",
            lambda: writing.oldest_seconds,
        ),
        "read_model_behind_seconds": (
            "How long a newer commit has been waiting for lookups to have it.",
            lambda: health.follower.behind_seconds,
        ),
        "read_model_bytes": ("Size of the file.", lambda: health.model.size),
        "alarms": ("Alarms.", health.alarm_count),
        "registry_free_bytes": (
            "Room on the registry's file system.",
            lambda: health.place.free_bytes,
        ),
        "last_write_error_timestamp_seconds": (
            "When the last change could not be written, seconds since 1970; 0: the last one could.",
            lambda: writing.failed_seconds,
        ),
        "security_events_dropped": (
            "Security events that were never written, as too many waited.",
            lambda: health.security.dropped,
        ),
    }


def _add_flags(metrics: Metrics, health: HealthReport) -> None:
    """Add everything that holds or does not."""
    follower, tokens = health.follower, health.tokens

    def flag(name: str, text: str, holds: Callable[[], object]) -> None:
        metrics.gauges[name] = (text, lambda: float(bool(holds())))

    flag("degraded", "1 while /health says degraded.", lambda: _status(health) == "degraded")
    flag("loading", "1 until the registry was loaded.", lambda: _status(health) == "loading")
    flag(
        "write_failing",
        "1 after the file system refused a change, or it was ended, until one succeeds.",
        lambda: health.changes.health.is_failing,
    )
    flag(
        "head_not_served",
        "1 while the newest commit is not the one that is served.",
        lambda: follower.problem,
    )
    flag("dirty", "1 while the working tree has edits.", lambda: follower.upkeep.dirty)
    flag(
        "clone_incomplete",
        "1 while the clone lacks history, tags or contents.",
        lambda: not health.clone.state.is_complete,
    )
    flag(
        "registry_unwritable",
        "1 while the registry's disk is gone, full, read-only, not ours, or hangs.",
        lambda: health.place.problem,
    )
    flag(
        "database_down",
        "1 while rows cannot be had.",
        lambda: not tokens.is_fresh or tokens.are_gone,
    )
    flag(
        "database_unwritable",
        "1 while rows can be read and not written.",
        lambda: health.database.write_problem,
    )
    flag(
        "notices_down",
        "1 while the Redis of the setting redis_url is not there.",
        lambda: health.notices.status == "down",
    )
    flag(
        "remote_down",
        "1 while the remote cannot be had, or what it has is refused.",
        lambda: health.remote.state.status in {"down", "refused"},
    )
    flag(
        "catalogue_failed",
        "1 while the last build of the catalogue failed.",
        lambda: health.build_state().status == "failed",
    )
    flag(
        "search_unavailable",
        "1 until there was a search index to answer from.",
        lambda: health.search.state != "ready",
    )


def _status(health: HealthReport) -> object:
    return health.fields()["status"]


def _held(queues: Sequence[Pool]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "opsteps_queue", "Requests under way or waiting in a queue.", labels=["queue"]
    )
    for pool in queues:
        family.add_metric([pool.name], pool.held)
    return family


def _refused(queues: Sequence[Pool]) -> CounterMetricFamily:
    family = CounterMetricFamily(
        "opsteps_queue_refused",
        "Requests that were answered with 503, as a queue was full.",
        labels=["queue"],
    )
    for pool in queues:
        family.add_metric([pool.name], pool.refused)
    return family
