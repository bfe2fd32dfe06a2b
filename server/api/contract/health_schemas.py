"""Answers about the server itself: its health and its figures."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from server.api.contract.wire_model import Wire


class BuildHealth(Wire):
    """The background build of catalogue and search index."""

    status: Literal["off", "waiting", "building", "ready", "failed"]
    commit: str
    built_at: str | None
    error: str


class DatabaseHealth(Wire):
    """The place of the rows. While it is down or they are gone, lookups go on, changes are 503."""

    status: Literal["ready", "unwritable", "down", "gone"] = Field(
        description="`gone`: there were tokens once, and the rows have none."
    )
    problem: str = Field(description="Why, and what to do about it; else empty.")
    security_events_dropped: int


class RemoteHealth(Wire):
    """The Git remote that this server follows. While it is down, changes are refused."""

    status: Literal["off", "waiting", "ready", "down", "refused"]
    problem: str = Field(description="Why it is not followed; else empty.")
    next_step: str = Field(description="What to do about it; else empty.")
    fetched_at: str | None = Field(description="RFC 3339, UTC.")


class CloneHealth(Wire):
    """The state of the clone: complete when it has the older commits and tags that answers need."""

    complete: bool
    problem: str = Field(description="What it lacks; else empty.")
    next_step: str = Field(description="The command that brings it; else empty.")


class WireWriteHealth(Wire, title="WriteHealth"):
    """The state of writing: ready when changes can be made."""

    status: Literal["ready", "slow", "failing"]
    problem: str = Field(description="Why somebody should look; else empty.")
    failed_at: str | None = Field(
        description="When this machine refused a change last; null once one succeeded after it."
    )
    oldest_seconds: float = Field(description="How long the oldest one takes already.")


class ReadModelHealth(Wire):
    """The state of the file that lookups are answered from."""

    status: Literal["current", "behind", "loading", "unattended"] = Field(
        description="`unattended`: the process that follows the registry does not answer."
    )
    behind_seconds: float = Field(description="How long a newer commit has been waiting.")
    bytes: int = Field(description="How large its file is.")


class Health(Wire):
    """The health of the server. ``degraded``: it serves, and somebody should look."""

    status: Literal["healthy", "degraded", "loading"]
    service: Literal["opsconductor-steps"]
    timestamp: str
    version: str
    instance: str
    commit: str | None = Field(description="The commit that is served.")
    committed_at: str | None
    libraries: int = Field(description="Libraries served, besides `core`.")
    steps: int = Field(description="Steps of these libraries.")
    dirty: bool = Field(description="The working tree has edits; they are not served.")
    dirty_paths: list[str]
    alarms: list[str] = Field(description="The first hundred; the last line says of more.")
    alarm_count: int
    problem: str = Field(description="Why the newest commit is not served; else empty.")
    next_steps: list[str] = Field(description="What to do about each reason to be degraded.")
    warnings: list[str] = Field(description="What is set in a way that an operator should know.")
    search: Literal["ready", "unavailable"]
    catalogue: BuildHealth
    database: DatabaseHealth
    remote: RemoteHealth
    clone: CloneHealth
    writing: WireWriteHealth
    read_model: ReadModelHealth
    notices: Literal["off", "ready", "down"] = Field(
        description="Whether servers tell each other of changes, through Redis."
    )


class RouteFigures(Wire):
    """The measurements of one route since the start."""

    requests: int
    errors: int
    mean_ms: float | None
    p50_ms_at_most: float | None
    p99_ms_at_most: float | None


class PerformanceStats(Wire):
    """Figures of this process since its start."""

    uptime_seconds: float
    requests: int
    routes: dict[str, RouteFigures]
    last_change_visible_ms: float


class CacheStats(Wire):
    """The sizes of what was made on demand and is kept."""

    pinned_releases: int
    filtered_lists: int


class Performance(Wire):
    """``GET /api/v1/performance``."""

    stats: PerformanceStats
    cache_size: int
    loaded_libraries: int
    timestamp: str


class Usage(Wire):
    """``GET /api/v1/analytics/usage``."""

    status: Literal["success"]
    total_libraries: int
    enabled_libraries: int
    total_steps: int
    performance_stats: PerformanceStats
    cache_stats: CacheStats
    timestamp: str


class CacheCleared(Wire):
    """``POST /api/v1/cache/clear``."""

    status: Literal["success"]
    message: str
    commit: str
    timestamp: str
