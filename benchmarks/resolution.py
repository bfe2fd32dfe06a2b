"""Choosing versions in a registry as tangled as a large build's: diamonds everywhere."""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Sequence

from benchmarks.rows import Bound, Promise, Row, absolute
from benchmarks.session import Session
from registry.names import LibraryName
from registry.resolution.provider import Wanted
from registry.resolution.resolver import resolve
from registry.versions import Dependency, Version, parse_dependency

RESOLUTION = Promise(
    key="resolution",
    what="resolution of one library over 1,500 libraries and 9,000 releases, diamonds throughout",
    bound=Bound.AT_MOST,
    limit=300,
    unit="ms",
)
PROMISES = (RESOLUTION,)
_LIBRARIES, _RELEASES = 1_500, 6
_NEEDS, _REACH = 5, 40
# So many of the newest releases want a dependency that is not the newest one.
_HELD_BACK = 0.2


class TangledPool:
    """Each release needs a few of the libraries that come next.

    Ranges overlap, and some exclude the newest release: what was chosen for one is taken back for
    another.
    Requirements are kept as texts and parsed when they are asked for, as in a registry.
    """

    def __init__(self, libraries: int, seed: int) -> None:
        chance = random.Random(seed)
        self._texts: dict[LibraryName, dict[Version, list[str]]] = {}
        for number in range(libraries):
            following = range(number + 1, min(number + 1 + _REACH, libraries))
            releases: dict[Version, list[str]] = {}
            for minor in range(_RELEASES):
                needs = chance.sample(following, min(_NEEDS, len(following)))
                releases[Version(major=1, minor=minor, patch=0)] = [
                    self._requirement(chance, other, minor) for other in needs
                ]
            self._texts[self.name(number)] = releases

    @staticmethod
    def name(number: int) -> LibraryName:
        """The name of one of them."""
        return LibraryName(f"library-{number}")

    def _requirement(self, chance: random.Random, other: int, minor: int) -> str:
        newest = _RELEASES - 1
        below = newest if minor == newest and chance.random() < _HELD_BACK else newest + 1
        return f"{self.name(other)}>=1.{max(0, minor - 3)},<1.{below}"

    def versions(self, name: LibraryName) -> Collection[Version]:
        """The versions of a library."""
        return self._texts.get(name, {}).keys()

    def requirements(self, name: LibraryName, version: Version) -> Sequence[Dependency]:
        """What one of them needs."""
        return [parse_dependency(text) for text in self._texts[name][version]]


def measure(session: Session) -> list[Row]:
    """Each run from nothing, over another pool."""
    taken = []
    reached = 0
    for seed in range(session.choose(7, 2)):
        pool = TangledPool(session.choose(_LIBRARIES, 100), seed)
        wanted = [Wanted(dependency=parse_dependency(pool.name(0)))]
        started = time.perf_counter()
        found = resolve(wanted, pool)
        taken.append((time.perf_counter() - started) * 1000)
        reached = len(found)
        assert all(
            need.allows(found[need.library])
            for name, version in found.items()
            for need in pool.requirements(name, version)
        )
    return [absolute(RESOLUTION, taken, notes=f"{reached:,} libraries are chosen in the last run")]
