"""One run of benchmarks: where it works, how thorough it is, and what its parts share."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks import content, synthetic

LARGE_LIBRARIES = 10_000
STEPS_EACH = 5

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Session:
    """``quick`` takes fewer and smaller runs: it shows that all works, not how fast it is."""

    workdir: Path
    quick: bool = False

    def choose(self, thorough: Value, quick: Value) -> Value:
        """The first in a thorough run, the second in a quick one."""
        return quick if self.quick else thorough

    @property
    def large_libraries(self) -> int:
        """Libraries in the large registry."""
        return self.choose(LARGE_LIBRARIES, 200)

    @functools.cached_property
    def large_registry(self) -> Path:
        """A registry of 10,000 libraries that every benchmark of this run may add to."""
        path = self.workdir / "large"
        return synthetic.copied_registry(path, libraries=self.large_libraries, steps=STEPS_EACH)

    def directory(self, name: str) -> Path:
        """A new directory of this run's."""
        path = self.workdir / name
        path.mkdir(parents=True)
        return path

    def new_version(self, number: int, patch: int) -> content.SyntheticLibrary:
        """Another release of a library of the large registry: its interface stays the same."""
        return content.library(number, steps=STEPS_EACH, version=f"1.0.{patch}")
