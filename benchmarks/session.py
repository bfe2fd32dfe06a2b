"""One run of benchmarks: where it works, how thorough it is, and what its parts share."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks import content, corpus, synthetic

LARGE_LIBRARIES = 10_000
STEPS_EACH = 5
_QUICK_LIBRARIES = 20

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

    @functools.cached_property
    def tokened_registry(self) -> Path:
        """Another one, for servers that have tokens: its clone notes that it has some.

        A server of that clone whose database lacks them lets nobody write.
        """
        path = self.workdir / "tokened"
        return synthetic.copied_registry(path, libraries=self.large_libraries, steps=STEPS_EACH)

    @functools.cached_property
    def bitrise_registry(self) -> Path:
        """The Bitrise corpus as a registry, imported once for every benchmark of this run."""
        return corpus.make_bitrise_registry(
            self.directory("bitrise"), limit=self.choose(None, _QUICK_LIBRARIES)
        )

    def directory(self, name: str) -> Path:
        """A new directory of this run's."""
        path = self.workdir / name
        path.mkdir(parents=True)
        return path

    def new_version(self, number: int, patch: int) -> content.SyntheticLibrary:
        """Another release of a library of the large registry: its interface stays the same."""
        return content.library(number, steps=STEPS_EACH, version=f"1.0.{patch}")
