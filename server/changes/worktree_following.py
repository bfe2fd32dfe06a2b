"""Index and working tree follow what is acknowledged, right after the answer.

In a large registry that takes Git a second: many operations in a row are followed once, so that it
takes only a small share of the time. What fails, as on a full disk, is tried again by itself.
"""

from __future__ import annotations

import os
import threading
from time import monotonic

import structlog

from registry.snapshots.registry import Registry
from registry.transactions.transaction import follow_head

# It is done again after so many times as long as it took.
_SHARE = 9
_NICENESS = 15
_FIRST_RETRY_SECONDS = 0.5
_LONGEST_RETRY_SECONDS = 30.0
_LOG = structlog.get_logger(__name__)


class WorktreeFollowing:
    """One thread, which yields to lookups."""

    def __init__(self, registry: Registry) -> None:
        """Nothing runs before the first `follow`."""
        self._registry = registry
        self._change = threading.Condition()
        self._wanted = False
        self._stopped = False
        self._rest_until = 0.0
        self._retry_seconds = 0.0
        """After a failure: how long until the next attempt."""
        self._thread: threading.Thread | None = None

    @property
    def is_failing(self) -> bool:
        """True from a failed attempt until one succeeds."""
        return self._retry_seconds > 0

    def follow(self) -> None:
        """Follow soon; several wishes are one."""
        with self._change:
            self._wanted = True
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="worktree", daemon=True)
                self._thread.start()
            self._change.notify_all()

    def stop(self, seconds: float) -> None:
        """Follow what is wanted once more, and end."""
        with self._change:
            self._stopped = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        # The Git commands that it starts inherit this.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        is_last = False
        while not is_last:
            with self._change:
                self._change.wait_for(
                    lambda: self._wanted or self._stopped, self._retry_seconds or None
                )
                if not self._wanted and not self._retry_seconds:
                    return
                self._change.wait_for(lambda: self._stopped, self._rest_until - monotonic())
                self._wanted = False
                is_last = self._stopped
            self._attempt()

    def _attempt(self) -> None:
        started = monotonic()
        try:
            kept = follow_head(self._registry)
        except Exception as error:  # noqa: BLE001 - the next attempt may do it, whatever this was
            doubled = max(self._retry_seconds * 2, _FIRST_RETRY_SECONDS)
            self._retry_seconds = min(doubled, _LONGEST_RETRY_SECONDS)
            _LOG.warning(
                "the working tree does not follow",
                reason=str(error) or type(error).__name__,
                again_in_seconds=self._retry_seconds,
            )
            return
        self._rest_until = monotonic() + (monotonic() - started) * _SHARE
        self._retry_seconds = 0.0
        if kept:
            _LOG.warning("edited files were left as they are", count=len(kept), first=kept[:3])
