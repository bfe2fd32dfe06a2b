"""Watch if the clone that is served is complete: on demand, at little cost."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from registry.errors import GitError
from registry.git.clone_state import CloneState, is_shallow, read_clone_state
from registry.git.repository import GitRepository

# How long an incomplete clone is taken for one before it is looked at again.
_SECONDS = 2.0


class CloneWatch:
    """The parts that a clone lacks: known from the start, forgotten once somebody fetched them."""

    def __init__(self, path: Path) -> None:
        """Look for the first time; raises NotARegistryError."""
        self._repository = GitRepository(path)
        self._looked = monotonic()
        self._state = self._look(CloneState())

    @property
    def state(self) -> CloneState:
        """Return what it lacks now. A complete one costs the look at one file."""
        is_due = not self._state.is_complete and monotonic() - self._looked > _SECONDS
        if is_due or (self._state.is_complete and is_shallow(self._repository)):
            self._state = self._look(self._state)
            self._looked = monotonic()
        return self._state

    def _look(self, before: CloneState) -> CloneState:
        try:
            return read_clone_state(self._repository)
        except GitError:  # its own words are told by who loads the registry
            return before

    def fields(self) -> dict[str, object]:
        """As ``/health`` tells it."""
        state = self.state
        return {
            "complete": state.is_complete,
            "problem": state.problem,
            "next_step": state.next_step,
        }

    def close(self) -> None:
        """End the process that reads for it."""
        self._repository.close()
