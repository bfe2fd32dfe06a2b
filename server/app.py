"""Puts the server together: follower, hot path, FastAPI, catalogue, search and metrics."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import lmdb
import structlog

from registry.names import CommitId
from registry.snapshots.cache_place import cache_directory
from registry.snapshots.registry import Registry
from server.access.gate import Gate
from server.access.security_log import SecurityLog
from server.access.token_cache import Tokens
from server.access.token_marker import TokenMarker
from server.access.token_start import read_at_start
from server.asgi.addresses import web_address
from server.asgi.upload_form import UploadMemory
from server.changes.change_queue import Operations
from server.changes.place_watch import PlaceWatch
from server.changes.upstream_watch import UpstreamWatch
from server.database.engine import database_url
from server.database.opening import open_database
from server.following.clone_watch import CloneWatch
from server.following.events import Events
from server.following.follower import Follower
from server.following.notices import make_notices
from server.following.remote import RemoteFollowing
from server.front.front import Application, HotApp
from server.front.idempotency import Idempotent
from server.front.lookups import Lookups
from server.health.gauges import add_gauges
from server.health.health_report import HealthReport
from server.observing.metrics import Metrics
from server.parts import Parts
from server.readmodel.model_layout import StoredToken
from server.readmodel.writer import ReadModel
from server.search import Searching
from server.settings import Settings
from server.site.background_build import Building, build_command, search_directory, site_directory
from server.site.static_files import Site
from server.thread_pools import Pool, Pools

_LOG = structlog.get_logger(__name__)


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
        model: ReadModel,
    ) -> None:
        """``site`` is a catalogue built elsewhere; without one, and with ``builds``, our own.

        ``model`` is what lookup workers answer from.
        """
        state = registry.state_directory
        registry.served_branch = settings.branch
        registry.remembers = True
        self.settings = settings
        self._registry = registry
        self.metrics = Metrics()
        self.pools = Pools(settings)
        self.model = model
        self.follower = Follower(registry, settings, model)
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
            has_alarms=lambda: self.health.alarm_count() > 0,
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
        self.follower.upkeep.cannot_follow = lambda: self.operations.cannot_follow
        self.uploads = UploadMemory(settings.uploads_bytes)
        self.lookups = Lookups(
            settings,
            lambda: self.follower.current,
            lambda: (
                self.follower.snapshot or self.follower.first_snapshot(settings.served_wait_seconds)
            ),
            self.pools.lists,
            model,
        )
        self.watching = UpstreamWatch(
            self.operations,
            self._has_upstreams,
            settings.upstream_check_seconds,
            looked=self._build_again,
        )
        self.follower.listeners.append(lambda _: self.watching.wake())
        derived = cache_directory(registry)
        self.search = Searching(search_directory(derived), settings, self._build_problem)
        self.building: Building | None = None
        if builds:
            command = build_command(
                registry.path,
                derived,
                settings.instance,
                public=settings.public_url,
                listening=web_address(settings.host, listened),
            )
            self.building = Building(
                command, settings, self.search.refresh, is_there=self._has_site
            )
            self.follower.listeners.append(lambda served: self._want(served.commit))
        own = site_directory(derived) if builds else None
        self.site = Site(
            site or own,
            self.pools.pages,
            file_bytes=settings.site_file_bytes,
            is_built_here=site is None,
        )
        self.health = self._health_report()
        add_gauges(self.metrics, self.health, self._queues())
        self.events = Events(
            lambda: self.operations.registry,
            self.follower,
            self.health.fields,
            settings,
            self.pools.events,
        )
        self._inner: Application | None = None
        self._making_inner = threading.Lock()
        self.app = HotApp(
            settings,
            self.gate,
            self.lookups,
            self.metrics,
            self.site,
            idempotent=Idempotent(self.database, settings, self.pools.rows, is_here=self._is_here),
            health=self.health.fields,
            inner=self._loaded_inner,
        )

    def start(self) -> None:
        """Load the registry and follow it, in threads of their own."""
        if self.settings.require_read_token:
            self.tokens.follow_with(self._tell_tokens)
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
        self.search.close()
        self._registry.close()
        self.clone.close()
        self.tokens.stop()
        self.security.stop()
        self.database.close()
        self.model.close()

    def inner(self) -> Application:
        """FastAPI's application, made when it is first needed."""
        with self._making_inner:
            if self._inner is None:
                from server.api.application import make_api

                self._inner = cast("Application", make_api(self._parts()))
            return self._inner

    async def _loaded_inner(self) -> Application:
        """FastAPI takes its time to be imported, and others are to be answered meanwhile."""
        if self._inner is None:
            return await self.pools.reading.end(self.inner)
        return self._inner

    def _tell_tokens(self, tokens: Sequence[StoredToken]) -> None:
        """Let workers know who may read; as long as they do not, they ask here."""
        try:
            self.model.set_tokens(tokens)
        except (lmdb.Error, OSError) as error:
            _LOG.warning("workers do not know the tokens", reason=str(error))

    def _is_here(self, commit: str) -> bool:
        """True if a commit is served, or comes from another server within the usual wait."""
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

    def _has_site(self) -> bool:
        """False if our own catalogue is gone, and may be built: see `_want`."""
        directory = site_directory(cache_directory(self._registry))
        return bool(self.follower.heads.problem) or directory.is_dir()

    def _build_problem(self) -> str:
        return self.health.build_problem()

    def _health_report(self) -> HealthReport:
        return HealthReport(
            settings=self.settings,
            registry=self._registry,
            metrics=self.metrics,
            follower=self.follower,
            model=self.model,
            lookups=self.lookups,
            changes=self.operations,
            place=self.place,
            remote=self.remote,
            clone=self.clone,
            notices=self.notices,
            gate=self.gate,
            tokens=self.tokens,
            security=self.security,
            database=self.database,
            search=self.search,
            site=self.site,
            building=self.building,
        )

    def _parts(self) -> Parts:
        return Parts(
            settings=self.settings,
            registry=self._registry,
            gate=self.gate,
            lookups=self.lookups,
            changes=self.operations,
            follower=self.follower,
            uploads=self.uploads,
            search=self.search,
            events=self.events,
            database=self.database,
            rows=self.pools.rows,
            reloads=self.pools.reloads,
            metrics=self.metrics,
            health=self.health,
        )

    def _queues(self) -> tuple[Pool, ...]:
        """All queues, in the order that ``/metrics`` tells of them."""
        operations = self.operations
        return (
            *self.pools.all(),
            operations.changes,
            operations.checks,
            operations.planner.questions,
            operations.planner.fetches,
            self.lookups.pinned.pool,
            self.search.pool,
        )
