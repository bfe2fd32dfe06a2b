"""Questions about upstreams, in processes of their own: one answers, another one fetches.

Whoever may change nothing is answered from what was fetched, within a time: an upstream that
accepts and never answers costs them nothing. Only the server itself and callers who may change
something have upstreams asked, and they wait for each other, not for anybody else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import structlog

from registry.processes.pool import WorkerDiedError, WorkerPool, WorkerTimeoutError
from server.changes.planning_process import Planning, begin_planning
from server.changes.refusals import refusing
from server.errors import AnswerError
from server.settings import Settings
from server.thread_pools import Pool

_ENDED = "the process that asks upstreams ended; ask again"
_RETRY_SECONDS = 30
_LOG = structlog.get_logger(__name__)

Result = TypeVar("Result")


class Planner:
    """Two processes, each with a queue that ends and a time after which it is replaced."""

    def __init__(self, planning: Planning, settings: Settings) -> None:
        """They are started with the first question."""
        self._settings = settings
        begin = partial(begin_planning, planning)
        self._answering = WorkerPool(1, begin)
        self._fetching = WorkerPool(1, begin)
        self.questions = Pool(
            "planning", threads=1, most=settings.plan_queue, what="questions about upstreams"
        )
        self.fetches = Pool(
            "fetching", threads=1, most=settings.fetch_queue, what="requests that ask upstreams"
        )

    async def ask(self, question: Callable[..., Result], *arguments: Any) -> Result:
        """Ask about what was fetched; raises AnswerError."""
        return await self.questions.run(self._ask, question, *arguments)

    async def fetch(self, question: Callable[..., Result], *arguments: Any) -> Result:
        """Ask something that may ask upstreams first; raises AnswerError."""
        return await self.fetches.run(self._fetch, question, *arguments)

    def fetch_now(self, question: Callable[..., Result], *arguments: Any) -> Result:
        """As `fetch`, from a thread that may wait."""
        return self.fetches.submit(self._fetch, question, *arguments).result()

    def close(self, seconds: float) -> None:
        """End both; what they do changes nothing, so nobody waits for it."""
        self.kill()
        for pool in (self.questions, self.fetches):
            pool.close()
        for workers in (self._answering, self._fetching):
            workers.close(seconds)

    def kill(self) -> None:
        """End them amid their work."""
        self._answering.kill()
        self._fetching.kill()

    def _ask(self, question: Callable[..., Result], *arguments: Any) -> Result:
        seconds = self._settings.plan_seconds
        return self._run(self._answering, "plan_seconds", seconds, question, *arguments)

    def _fetch(self, question: Callable[..., Result], *arguments: Any) -> Result:
        seconds = self._settings.fetch_seconds
        return self._run(self._fetching, "fetch_seconds", seconds, question, *arguments)

    def _run(
        self,
        workers: WorkerPool,
        setting: str,
        seconds: float,
        question: Callable[..., Result],
        *arguments: Any,
    ) -> Result:
        try:
            return refusing(lambda: workers.run(question, *arguments, seconds=seconds))
        except WorkerTimeoutError as error:
            _LOG.error("a process that asks upstreams was ended", reason=error.message)
            said = f"it took longer than {seconds:g} s (the setting {setting}) and was ended"
            raise AnswerError(503, said, retry_after=_RETRY_SECONDS) from error
        except WorkerDiedError as error:
            _LOG.error("a worker process ended", reason=error.message)
            raise AnswerError(503, _ENDED) from error
