"""The straight run: no backtracking, for the many questions where nothing contradicts.

Each library has a place in a queue, ordered by its distance from what is wanted, and is looked at
again when what is asked of it changes, until nothing changes (a worklist algorithm).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from heapq import heappop, heappush

from registry.names import LibraryName
from registry.resolution.provider import CandidatePool, ReleaseProvider, Wanted
from registry.resolution.still_needed import still_needed
from registry.versions import Version

_MOST_CHOICES = 100_000


def resolve_straight(
    wanted: Sequence[Wanted], pool: CandidatePool, provider: ReleaseProvider
) -> dict[LibraryName, Version] | None:
    """The answer where none must be searched for; None where it must, or where there is none.

    resolvelib's rounds cost the square of the number of libraries. Here each library takes the
    first version that all that is asked of it allows, and again when that changes; those nearest
    to what is wanted come first, so that most are asked once.
    """
    work = _Work(provider)
    work.ask(None, wanted, depth=0)
    for _ in range(_MOST_CHOICES):
        name = work.next()
        if name is None:
            break
        if not work.choose(name):
            return None
    else:
        return None
    found = {name: provider.choice(name, place) for name, place in work.chosen.items()}
    reached = still_needed(wanted, found, pool)
    # What is not needed any more, and only keeps itself, may have asked for something.
    is_first = (work.place(name, reached) == work.chosen[name] for name in reached)
    return reached if all(is_first) else None


class _Work:
    """The choices so far, what was asked by whom, and the libraries to look at (again)."""

    def __init__(self, provider: ReleaseProvider) -> None:
        self.chosen: dict[LibraryName, int] = {}
        self._provider = provider
        self._asked: dict[LibraryName, dict[LibraryName | None, list[Wanted]]] = {}
        self._depth: dict[LibraryName, int] = {}
        self._heap: list[tuple[int, LibraryName]] = []
        self._pending: set[LibraryName] = set()

    def ask(self, by: LibraryName | None, requirements: Iterable[Wanted], *, depth: int) -> None:
        """Note what somebody asks for."""
        for one in requirements:
            name = one.dependency.library
            self._asked.setdefault(name, {}).setdefault(by, []).append(one)
            self._depth[name] = max(self._depth.get(name, 0), depth + 1)
            self._look_at(name)

    def _look_at(self, name: LibraryName) -> None:
        self._pending.add(name)
        heappush(self._heap, (self._depth[name], name))

    def next(self) -> LibraryName | None:
        """The library to choose now; None when all are chosen."""
        while self._heap:
            depth, name = heappop(self._heap)
            # An entry of a lesser depth was overtaken by a later one.
            if name in self._pending and depth == self._depth[name]:
                self._pending.discard(name)
                return name
        return None

    def choose(self, name: LibraryName) -> bool:
        """Choose a version; False when there is none."""
        if not self._asked[name]:
            self._take_back(name)
            return True
        place = self.place(name)
        if place is None:
            return False
        if place != self.chosen.get(name):
            self._take_back(name)
            self.chosen[name] = place
            self.ask(name, self._provider.needs(name, place), depth=self._depth[name])
        return True

    def place(self, name: LibraryName, among: Collection[LibraryName] | None = None) -> int | None:
        """The first version that fits what is asked, by all or by those among these."""
        requirements = [
            one
            for by, found in self._asked[name].items()
            if by is None or among is None or by in among
            for one in found
        ]
        return self._provider.first(name, requirements)

    def _take_back(self, name: LibraryName) -> None:
        """Take back the requirements of the version that was chosen before."""
        before = self.chosen.pop(name, None)
        if before is None:
            return
        for need in self._provider.needs(name, before):
            other = need.dependency.library
            if self._asked[other].pop(name, None) is not None:
                self._look_at(other)
