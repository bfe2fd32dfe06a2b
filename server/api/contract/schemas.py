"""The wire as OpenAPI documents it; tests hold it against the bytes that are really sent."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from registry.library.release_state import LibraryStatus


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ErrorBody(_Wire):
    """An error, in a sentence that a person can act on."""

    detail: str = Field(examples=["there is no library 'x'; see GET /api/v1/libraries"])
    problems: list[str] = Field(default=[], description="Each single problem, where there are any.")


class SearchHit(_Wire):
    """One library or step that was found."""

    kind: Literal["library", "step"]
    id: str
    name: str
    title: str
    summary: str
    library: str
    category: str
    platforms: list[str]
    premium: bool
    version: str
    score: float


class SearchAnswer(_Wire):
    """The best hits first."""

    hits: list[SearchHit]
    total: int
    facets: dict[str, dict[str, int]]
    did_you_mean: str | None
    took_ms: float
    next_cursor: str | None


class BuildHealth(_Wire):
    """The background build of catalogue and search index."""

    status: Literal["off", "waiting", "building", "ready", "failed"]
    commit: str
    built_at: str | None
    error: str


class DatabaseHealth(_Wire):
    """The place of the rows. While it is down or they are gone, lookups go on, changes are 503."""

    status: Literal["ready", "unwritable", "down", "gone"] = Field(
        description="`gone`: there were tokens once, and the rows have none."
    )
    problem: str = Field(description="Why, and what to do about it; else empty.")
    security_events_dropped: int


class RemoteHealth(_Wire):
    """The Git remote that this server follows. While it is down, changes are refused."""

    status: Literal["off", "waiting", "ready", "down", "refused"]
    problem: str = Field(description="Why it is not followed; else empty.")
    next_step: str = Field(description="What to do about it; else empty.")
    fetched_at: str | None = Field(description="RFC 3339, UTC.")


class CloneHealth(_Wire):
    """The state of the clone: complete when it has the older commits and tags that answers need."""

    complete: bool
    problem: str = Field(description="What it lacks; else empty.")
    next_step: str = Field(description="The command that brings it; else empty.")


class WriteHealth(_Wire):
    """The state of writing: ready when changes can be made."""

    status: Literal["ready", "slow", "failing"]
    problem: str = Field(description="Why somebody should look; else empty.")
    failed_at: str | None = Field(
        description="When this machine refused a change last; null once one succeeded after it."
    )
    oldest_seconds: float = Field(description="How long the oldest one takes already.")


class ReadModelHealth(_Wire):
    """The state of the file that lookups are answered from."""

    status: Literal["current", "behind", "loading", "unattended"] = Field(
        description="`unattended`: the process that follows the registry does not answer."
    )
    behind_seconds: float = Field(description="How long a newer commit has been waiting.")
    bytes: int = Field(description="How large its file is.")


class Health(_Wire):
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
    writing: WriteHealth
    read_model: ReadModelHealth
    notices: Literal["off", "ready", "down"] = Field(
        description="Whether servers tell each other of changes, through Redis."
    )


class RouteFigures(_Wire):
    """The measurements of one route since the start."""

    requests: int
    errors: int
    mean_ms: float | None
    p50_ms_at_most: float | None
    p99_ms_at_most: float | None


class PerformanceStats(_Wire):
    """Figures of this process since its start."""

    uptime_seconds: float
    requests: int
    routes: dict[str, RouteFigures]
    last_change_visible_ms: float


class CacheStats(_Wire):
    """The sizes of what was made on demand and is kept."""

    pinned_releases: int
    filtered_lists: int


class Performance(_Wire):
    """``GET /api/v1/performance``."""

    stats: PerformanceStats
    cache_size: int
    loaded_libraries: int
    timestamp: str


class Usage(_Wire):
    """``GET /api/v1/analytics/usage``."""

    status: Literal["success"]
    total_libraries: int
    enabled_libraries: int
    total_steps: int
    performance_stats: PerformanceStats
    cache_stats: CacheStats
    timestamp: str


class CacheCleared(_Wire):
    """``POST /api/v1/cache/clear``."""

    status: Literal["success"]
    message: str
    commit: str
    timestamp: str


class Installed(_Wire):
    """``POST /api/v1/libraries/install``: the release that was installed, or was there already."""

    library_id: int
    name: str
    version: str
    display_name: str
    step_count: int
    steps_count: int = Field(description="As `step_count`, for OpsConductor's own installer.")
    status: LibraryStatus
    active_version: str | None = Field(description="What callers without a version get.")
    changed: bool = Field(description="False when it was there already.")
    commit: str
    digest: str = Field(description="SHA-256 of the release, hex.")
    warnings: list[str]
    upstream: str | None = Field(description="Where it came from; null for an upload.")
    also: list[str] = Field(description="Libraries that came or changed along with it.")


class InstallRequest(_Wire):
    """A library of an upstream. At most one of ``version`` and ``range``."""

    library: str = Field(examples=["file-operations-basic"])
    version: str | None = Field(default=None, examples=["1.2.0"])
    range: str | None = Field(default=None, examples=[">=1.2,<2"])
    upstream: str | None = Field(
        default=None, description="Must be the one that owns the name; for certainty only."
    )
    license_key: str | None = Field(
        default=None, repr=False, description="For a premium library, also one that it needs."
    )


class UpdateRequest(_Wire):
    """The aim of an update; without either, the last version that fits."""

    version: str | None = Field(default=None, examples=["1.2.0"])
    range: str | None = Field(default=None, examples=["<2"])
    license_key: str | None = Field(
        default=None, repr=False, description="For a version that is premium."
    )


class Updated(_Wire):
    """``POST /api/v1/libraries/{library}/update``."""

    library_id: int
    name: str
    version: str | None = Field(description="What callers without a version get now.")
    was: str | None = Field(description="What they got before.")
    status: LibraryStatus
    changed: bool
    reason: str | None = Field(description="Why nothing changed; null where something did.")
    commit: str
    also: list[str] = Field(description="Libraries that changed along with it.")


class ResolveRequest(_Wire):
    """Requirements that shall hold together."""

    requirements: list[str] = Field(
        min_length=1, max_length=100, examples=[["file-operations-basic>=1.2"]]
    )
    update: bool = Field(
        default=False, description="Take the last versions of these, not those that are there."
    )


class FetchedUpstream(_Wire):
    """The age of an answer that follows from what was fetched of an upstream."""

    alias: str
    fetched_at: str | None = Field(description="RFC 3339, UTC; null: never.")
    problem: str = Field(description="Why the last fetch failed; else empty.")


class ResolvedLibrary(_Wire):
    """One library of a resolution."""

    name: str
    version: str
    was: str | None = Field(description="The version that callers get now; null for none.")
    upstream: str | None = Field(description="Where it comes from; null for this registry itself.")
    digest: str
    is_installed: bool = Field(description="The release is here already.")


class Resolution(_Wire):
    """The releases that would be active if the requirements were installed; nothing was."""

    libraries: list[ResolvedLibrary]
    upstreams: list[FetchedUpstream]


class UpstreamState(_Wire):
    """Another registry that libraries are installed from."""

    alias: str
    url: str
    prefixes: list[str]
    trusted: str | None
    head: str | None
    fetched_at: str | None = Field(description="RFC 3339, UTC.")
    problem: str = Field(description="Why the last fetch failed; else empty.")


class UpstreamList(_Wire):
    """All upstreams, in the order in which they are asked."""

    upstreams: list[UpstreamState]


class AvailableLibrary(_Wire):
    """A library of an upstream beside what is installed."""

    name: str
    upstream: str
    version: str
    installed: str | None
    status: Literal["available", "update available", "installed", "incompatible", "elsewhere"]
    why: str
    display_name: str
    description: str


class Available(_Wire):
    """A page of what upstreams offer."""

    libraries: list[AvailableLibrary]
    total: int
    next_cursor: str | None
    upstreams: list[FetchedUpstream]


class Toggled(_Wire):
    """``PUT /api/v1/libraries/{library}/toggle``."""

    library_id: int
    enabled: bool
    status: LibraryStatus
    name: str
    changed: bool
    commit: str
    also: list[str] = Field(description="Libraries that were turned on or off along with it.")


class Uninstalled(_Wire):
    """``DELETE /api/v1/libraries/{library}``."""

    library_id: int
    name: str
    version: str = Field(description="The version that was active; or those that were named.")
    status: Literal["uninstalled"]
    removed: list[str] = Field(description="The versions that were named; none: all of it went.")
    active: str | None = Field(description="What callers without a version get now; null: nothing.")
    commit: str
    also: list[str] = Field(description="Libraries that were uninstalled along with it.")


class PinRequest(_Wire):
    """The version that callers without a version shall get."""

    version: str | None = Field(description="null: the greatest stable one again.")


class RollbackRequest(_Wire):
    """The version to go back to."""

    version: str


class Pinned(_Wire):
    """The version that callers without a version get now."""

    library_id: int
    name: str
    version: str | None
    pinned: str | None
    changed: bool
    commit: str


class Versions(_Wire):
    """Every version of a library that is known, from the greatest down."""

    library: str
    active: str | None
    pinned: str | None
    upstream: str | None = Field(description="Where it came from; null for this registry itself.")
    update: str | None = Field(description="A later version there that runs here.")
    update_problem: str = Field(description="Why that is not known, or not possible; else empty.")
    versions: list[dict[str, Any]]


class Dependent(_Wire):
    """A library whose active release needs another one."""

    name: str
    version: str
    requirement: str
    is_enabled: bool


class Dependents(_Wire):
    """The libraries that need a library."""

    library: str
    dependents: list[Dependent]


class Documents(_Wire):
    """The Markdown of a release."""

    library: str
    version: str
    readme: str
    changelog: str


class AuditEntry(_Wire):
    """One commit of the registry's history."""

    commit: str
    time: str = Field(description="RFC 3339, UTC.")
    operation: str = Field(description="`commit` for one that a person made with Git.")
    actor: str
    attested: bool = Field(description="Proven by a key of the instance or of CI.")
    request_id: str
    libraries: list[str]
    versions: dict[str, list[str]]
    summary: str
    reason: str


class Audit(_Wire):
    """A page of the history."""

    entries: list[AuditEntry]
    next_cursor: str | None


class SecurityEvent(_Wire):
    """Something that was refused."""

    id: int
    time: str = Field(description="RFC 3339, UTC.")
    kind: Literal["failed-login", "denied", "limited", "license-refused"]
    actor: str = Field(description="Whose token it was; empty where there was none.")
    client: str = Field(description="The address that it came from.")
    request_id: str
    detail: str


class SecurityEvents(_Wire):
    """A page of what was refused."""

    events: list[SecurityEvent]
    next_cursor: str | None


class Comparison(BaseModel):
    """The changes for callers between two releases, and the least version that they demand."""

    model_config = ConfigDict(extra="allow")

    library: str
