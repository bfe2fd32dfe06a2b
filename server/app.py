"""Puts the server together: follower, hot path, FastAPI, catalogue, search and metrics."""

from __future__ import annotations

import threading
from dataclasses import asdict, replace
from pathlib import Path
from time import monotonic
from typing import Any, cast

import registry as registry_room
from registry.cache_place import cache_directory
from registry.keeping import ACCEPT
from registry.names import CommitId
from registry.snapshot import Registry
from server.access import Gate, web_address
from server.advice import without_paths
from server.building import Building, BuildState, build_command, search_directory, site_directory
from server.clock import now
from server.clone_watch import CloneWatch
from server.database.engine import database_url
from server.database.opening import open_database
from server.events import Events
from server.follower import Follower
from server.gauges import add_gauges
from server.hot import Application, HotApp
from server.idempotent import Idempotent
from server.lookups import Lookups
from server.mending import Trouble, next_steps, stray_tags
from server.metrics import Metrics
from server.notices_start import make_notices
from server.operations import Operations
from server.place_watch import PlaceWatch
from server.pools import Pool, Pools
from server.remote_following import RemoteFollowing
from server.security_log import SecurityLog
from server.settings import Settings
from server.site import Site
from server.state import ALARMS_KEPT, Served
from server.token_marker import TokenMarker
from server.token_start import read_at_start
from server.tokens import Tokens
from server.uploads import UploadMemory
from server.upstream_watch import UpstreamWatch

SERVICE = "opsconductor-steps"
_DIRTY_SHOWN = 20
_TRUSTING = (
    "clients in a trusted network change libraries without a token (the setting trusted_networks)"
)


class Server:
    """One server over one registry. ``start`` begins to load; ``app`` answers from the first."""

    def __init__(
        self,
        registry: Registry,
        settings: Settings,
        *,
        port: int | None = None,
        site: Path | None = None,
        builds: bool = True,
    ) -> None:
        """``site`` is a catalogue built elsewhere; without one, and with ``builds``, our own."""
        state = registry.state_directory
        registry.served_branch = settings.branch
        registry.remembers = True
        self.settings = settings
        self.metrics = Metrics()
        self.pools = Pools(settings)
        self.follower = Follower(registry, settings)
        self.database = open_database(database_url(settings.database_url, state))
        self.tokens = Tokens(self.database, settings.token_memory_seconds, TokenMarker(registry))
        read_at_start(self.tokens)
        self.security = SecurityLog(
            self.database, keep_days=settings.security_days, keep_hours=settings.idempotency_hours
        )
        listened = settings.port if port is None else port
        self.gate = Gate(settings, listened, self.tokens, self.security)
        followed = Registry.open(
            registry.path,
            instance=registry.instance,
            remote=registry.remote,
            limits=registry.limits,
            remote_seconds=registry.remote_seconds,
            check_clone=False,
        )
        followed.served_branch = settings.branch
        self.remote = RemoteFollowing(
            followed,
            poll_seconds=settings.remote_poll_seconds,
            tags_seconds=settings.remote_tags_seconds,
            moved=self.follower.wake,
            has_alarms=lambda: self._alarm_count() > 0,
        )
        self.clone = CloneWatch(registry.path)
        self.place = PlaceWatch(registry.repository, state)
        self.notices = make_notices(settings.redis_url, registry, self._heard)
        self.operations = Operations(
            registry,
            self.follower,
            settings,
            self.pools,
            self.place,
            changed=self.notices.tell,
        )
        self.uploads = UploadMemory(settings.uploads_bytes)
        self.lookups = Lookups(
            settings,
            lambda: self.follower.current,
            lambda: (
                self.follower.snapshot or self.follower.first_snapshot(settings.served_wait_seconds)
            ),
            self.pools.lists,
        )
        self.watching = UpstreamWatch(
            self.operations,
            self._has_upstreams,
            settings.upstream_check_seconds,
            looked=self._build_again,
        )
        self.follower.listeners.append(lambda _: self.watching.wake())
        self.events = Events(
            lambda: self.operations.registry,
            self.follower,
            self.health,
            settings,
            self.pools.events,
        )
        derived = cache_directory(registry)
        self.search_directory = search_directory(derived)
        self.building: Building | None = None
        if builds:
            address = web_address(settings.host, listened)
            command = build_command(registry.path, derived, settings.instance, address)
            self.building = Building(command, settings, self._built)
            self.follower.listeners.append(lambda served: self._want(served.commit))
        self._searching: Any = None
        self._registry = registry
        self._started = monotonic()
        self._inner: Application | None = None
        self._inner_lock = threading.Lock()
        own = site_directory(derived) if builds else None
        self.site = Site(
            site or own,
            self.pools.pages,
            file_bytes=settings.site_file_bytes,
            is_built_here=site is None,
        )
        self.app = HotApp(
            settings,
            self.gate,
            self.lookups,
            self.metrics,
            self.site,
            idempotent=Idempotent(self.database, settings, self.pools.rows, is_here=self._is_here),
            health=self.health,
            inner=self.inner,
        )
        self.metrics.gauges["libraries"] = ("Libraries served, besides core.", self._library_count)
        self.metrics.gauges["steps"] = ("Steps of these libraries.", self._step_count)
        self.metrics.gauges["states"] = (
            "Served states in memory: the current one, and those still in use.",
            lambda: self.follower.states_kept,
        )
        self.metrics.gauges["oldest_change_seconds"] = (
            "How long the oldest change that is being made takes already.",
            lambda: self.operations.health.oldest_seconds,
        )
        self.metrics.gauges["write_failing"] = (
            "1 after the file system refused a change, or it was ended, until one succeeds.",
            lambda: self.operations.health.is_failing,
        )
        self.metrics.gauges["alarms"] = ("Alarms.", self._alarm_count)
        add_gauges(self)

    def start(self) -> None:
        """Load the registry and follow it, in threads of their own."""
        self.follower.start()
        # What a server before this one could not do, as on a full disk.
        self.operations.let_follow()
        self.place.start()
        self.tokens.start()
        self.security.start()
        self.remote.start()
        self.notices.start()
        self.watching.start()
        if self.building is not None:
            self.building.start()

    def stop(self, seconds: float) -> None:
        """End all threads and processes; changes may take so many seconds more."""
        if self.building is not None:
            self.building.stop()
        self.place.stop()
        self.watching.stop()
        self.notices.stop()
        self.operations.close(seconds)
        self.remote.stop()
        self.follower.stop()
        self.lookups.pinned.close()
        self.pools.close()
        if self._searching is not None:
            self._searching.close()
        self._registry.close()
        self.clone.close()
        self.tokens.stop()
        self.security.stop()
        self.database.close()

    @property
    def registry(self) -> Registry:
        """The handle that lookups are read with."""
        return self._registry

    @property
    def searching(self) -> Any:
        """Search; loaded when it is first used, as its library is slow to import."""
        with self._inner_lock:
            if self._searching is None:
                from server.searching import Searching

                self._searching = Searching(
                    self.search_directory, self.settings, self._build_problem
                )
            return self._searching

    def inner(self) -> Application:
        """FastAPI's application, made when it is first needed."""
        if self._inner is None:
            from server.api import make_api

            self._inner = cast("Application", make_api(self))
        return self._inner

    def _is_here(self, commit: str) -> bool:
        """Whether a commit is served, or comes from another server within the usual wait."""
        snapshot = self.follower.snapshot
        if snapshot is not None and snapshot.has_ancestor(CommitId(commit)):
            return True
        self.remote.wake()
        return self.follower.until_serves(CommitId(commit), self.settings.served_wait_seconds)

    def _build_again(self) -> None:
        """Upstreams offer something else than before: the catalogue shows it."""
        if self.building is not None:
            self.building.again()

    def _heard(self) -> None:
        """Another server says that something has changed."""
        self.remote.wake()
        self.follower.wake()

    def _has_upstreams(self) -> bool:
        snapshot = self.follower.snapshot
        return snapshot is not None and bool(snapshot.facts.upstreams)

    def _want(self, commit: str) -> None:
        # A head that was moved by hand is not built either: the catalogue stays what it was.
        if self.building is not None and not self.follower.heads.problem:
            self.building.want(commit)

    def _built(self) -> None:
        self.searching.refresh()

    def _library_count(self) -> int:
        served = self.follower.current
        return served.library_count if served else 0

    def _step_count(self) -> int:
        served = self.follower.current
        return served.step_count if served else 0

    def _rows_status(self) -> str:
        """What ``/health`` calls the state of the database."""
        if self.tokens.are_gone:
            return "gone"
        if not self.tokens.is_fresh:
            return "down"
        return "unwritable" if self.database.write_problem else "ready"

    def _alarm_count(self) -> int:
        served = self.follower.current
        return (served.alarm_count if served else 0) + len(self._found())

    def _found(self) -> tuple[str, ...]:
        """Alarms that are about no library as it is now."""
        memory = self._registry.memory.problem
        damaged = (f"{memory}: '{ACCEPT}' writes it again",) if memory else ()
        return (*self.follower.judging.alarms, *self.remote.tags.alarms, *damaged)

    def _alarms(self) -> tuple[str, ...]:
        """What must not be, and what was found in the history since it was sound."""
        served = self.follower.current
        return (*(served.alarms if served else ()), *self._found()[:ALARMS_KEPT])

    def health(self) -> dict[str, object]:
        """What ``/health`` answers."""
        served = self.follower.current
        dirty = self.follower.upkeep.dirty
        problem = self._public(self.follower.problem)
        build = self.build_state()
        alarms = tuple(map(self._public, self._alarms()))
        clone = self.clone.fields()
        writing = self.operations.health
        unwritten = self.database.write_problem
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
            "timestamp": now(),
            "version": registry_room.__version__,
            "instance": self.settings.instance,
            "commit": served.commit if served else None,
            "committed_at": served.committed_at if served else None,
            "libraries": self._library_count(),
            "steps": self._step_count(),
            "dirty": bool(dirty),
            "dirty_paths": list(dirty[:_DIRTY_SHOWN]),
            "alarms": [*alarms, *_more_alarms(served)],
            "alarm_count": self._alarm_count(),
            "problem": problem,
            "next_steps": next_steps(troubled),
            # Which networks these are is nobody's business: this is answered to everybody.
            "warnings": self._warnings(),
            "search": self._searching.state if self._searching else "unavailable",
            "catalogue": asdict(build),
            "remote": {
                name: self._public(value) if isinstance(value, str) else value
                for name, value in asdict(self.remote.state).items()
            },
            "clone": clone,
            "writing": writing.fields(),
            "notices": self.notices.status,
            "database": {
                "status": rows,
                "problem": self._public(self.tokens.problem or unwritten),
                "security_events_dropped": self.security.dropped,
            },
        }

    def _warnings(self) -> list[str]:
        snapshot = self.follower.snapshot
        found = [_TRUSTING] if self.gate.trusted else []
        if snapshot is None:
            return found
        if key := self.operations.key_warning(snapshot.facts.policy.instance_keys):
            found.append(key)
        return [*found, stray_tags(snapshot.stray_tags)] if snapshot.stray_tags else found

    def _public(self, text: str) -> str:
        """Without the server's paths: ``/health`` is answered to everybody."""
        repository = self._registry.repository
        known = (str(self._registry.path), str(repository.git_dir), str(repository.common_dir))
        return without_paths(text, *known)

    def build_state(self) -> BuildState:
        """What became of the catalogue, in words for everybody."""
        build = self.building.state if self.building else self._given_site()
        return replace(build, error=self._public(build.error))

    def search_pools(self) -> tuple[Pool, ...]:
        """The queue of searches, once there is one."""
        return (self._searching.pool,) if self._searching is not None else ()

    def _build_problem(self) -> str:
        """Why the catalogue and its index are not built; empty while they may be."""
        return self._public(self.building.state.error) if self.building else ""

    def _given_site(self) -> BuildState:
        """The state of a catalogue that others build."""
        error = self.site.problem()
        return BuildState(status="failed" if error else "off", error=error)

    def performance(self) -> dict[str, object]:
        """Figures of this process since its start."""
        return {
            "uptime_seconds": round(monotonic() - self._started, 3),
            "requests": self.metrics.requests,
            "routes": self.metrics.figures(),
            "last_change_visible_ms": round(self.follower.swap_seconds * 1000, 3),
        }

    def caches(self) -> dict[str, int]:
        """What was made on demand and is kept."""
        return {
            "pinned_releases": len(self.lookups.pinned),
            "filtered_lists": self.lookups.filtered_lists,
        }


def _more_alarms(served: Served | None) -> list[str]:
    """That there are more alarms than are shown."""
    more = served.alarm_count - len(served.alarms) if served else 0
    return [f"and {more:,} more: 'opsteps verify' names them all"] if more else []
