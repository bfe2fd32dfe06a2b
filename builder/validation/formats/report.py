"""The input of the writers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.problems import Problem, errors_of, tally
from registry.words.counting import counted


@dataclass(frozen=True, kw_only=True, slots=True)
class ProblemReport:
    """The names of everything checked, and every problem. ``rules`` describes known ids."""

    checked: tuple[str, ...]
    problems: tuple[Problem, ...]
    version: str
    rules: Mapping[str, str] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Problem, ...]:
        return errors_of(self.problems)

    @property
    def summary(self) -> str:
        """``3 checked: 1 error, 2 warnings``."""
        return f"{len(self.checked):,} checked: {tally(self.problems)}"

    @property
    def quiet_summary(self) -> str:
        """``3 checked: 1 error``, where warnings are not shown."""
        return f"{len(self.checked):,} checked: {counted(len(self.errors), 'error')}"
