"""The state of writing: how long the oldest change takes, and what the last one met."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from registry.errors import AccessError, DiskError, NotARegistryError
from registry.formats.timestamps import time_now
from server.advice import plain, without_paths

_SHOWN = 300


class WriteHealth:
    """Any thread may tell it what became of a change."""

    def __init__(
        self,
        oldest_seconds: Callable[[], float],
        slow_seconds: float,
        place_problem: Callable[[], str],
    ) -> None:
        """``oldest_seconds``: how long the change that the writing process makes takes already.

        ``place_problem``: why nothing can be written, before anybody tries.
        """
        self._oldest_seconds = oldest_seconds
        self._slow_seconds = slow_seconds
        self._place_problem = place_problem
        self._error = ""
        self._is_of_place = False
        """True if the file system refused the last change."""
        self._failed_at: str | None = None

    @property
    def oldest_seconds(self) -> float:
        """Return the seconds that the oldest change under way takes already."""
        return self._oldest_seconds()

    @property
    def is_failing(self) -> bool:
        """True if the last write was refused by the file system, or was ended, or would be."""
        return bool(self._error or self._place_problem())

    @property
    def problem(self) -> str:
        """Say why somebody should look; empty when all is well."""
        if problem := self._place_problem():
            return f"nothing can be written: {problem}"
        if self._error:
            return f"the last change could not be written: {self._error}"
        if self._is_slow():
            return (
                f"a change has been under way for {self.oldest_seconds:.0f} s: the writing process"
                " waits for a disk, a lock or another machine"
            )
        return ""

    @property
    def failed_seconds(self) -> float:
        """Return the time of the last change that could not be written; 0: the last one could."""
        return datetime.fromisoformat(self._failed_at).timestamp() if self._failed_at else 0.0

    def succeeded(self) -> None:
        """Something was written."""
        self._error, self._is_of_place, self._failed_at = "", False, None

    def look_again(self, can_write: Callable[[], bool]) -> None:
        """Nobody may change anything for days: what the file system refused is tried by itself."""
        if self._is_of_place and not self._place_problem() and can_write():
            self.succeeded()

    def failed(self, error: Exception) -> None:
        """A change was not made; only what lies with this machine counts."""
        if isinstance(error, AccessError | DiskError | NotARegistryError):
            self.refused(without_paths(plain(error.message)))
            self._is_of_place = True
        elif isinstance(error, OSError):
            self.refused(error.strerror or type(error).__name__)
            self._is_of_place = True

    def refused(self, reason: str) -> None:
        """Nothing can be written, for all that is known."""
        self._error, self._is_of_place = reason[:_SHOWN], False
        self._failed_at = time_now()

    def fields(self) -> dict[str, object]:
        """As ``/health`` tells it."""
        status = "failing" if self.is_failing else "slow" if self._is_slow() else "ready"
        return {
            "status": status,
            "problem": self.problem,
            "failed_at": self._failed_at,
            "oldest_seconds": round(self.oldest_seconds, 1),
        }

    def _is_slow(self) -> bool:
        return self.oldest_seconds > self._slow_seconds
