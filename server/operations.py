"""Changes that requests ask for: made by a process of its own, answered once they are served."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import Any, TypeVar

import structlog

from registry.errors import GitError, RegistryError
from registry.installing.installer import Installer
from registry.operation import follow_head
from registry.processes.pool import WorkerDiedError, WorkerPool
from registry.snapshot import Registry
from server.errors import AnswerError
from server.follower import Follower
from server.planning_process import Planning, begin_planning
from server.refusals import refusal
from server.settings import Settings
from server.settings import host_of as settings_host
from server.write_process import Change, Done, Place, Who, begin, read_instance_key, work

# The index is written again after so many times as long as that took.
_FOLLOW_SHARE = 9
_FOLLOW_NICENESS = 15
_WRITING_ENDED = "the writing process ended; whether it was done shows in GET /api/v1/audit"
_PLANNING_ENDED = "the process that asks upstreams ended; ask again"
_LOG = structlog.get_logger(__name__)

Result = TypeVar("Result")


class Operations:
    """Hands changes to the writing process, which is started with the first of them."""

    def __init__(
        self,
        registry: Registry,
        follower: Follower,
        settings: Settings,
        *,
        changed: Callable[[], None],
    ) -> None:
        """``changed`` is called after each change. Nothing is written yet.

        Raises SigningError for an instance key that cannot be read.
        """
        read_instance_key(settings.instance_key)
        self._place = Place(
            path=registry.path,
            instance=registry.instance,
            remote=registry.remote,
            limits=registry.limits,
            key=settings.instance_key,
            host=settings_host(settings),
            remote_seconds=registry.remote_seconds,
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
        self._planning = WorkerPool(1, partial(begin_planning, planning))
        self._threads = ThreadPoolExecutor(settings.write_threads, thread_name_prefix="write")
        self._worktree = ThreadPoolExecutor(
            1, thread_name_prefix="worktree", initializer=_yield_to_lookups
        )
        self._waiting = threading.Semaphore(settings.write_queue)
        self._is_following = threading.Event()
        self._closing = threading.Event()
        self._follow_at = 0.0

    @property
    def registry(self) -> Registry:
        """The handle for questions."""
        return self._registry

    async def carry_out(self, change: Change, who: Who) -> Done:
        """Do it, and wait until lookups answer with it (at most ``served_wait_seconds``).

        Raises AnswerError for what is refused, 503 when too many wait already.
        """
        if not self._waiting.acquire(blocking=False):
            raise AnswerError(503, "too many changes are waiting; ask again in a second")
        self._follower.changes_under_way += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._do, change, who)
        finally:
            self._follower.changes_under_way -= 1
            self._waiting.release()

    async def read(self, question: Callable[[Installer], Result]) -> Result:
        """Ask something that reads Git; raises AnswerError."""
        return await asyncio.to_thread(_refusing, lambda: question(self._installer))

    async def ask(self, question: Callable[..., Result], *arguments: Any) -> Result:
        """Ask the planning process; raises AnswerError."""
        return await asyncio.to_thread(self.ask_now, question, *arguments)

    def ask_now(self, question: Callable[..., Result], *arguments: Any) -> Result:
        """As `ask`, from a thread that may wait."""
        return _refusing(lambda: _run(self._planning, _PLANNING_ENDED, question, *arguments))

    def close(self) -> None:
        """Finish what is under way."""
        self._threads.shutdown()
        self._closing.set()
        self._worktree.shutdown()
        self._writing.close()
        self._planning.close()
        self._registry.close()

    def _do(self, change: Change, who: Who) -> Done:
        done = _refusing(lambda: _run(self._writing, _WRITING_ENDED, work, change, who))
        if done.changed:
            self._changed()
            self._let_follow()
        self._follower.until_serves(done.commit, self._settings.served_wait_seconds)
        return done

    def _let_follow(self) -> None:
        """Index and working tree follow right after the answer.

        In a large registry that takes Git a second: many operations in a row are followed once, so
        that it takes only a small share of the time.
        """
        if not self._is_following.is_set():
            self._is_following.set()
            self._worktree.submit(self._follow)

    def _follow(self) -> None:
        self._closing.wait(max(0.0, self._follow_at - monotonic()))
        self._is_following.clear()
        started = monotonic()
        try:
            kept = follow_head(self._registry)
        except (GitError, OSError) as error:
            _LOG.warning("the working tree does not follow", reason=str(error))
            return
        finally:
            self._follow_at = monotonic() + (monotonic() - started) * _FOLLOW_SHARE
        if kept:
            _LOG.warning("edited files were left as they are", count=len(kept), first=kept[:3])


def _yield_to_lookups() -> None:
    """For the thread that lets Git follow: the Git commands that it starts inherit this."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _FOLLOW_NICENESS)


def _run(pool: WorkerPool, ended: str, ask: Callable[..., Result], *arguments: Any) -> Result:
    """What a process of the pool answers; AnswerError (503) that says ``ended`` when it died."""
    try:
        return pool.run(ask, *arguments)
    except WorkerDiedError as error:
        _LOG.error("a worker process ended", reason=error.message)
        raise AnswerError(503, ended) from error


def _refusing(question: Callable[[], Result]) -> Result:
    """The result, or the answer that refuses it."""
    try:
        return question()
    except (RegistryError, OSError) as error:
        answer = refusal(error)
        if answer is None:
            raise
        raise answer from error
