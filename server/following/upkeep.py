"""Work that follows a swap in its own time: compressed lists, edits.

One thread; a newer state replaces one that still waits.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic

import lmdb
import structlog

from registry.errors import RegistryError
from registry.snapshots.registry import Registry
from registry.transactions.edits import edited_paths
from server.readmodel.served import Served
from server.readmodel.writer import ReadModel
from server.settings import Settings

_EDITS_SHARE = 20
"""Looking for edits takes at most one part in so many of a processor."""
_BURST_SHARE = 20
"""A burst of commits puts the work off by so many times the time to settle at most."""
_IDLE_NICENESS = 19
_LOG = structlog.get_logger(__name__)


class Upkeep:
    """`dirty` names files of the working tree that somebody has edited: they are not served."""

    def __init__(self, registry: Registry, settings: Settings, model: ReadModel) -> None:
        """Nothing runs before the first state."""
        self.dirty: tuple[str, ...] = ()
        self.afterwards: list[Callable[[Served], None]] = []
        """More work for a state in its own time; raises OSError or RegistryError."""
        self.cannot_follow: Callable[[], bool] = lambda: False
        """True while the working tree cannot follow: what it lacks is to be seen then."""
        self._registry = registry
        self._model = model
        self._settings = settings
        self._next_edits = 0.0
        self._wanted: Served | None = None
        self._change = threading.Condition()
        self._stopped = False
        self._looking = False
        self._thread: threading.Thread | None = None

    def after_swap(self, served: Served) -> None:
        """Take care of this state soon."""
        with self._change:
            self._wanted = served
            self._next_edits = monotonic() + self._settings.settle_seconds
            self._wake()

    def look_for_edits(self) -> None:
        """Compare the working tree with the head, if that is due."""
        if monotonic() < self._next_edits:
            return
        with self._change:
            self._looking = True
            self._wake()

    def stop(self) -> None:
        """Finish what is under way and end."""
        with self._change:
            self._stopped = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join(self._settings.stop_seconds)

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
            self._thread.start()
        self._change.notify_all()

    def _run(self) -> None:
        # On Linux a priority is a thread's own: lookups come first, also on a single processor.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _IDLE_NICENESS)
        while True:
            with self._change:
                self._change.wait_for(
                    lambda: self._stopped or self._looking or self._wanted is not None
                )
                if self._stopped:
                    return
                self._let_settle()
                served, self._wanted = self._wanted, None
                looking, self._looking = self._looking, False
            if served is not None:
                for task in (self._compress, *self.afterwards):
                    _guarded(partial(task, served))
            if looking:
                _guarded(self._find_edits)

    def _let_settle(self) -> None:
        """In a burst of commits only the last state is worth the work; but not for ever."""
        most = monotonic() + _BURST_SHARE * self._settings.settle_seconds
        while self._wanted is not None and not self._stopped and monotonic() < most:
            seen = self._wanted
            is_newer = partial(self._is_not, seen)
            if not self._change.wait_for(is_newer, self._settings.settle_seconds):
                return

    def _is_not(self, served: Served) -> bool:
        return self._stopped or self._wanted is not served

    def _compress(self, served: Served) -> None:
        settings = self._settings
        for one in served.lists.all():
            is_large = one.plain.length >= settings.compression_min_bytes
            if is_large and not one.compressed and self._wanted is None:
                one.compress(brotli_max_bytes=settings.brotli_max_bytes)
        self._model.add_compressed(served)

    def _find_edits(self) -> None:
        started = monotonic()
        dirty = edited_paths(self._registry, cannot_follow=self.cannot_follow())
        if dirty is not None:
            self._remember(dirty)
        took = monotonic() - started
        self._next_edits = monotonic() + max(
            self._settings.edits_check_seconds, took * _EDITS_SHARE
        )

    def _remember(self, dirty: tuple[str, ...]) -> None:
        if dirty and dirty != self.dirty:
            _LOG.warning("files differ from the head", count=len(dirty), first=list(dirty[:3]))
        elif self.dirty and not dirty:
            _LOG.info("no file differs from the head any more")
        self.dirty = dirty


def _guarded(work: Callable[[], None]) -> None:
    """One piece of work: what fails in it stops no other, and least of all the judging."""
    try:
        work()
    except (OSError, RegistryError, lmdb.Error) as error:
        _LOG.warning("upkeep failed", reason=str(error))
    except Exception:  # noqa: BLE001 - the thread must outlive a bug in reading one commit
        _LOG.exception("upkeep failed")
