"""Changes that requests ask for: made by a process of its own, answered once they are served."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from time import monotonic
from typing import TypeVar

import structlog

from registry.errors import RegistryError
from registry.installing.incoming import Incoming
from registry.installing.installer import Installer
from registry.processes.pool import WorkerDiedError, WorkerPool, WorkerTimeoutError
from registry.snapshots.registry import Registry
from registry.trust.attested_writes import is_listed
from server.changes.checking_process import begin_checking, check_upload
from server.changes.place_watch import PlaceWatch
from server.changes.planning_process import Planning
from server.changes.planning_queue import Planner
from server.changes.refusals import refusing
from server.changes.worktree_following import WorktreeFollowing
from server.changes.write_health import WriteHealth
from server.changes.write_process import Change, Done, Place, Who, begin, read_instance_key, work
from server.errors import AnswerError
from server.following.follower import Follower
from server.settings import Settings
from server.settings import host_of as settings_host
from server.thread_pools import Pool, Pools

_WRITING_ENDED = "the writing process ended; whether it was done shows in GET /api/v1/audit"
_WRITING_HUNG = "it took too long and was ended; whether it was done shows in GET /api/v1/audit"
_CHECKING_ENDED = "the process that checks uploads ended over this library; nothing was changed"
_CHECKING_FULL = "to check the library takes more memory than `check_bytes`"
_LOG = structlog.get_logger(__name__)

Result = TypeVar("Result")


class Operations:
    """Hands changes to the writing process, which is started with the first of them."""

    def __init__(
        self,
        registry: Registry,
        follower: Follower,
        settings: Settings,
        pools: Pools,
        place: PlaceWatch,
        *,
        changed: Callable[[], None],
    ) -> None:
        """``changed`` is called after each change. Nothing is written yet.

        Raises SigningError for an instance key that cannot be read.
        """
        key = read_instance_key(settings.instance_key)
        self._key = key.public if key is not None else None
        self._place = Place(
            path=registry.path,
            instance=registry.instance,
            remote=registry.remote,
            limits=registry.limits,
            key=settings.instance_key,
            host=settings_host(settings),
            remote_seconds=registry.remote_seconds,
            branch=settings.branch,
        )
        # A handle of its own for questions, beside the one that lookups are read with.
        self._registry = Registry.open(
            registry.path, instance=registry.instance, limits=registry.limits, check_clone=False
        )
        self._installer = Installer(self._registry)
        self._follower = follower
        self._settings = settings
        self._changed = changed
        self._writing = WorkerPool(settings.write_processes, partial(begin, self._place))
        planning = Planning(
            place=self._place,
            host=self._place.host,
            fresh_seconds=settings.upstream_fresh_seconds,
            fetch_seconds=settings.upstream_seconds,
            fetch_bytes=settings.upstream_bytes,
        )
        self.planner = Planner(planning, settings)
        self._checking = WorkerPool(1, partial(begin_checking, settings.check_bytes))
        self._reading = pools.reading
        self.checks = Pool("check", threads=1, most=settings.check_queue, what="checks of uploads")
        self.changes = Pool(
            "write", threads=settings.write_threads, most=settings.write_queue, what="changes"
        )
        self._watched = place
        self._under_way: set[Future[Done]] = set()
        self._worktree = WorktreeFollowing(self._registry)
        self.health = WriteHealth(
            lambda: self._writing.busy_seconds, settings.slow_change_seconds, lambda: place.problem
        )
        place.looked = lambda: self.health.look_again(place.can_write)

    def key_warning(self, declared: tuple[str, ...]) -> str:
        """Say why changes are refused where these instance keys are declared; else empty.

        They may be declared, or changed, at any time beneath a running server.
        """
        if not declared or is_listed(self._key, declared):
            return ""
        key = "the setting instance_key names none of them" if self._key else "this server has none"
        return (
            f"registry.yaml declares instance keys, and {key} (OPSTEPS_INSTANCE_KEY): what has to"
            " be signed, such as to turn a library off, to pin or to uninstall it, is refused"
        )

    @property
    def registry(self) -> Registry:
        """The handle for questions."""
        return self._registry

    async def carry_out(self, change: Change, who: Who) -> Done:
        """Do it, and wait until lookups answer with it (at most ``served_wait_seconds``).

        Raises AnswerError for what is refused, 503 when too many wait already.
        """
        doing = self.changes.submit(self._do, change, who)
        self._follower.changes_under_way += 1
        try:
            self._under_way.add(doing)
            doing.add_done_callback(self._under_way.discard)
            return await asyncio.wrap_future(doing)
        finally:
            self._follower.changes_under_way -= 1

    async def check(self, file: bytes) -> Incoming:
        """The release in an uploaded ZIP, checked apart from all changes; raises AnswerError.

        503 when too many wait already, 422 when it takes too long: what is checked is killed.
        """
        return await self.checks.run(self._check, file)

    def _check(self, file: bytes) -> Incoming:
        limits, seconds = self._place.limits, self._settings.check_seconds
        try:
            return refusing(lambda: self._checking.run(check_upload, file, limits, seconds=seconds))
        except MemoryError as error:
            raise AnswerError(413, _CHECKING_FULL) from error
        except WorkerTimeoutError as error:
            raise AnswerError(
                422,
                f"the library could not be checked in {seconds:g} s (the setting check_seconds)",
            ) from error
        except WorkerDiedError as error:
            _LOG.error("a worker process ended", reason=error.message)
            raise AnswerError(422, _CHECKING_ENDED) from error

    async def read(self, question: Callable[[Installer], Result]) -> Result:
        """Ask something that reads Git; raises AnswerError."""
        return await self._reading.run(refusing, lambda: question(self._installer))

    @property
    def cannot_follow(self) -> bool:
        """True while index and working tree cannot follow, as on a full disk."""
        return self._worktree.is_failing

    def let_follow(self) -> None:
        """Index and working tree follow what is acknowledged, soon."""
        self._worktree.follow()

    def close(self, seconds: float) -> None:
        """Finish what is under way within so many seconds; what hangs is ended then."""
        ends = monotonic() + seconds
        _, late = wait(tuple(self._under_way), seconds)
        if late:
            _LOG.error("changes are ended by the stop", count=len(late))
            self.kill()
        self.changes.close(waits=True)
        self._checking.kill()  # nothing is changed by a check, and who asked for it has left
        self.checks.close(waits=True)
        self._worktree.stop(self._settings.stop_seconds)
        for pool in (self._checking, self._writing, self.planner):
            pool.close(max(0.0, ends - monotonic()))
        self._registry.close()

    def kill(self) -> None:
        """End the processes amid their work; what waits for them is answered with 503."""
        self._writing.kill()
        self.planner.kill()
        self._checking.kill()

    def _do(self, change: Change, who: Who) -> Done:
        done = refusing(lambda: self._write(change, who))
        if done.changed:
            self.health.succeeded()
            self._changed()
            self._worktree.follow()
        self._follower.until_serves(done.commit, self._settings.served_wait_seconds)
        return done

    def _write(self, change: Change, who: Who) -> Done:
        seconds = self._settings.change_seconds
        try:
            return self._writing.run(work, change, who, seconds=seconds)
        except WorkerTimeoutError as error:
            self.health.refused(f"it took longer than {seconds:g} s and was ended")
            _LOG.error("the writing process was ended", reason=error.message)
            raise AnswerError(503, _WRITING_HUNG) from error
        except WorkerDiedError as error:
            _LOG.error("a worker process ended", reason=error.message)
            raise AnswerError(503, _WRITING_ENDED) from error
        except (RegistryError, OSError) as error:
            self.health.failed(error)
            if isinstance(error, FileNotFoundError | NotADirectoryError):
                self._refuse_gone(error)
            raise

    def _refuse_gone(self, error: OSError) -> None:
        """Say that the whole registry is away, where that is why a file is."""
        self._watched.look()
        if self._watched.problem:
            _LOG.error("nothing can be written", reason=str(error))
            raise AnswerError(503, self._watched.problem) from error
