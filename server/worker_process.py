"""Processes of their own, for work that would keep lookups waiting."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import structlog

from server.errors import AnswerError

_LOG = structlog.get_logger(__name__)

Result = TypeVar("Result")


class WorkerProcess:
    """One process or several, started with the first work; each does one thing after the other.

    Safe to use from many threads, which wait for their turn.
    """

    def __init__(
        self, begin: Callable[..., None], *arguments: Any, ended: str, count: int = 1
    ) -> None:
        """``begin`` is called in each process first; ``ended`` is said if one dies."""
        self._count = count
        self._begin = begin
        self._arguments = arguments
        self._ended = ended
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()

    def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """What the work returns, or raises; AnswerError (503) when the process died over it."""
        pool = self._started()
        try:
            return pool.submit(work, *arguments).result()
        except BrokenProcessPool as error:
            with self._lock:
                if self._pool is pool:
                    self._pool = None
            _LOG.error("a worker process ended", work=repr(work)[:200], reason=str(error))
            raise AnswerError(503, self._ended) from error

    def close(self) -> None:
        """Finish what is under way."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown()

    def _started(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    self._count,
                    # A fork would copy threads' locks in whatever state they are.
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=self._begin,
                    initargs=self._arguments,
                )
            return self._pool
