"""The registry's Git is looked after when nobody changes anything, in a thread of its own."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from time import monotonic

import structlog

from registry.errors import RegistryError
from registry.maintenance.maintenance import count_packs, maintain
from registry.snapshots.registry import Registry
from server.settings import Settings

_NICENESS = 19
_QUIET_SECONDS = 5.0
"""Without a change for so long, nobody seems to be at work."""
_AT_MOST = 4
"""With so many times the packs, it is done beside changes, too."""
_LOG = structlog.get_logger(__name__)


class Maintenance:
    """Folds packs when ``maintenance_packs`` are there; 0 means never."""

    def __init__(self, registry: Registry, settings: Settings) -> None:
        """Nothing runs before the first change."""
        self._registry = registry
        self._packs = settings.maintenance_packs
        self._seconds = settings.maintenance_seconds
        self._changed_at = 0.0
        self._changed = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def after_change(self) -> None:
        """Look whether it is due, soon."""
        if not self._packs:
            return
        self._changed_at = monotonic()
        self._changed.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="maintenance", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Begin nothing more. What is under way ends by itself: a half of it harms nobody."""
        self._stopped.set()
        self._changed.set()

    def _run(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        while self._changed.wait() and not self._stopped.is_set():
            self._changed.clear()
            try:
                if count_packs(self._registry) >= self._packs and self._wait_for_quiet():
                    done = maintain(self._registry, is_thorough=False, seconds=self._seconds)
                    _LOG.info(
                        "maintained",
                        packs_before=done.packs_before,
                        packs=done.packs,
                        seconds=round(done.seconds, 2),
                    )
            except (RegistryError, OSError) as error:
                # What failed once may fail each time, and leave a large file each time.
                _LOG.error("maintenance failed, and is left to a person now", reason=str(error))
                return

    def _wait_for_quiet(self) -> bool:
        """Wait until nobody seems to be at work, or it is urgent; False when the server stops."""
        while (left := self._changed_at + _QUIET_SECONDS - monotonic()) > 0:
            if count_packs(self._registry) >= _AT_MOST * self._packs:
                break
            if self._stopped.wait(min(left, 1.0)):
                return False
        return True
