"""What follows a swap in its own time: compressed lists, the file for a quick start, edits.

One thread; a newer state replaces one that still waits.
"""

from __future__ import annotations

import threading
from time import monotonic

import structlog

from registry.errors import RegistryError
from registry.snapshot import Registry
from server.settings import Settings
from server.state import Served
from server.warm import cache_path, write_warm

_EDITS_SHARE = 20
"""Looking for edits takes at most one part in so many of a processor."""
_LOG = structlog.get_logger(__name__)


class Upkeep:
    """`dirty` names files of the working tree that are not what is served."""

    def __init__(self, registry: Registry, settings: Settings) -> None:
        """Nothing runs before the first state."""
        self.cache = cache_path(registry.state_directory, settings.instance)
        self.dirty: tuple[str, ...] = ()
        self.edits_seen_at = 0.0
        self._registry = registry
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
            self._next_edits = 0.0
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
        while True:
            with self._change:
                self._change.wait_for(
                    lambda: self._stopped or self._looking or self._wanted is not None
                )
                if self._stopped:
                    return
                served, self._wanted = self._wanted, None
                looking, self._looking = self._looking, False
            try:
                if served is not None:
                    self._compress(served)
                    self._keep(served)
                if looking:
                    self._find_edits()
            except (OSError, RegistryError) as error:
                _LOG.warning("upkeep failed", reason=str(error))

    def _compress(self, served: Served) -> None:
        settings = self._settings
        for one in served.lists.all():
            if one.plain.length >= settings.compression_min_bytes and self._wanted is None:
                one.compress(brotli_max_bytes=settings.brotli_max_bytes)

    def _keep(self, served: Served) -> None:
        with self._change:  # in a burst of commits only the last state is worth a file
            self._change.wait_for(
                lambda: self._stopped or self._wanted is not None,
                timeout=self._settings.cache_delay_seconds,
            )
            if self._wanted is not None:
                return
        libraries = tuple(served.libraries.values())
        instance = self._settings.instance
        write_warm(self.cache, instance, served.commit, served.committed_at, libraries)

    def _find_edits(self) -> None:
        started = monotonic()
        dirty = self._registry.dirty_paths()
        if dirty != self.dirty:
            _LOG.warning("files differ from the head", count=len(dirty), first=list(dirty[:3]))
        self.dirty = dirty
        took = monotonic() - started
        self._next_edits = monotonic() + max(
            self._settings.edits_check_seconds, took * _EDITS_SHARE
        )
