"""Report the server's health to ``/health``, ``/api/v1/performance`` and the metrics."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from time import monotonic

import registry as registry_room
from registry.formats.timestamps import time_now
from registry.served.held_releases import ACCEPT
from registry.snapshots.registry import Registry
from server.access.gate import Gate
from server.access.security_log import SecurityLog
from server.access.token_cache import Tokens
from server.advice import without_paths
from server.changes.change_queue import Operations
from server.changes.place_watch import PlaceWatch
from server.database.engine import Database
from server.following.clone_watch import CloneWatch
from server.following.follower import Follower
from server.following.notices import NoticeTeller
from server.following.remote import RemoteFollowing
from server.front.lookups import Lookups
from server.health.remedies import Trouble, next_steps, stray_tags
from server.observing.metrics import Metrics
from server.readmodel.served import ALARMS_KEPT, Served
from server.readmodel.writer import ReadModel
from server.search import Searching
from server.settings import Settings
from server.site.background_build import Building, BuildState
from server.site.static_files import Site

SERVICE = "opsconductor-steps"
_DIRTY_SHOWN = 20
_TRUSTING = (
    "clients in a trusted network change libraries without a token (the setting trusted_networks)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthReport:
    """Asks each part of a server how it is; keeps nothing itself."""

    settings: Settings
    registry: Registry
    metrics: Metrics
    follower: Follower
    model: ReadModel
    lookups: Lookups
    changes: Operations
    place: PlaceWatch
    remote: RemoteFollowing
    clone: CloneWatch
    notices: NoticeTeller
    gate: Gate
    tokens: Tokens
    security: SecurityLog
    database: Database
    search: Searching
    site: Site
    building: Building | None
    started: float = field(default_factory=monotonic)

    def fields(self) -> dict[str, object]:
        """Return the answer of ``/health``."""
        served = self.follower.current
        dirty = self.follower.upkeep.dirty
        problem = self._public(self.follower.problem)
        build = self.build_state()
        alarms = tuple(map(self._public, self._alarms()))
        clone = self.clone.fields()
        writing = self.changes.health
        rows = self._rows_status()
        troubled = {
            Trouble.PROBLEM: problem,
            Trouble.ALARMS: alarms,
            Trouble.DIRTY_PATHS: dirty,
            Trouble.CATALOGUE: build.status == "failed",
            Trouble.DATABASE: rows != "ready",
            Trouble.CLONE: not clone["complete"],
            Trouble.REMOTE: self.remote.state.status in {"down", "refused"},
            Trouble.WRITING: writing.problem,
        }
        return {
            "status": "loading"
            if served is None
            else "degraded"
            if any(troubled.values())
            else "healthy",
            "service": SERVICE,
            "timestamp": time_now("milliseconds"),
            "version": registry_room.__version__,
            "instance": self.settings.instance,
            "commit": served.commit if served else None,
            "committed_at": served.committed_at if served else None,
            "libraries": self.library_count(),
            "steps": self.step_count(),
            "dirty": bool(dirty),
            "dirty_paths": list(dirty[:_DIRTY_SHOWN]),
            "alarms": [*alarms, *_more_alarms(served)],
            "alarm_count": self.alarm_count(),
            "problem": problem,
            "next_steps": next_steps(troubled),
            # Which networks these are is nobody's business: this is answered to everybody.
            "warnings": self._warnings(),
            "search": self.search.state,
            "catalogue": asdict(build),
            "remote": self._remote(),
            "clone": clone,
            "writing": writing.fields(),
            "read_model": self.follower.read_model(),
            "notices": self.notices.status,
            "database": {
                "status": rows,
                "problem": self._public(self.tokens.problem or self.database.write_problem),
                "security_events_dropped": self.security.dropped,
            },
        }

    def performance(self) -> dict[str, object]:
        """Figures of this process since its start."""
        return {
            "uptime_seconds": round(monotonic() - self.started, 3),
            "requests": self.metrics.requests,
            "routes": self.metrics.figures(),
            "last_change_visible_ms": round(self.follower.swap_seconds * 1000, 3),
        }

    def caches(self) -> dict[str, int]:
        """Count what was made on demand and is kept."""
        return {
            "pinned_releases": len(self.lookups.pinned),
            "filtered_lists": self.lookups.filtered_lists,
        }

    def library_count(self) -> int:
        """Libraries served, besides core."""
        served = self.follower.current
        return served.library_count if served else 0

    def step_count(self) -> int:
        """Steps of these libraries."""
        served = self.follower.current
        return served.step_count if served else 0

    def alarm_count(self) -> int:
        """Alarms, also those that are not shown."""
        served = self.follower.current
        return (served.alarm_count if served else 0) + len(self._found())

    def build_state(self) -> BuildState:
        """Return the state of the catalogue, in words for everybody."""
        build = self.building.state if self.building else self._given_site()
        return replace(build, error=self._public(build.error))

    def build_problem(self) -> str:
        """Say why the catalogue and its index are not built; empty while they may be."""
        return self._public(self.building.state.error) if self.building else ""

    def _given_site(self) -> BuildState:
        """The state of a catalogue that others build."""
        error = self.site.problem()
        return BuildState(status="failed" if error else "off", error=error)

    def _rows_status(self) -> str:
        """Return the word for the state of the database."""
        if self.tokens.are_gone:
            return "gone"
        if not self.tokens.is_fresh:
            return "down"
        return "unwritable" if self.database.write_problem else "ready"

    def _remote(self) -> dict[str, object]:
        return {
            name: self._public(value) if isinstance(value, str) else value
            for name, value in asdict(self.remote.state).items()
        }

    def _found(self) -> tuple[str, ...]:
        """Alarms that are about no library as it is now."""
        memory = self.registry.memory.problem
        damaged = (f"{memory}: '{ACCEPT}' writes it again",) if memory else ()
        return (*self.follower.judging.alarms, *self.remote.tags.alarms, *damaged)

    def _alarms(self) -> tuple[str, ...]:
        """Return what must not be, and what was found in the history since it was sound."""
        served = self.follower.current
        return (*(served.alarms if served else ()), *self._found()[:ALARMS_KEPT])

    def _warnings(self) -> list[str]:
        snapshot = self.follower.snapshot
        found = [_TRUSTING] if self.gate.trusted else []
        if snapshot is None:
            return found
        if key := self.changes.key_warning(snapshot.facts.policy.instance_keys):
            found.append(key)
        return [*found, stray_tags(snapshot.stray_tags)] if snapshot.stray_tags else found

    def _public(self, text: str) -> str:
        """Without the server's paths: ``/health`` is answered to everybody."""
        repository = self.registry.repository
        known = (str(self.registry.path), str(repository.git_dir), str(repository.common_dir))
        return without_paths(text, *known)


def _more_alarms(served: Served | None) -> list[str]:
    """Return a line for the alarms that are not shown."""
    more = served.alarm_count - len(served.alarms) if served else 0
    return [f"and {more:,} more: 'opsteps verify' names them all"] if more else []
