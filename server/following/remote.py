"""Follows the registry's remote, so that what other servers change is served here, too.

The remote is the one engine between machines (design, section 9); while it cannot be had, lookups
go on with what is here, and changes are refused because they move there first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from registry.errors import ConflictError, RegistryError
from registry.formats.timestamps import time_now
from registry.git.remote import fetch_branch
from registry.git.remote_limits import Reach
from registry.names import CommitId
from registry.snapshots.registry import Registry
from registry.transactions.transaction import catch_up, follow_head
from registry.trust.errors import UntrustedHistoryError
from server.following.remote_tags import RemoteTags

_LONGEST_SECONDS = 30.0
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteState:
    """The state in ``/health``: ``off``, ``waiting``, ``ready``, ``down`` or ``refused``."""

    status: str
    problem: str = ""
    next_step: str = ""
    """The advice on it; empty where nobody knows."""
    fetched_at: str | None = None


class RemoteFollowing:
    """A thread that looks at the remote every so many seconds, and when it is woken."""

    def __init__(
        self,
        registry: Registry,
        *,
        poll_seconds: float,
        tags_seconds: float = 0,
        moved: Callable[[], None],
        has_alarms: Callable[[], bool] = lambda: False,
    ) -> None:
        """``registry`` is a handle of its own; ``moved`` is called when branch or tags have moved.

        Where what is served ``has_alarms``, tags are fetched once for its head.
        """
        self.state = RemoteState(status="off" if registry.remote is None else "waiting")
        self.tags = RemoteTags(registry, tags_seconds)
        self._registry = registry
        self._poll_seconds = poll_seconds
        self._moved = moved
        self._has_alarms = has_alarms
        self._tags_fetched_for: CommitId | None = None
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="remote", daemon=True)

    def start(self) -> None:
        """Begin, where there is a remote."""
        if self._registry.remote is not None:
            self._thread.start()

    def wake(self) -> None:
        """Look now: somebody says that there is something new."""
        self._wake.set()

    def stop(self) -> None:
        """End; a question that is under way ends by its own limit."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(self._registry.remote_seconds)
        self._registry.close()

    def _run(self) -> None:
        pause = self._poll_seconds
        while not self._stop.is_set():
            self._wake.clear()
            is_there = self._look()
            # A remote that is down is asked less and less often; one that answers is not.
            pause = self._poll_seconds if is_there else min(2 * pause, _LONGEST_SECONDS)
            self._wake.wait(pause)

    def _look(self) -> bool:
        """True if the remote answered."""
        try:
            has_moved = catch_up(self._registry)
            if has_moved:
                self._moved()
                follow_head(self._registry)
            else:
                self._fetch_tags_left_out()
                self.tags.look()
        except (ConflictError, UntrustedHistoryError) as error:
            self._remember("refused", error)
            return True
        except (RegistryError, OSError) as error:
            self._remember("down", error)
            return False
        self.state = RemoteState(status="ready", fetched_at=time_now())
        return True

    def _fetch_tags_left_out(self) -> None:
        """A person's own ``git pull origin main`` brings commits without the tags on them."""
        head, remote = self._registry.head(), self._registry.remote
        if remote is None or self._tags_fetched_for == head or not self._has_alarms():
            return
        reach = Reach(seconds=self._registry.remote_seconds)
        fetch_branch(self._registry.repository, remote, self._registry.branch, reach=reach)
        self._tags_fetched_for = head
        self._moved()

    def _remember(self, status: str, error: RegistryError | OSError) -> None:
        problem, step = (
            (error.message, error.next_step)
            if isinstance(error, RegistryError)
            else (str(error), "")
        )
        if (status, problem) != (self.state.status, self.state.problem):
            _LOG.error("the remote is not followed", status=status, reason=problem)
        self.state = replace(self.state, status=status, problem=problem[:500], next_step=step[:500])
