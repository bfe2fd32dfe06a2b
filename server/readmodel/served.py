"""Everything that is served at one commit, and how the next such state is made from this one."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from registry.names import CORE, CommitId
from server.readmodel.long_lists import LongList, make_list, order, with_changes
from server.readmodel.records import ServedLibrary, ServedStep

ALARMS_KEPT = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """The end of the list of steps: their count, their categories, their libraries (sorted)."""

    count: int
    categories: Mapping[str, int]
    """The number of libraries that have each."""
    names: Sequence[str]

    def tail(self) -> bytes:
        """The bytes that they are at the end of the list."""
        return steps_tail(self.count, self.categories, self.names)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lists:
    """The lists that are asked for without a filter."""

    steps: LongList
    libraries: LongList
    usable_libraries: LongList
    totals: Totals
    """Of the steps in the first of them."""

    def all(self) -> tuple[LongList, ...]:
        """Those that are worth compressing."""
        return (self.steps, self.libraries, self.usable_libraries)


@dataclass(frozen=True, kw_only=True, slots=True, weakref_slot=True)
class Served:
    """A registry at one commit, as it goes over the wire. A request sees one from start to end."""

    commit: CommitId
    committed_at: str
    libraries: Mapping[str, ServedLibrary]
    """By name: ``core`` first, then sorted."""
    by_id: Mapping[int, ServedLibrary]
    steps: Mapping[str, ServedStep]
    """The visible steps by id, in no particular order."""
    lists: Lists
    alarms: tuple[str, ...]
    """The first `ALARMS_KEPT` of them."""
    alarm_count: int
    awaiting: tuple[str, ...]
    """Libraries with a release whose tag may follow at any moment."""

    def library(self, key: str) -> ServedLibrary | None:
        """A library by its name or by its integer id."""
        if key.isdecimal() and key.isascii():
            return self.by_id.get(int(key)) if len(key) <= len(str(2**53)) else None
        return self.libraries.get(key)

    @property
    def steps_etag(self) -> bytes:
        """A hash of all visible steps: they may be others at the same commit."""
        return self.lists.steps.plain.etag

    @property
    def library_count(self) -> int:
        """Those that somebody installed or released: ``core`` is always there."""
        return len(self.libraries) - (CORE in self.libraries)

    @property
    def step_count(self) -> int:
        """The visible steps of these libraries."""
        core = self.libraries.get(CORE)
        return len(self.steps) - (len(core.visible_steps) if core is not None else 0)


def make_served(
    libraries: Iterable[ServedLibrary],
    *,
    commit: CommitId,
    committed_at: str,
    contiguous_max_bytes: int,
) -> Served:
    """The state of all these libraries."""
    shown = (library for library in libraries if not library.is_hidden)
    by_name = {library.name: library for library in sorted(shown, key=_order)}
    alarms = _alarms(by_name)
    return Served(
        commit=commit,
        committed_at=committed_at,
        libraries=by_name,
        by_id={library.id: library for library in by_name.values()},
        steps={step.id: step for one in by_name.values() for step in one.visible_steps},
        lists=_make_lists(by_name, contiguous_max_bytes),
        alarms=tuple(alarms[:ALARMS_KEPT]),
        alarm_count=len(alarms),
        awaiting=_awaiting(by_name),
    )


def next_served(
    before: Served,
    changed: Iterable[ServedLibrary],
    removed: Iterable[str],
    *,
    commit: CommitId,
    committed_at: str,
    contiguous_max_bytes: int,
) -> Served:
    """The state after a change; costs copies of the tables, not work for each library in them."""
    by_name, by_id, steps = dict(before.libraries), dict(before.by_id), dict(before.steps)
    read = tuple(changed)
    changed = tuple(library for library in read if not library.is_hidden)
    # One that was hidden before is not known here, so that removing it changes nothing.
    hidden = (library.name for library in read if library.is_hidden)
    removed = tuple(name for name in dict.fromkeys((*removed, *hidden)) if name in by_name)
    names = list(by_name)
    for name in (*removed, *(library.name for library in changed)):
        old = before.libraries.get(name)
        if old is not None:
            by_id.pop(old.id, None)
            for step in old.visible_steps:
                steps.pop(step.id, None)
    for name in removed:
        by_name.pop(name, None)
        names.remove(name)
    for library in changed:
        if library.name not in by_name:
            insort(names, library.name, lo=1, key=order)
        by_name[library.name] = library
        by_id[library.id] = library
        steps.update((step.id, step) for step in library.visible_steps)
    if any(library.name not in before.libraries for library in changed):
        by_name = {name: by_name[name] for name in names}
    # Without an alarm before and now, there is no need to look at every library for one.
    is_troubled = bool(before.alarms or before.awaiting) or any(
        library.status == "error" for library in changed
    )
    alarms = _alarms(by_name) if is_troubled else []
    changes: dict[str, ServedLibrary | None] = dict.fromkeys(removed)
    changes.update((library.name, library) for library in changed)
    return Served(
        commit=commit,
        committed_at=committed_at,
        libraries=by_name,
        by_id=by_id,
        steps=steps,
        lists=_next_lists(before, changes, contiguous_max_bytes),
        alarms=tuple(alarms[:ALARMS_KEPT]),
        alarm_count=len(alarms),
        awaiting=_awaiting(by_name) if is_troubled else (),
    )


def _is_any(library: ServedLibrary) -> bool:
    del library  # all are listed
    return True


def _is_usable(library: ServedLibrary) -> bool:
    return library.is_usable


def _is_shown(library: ServedLibrary) -> bool:
    return library.is_enabled and bool(library.steps)


def _order(library: ServedLibrary) -> str:
    return order(library.name)


def _make_lists(by_name: Mapping[str, ServedLibrary], contiguous: int) -> Lists:
    everything = by_name.values()
    shown = [one for one in everything if _is_shown(one)]
    totals = Totals(
        count=sum(len(one.steps) for one in shown),
        categories=Counter(category for one in shown for category in one.categories),
        names=[one.name for one in shown],
    )
    usable = [one for one in everything if one.is_usable]
    return Lists(
        steps=make_list(
            shown, _bodies, b'{"steps":[', totals.tail(), contiguous_max_bytes=contiguous
        ),
        libraries=make_list(everything, _summary, b"[", b"]", contiguous_max_bytes=contiguous),
        usable_libraries=make_list(usable, _summary, b"[", b"]", contiguous_max_bytes=contiguous),
        totals=totals,
    )


def _next_lists(before: Served, changes: Mapping[str, ServedLibrary | None], most: int) -> Lists:
    """Return the lists after a change: only the pieces that are touched are made again."""
    lists = before.lists

    def of(is_in: Callable[[ServedLibrary], bool]) -> dict[str, ServedLibrary | None]:
        found: dict[str, ServedLibrary | None] = {}
        for name, library in changes.items():
            old = before.libraries.get(name)
            if library is not None and is_in(library):
                found[name] = library
            elif old is not None and is_in(old):
                found[name] = None
        return found

    shown = of(_is_shown)
    totals = _next_totals(lists.totals, before.libraries, shown)
    tail = lists.steps.tail if totals is lists.totals else totals.tail()
    return Lists(
        steps=with_changes(lists.steps, shown, _bodies, tail, contiguous_max_bytes=most),
        libraries=with_changes(
            lists.libraries, of(_is_any), _summary, b"]", contiguous_max_bytes=most
        ),
        usable_libraries=with_changes(
            lists.usable_libraries, of(_is_usable), _summary, b"]", contiguous_max_bytes=most
        ),
        totals=totals,
    )


def _counts_alike(old: ServedLibrary | None, new: ServedLibrary | None) -> bool:
    return (
        old is not None
        and new is not None
        and _is_shown(old)
        and len(old.steps) == len(new.steps)
        and old.categories == new.categories
    )


def _next_totals(
    before: Totals,
    libraries: Mapping[str, ServedLibrary],
    shown: Mapping[str, ServedLibrary | None],
) -> Totals:
    if all(_counts_alike(libraries.get(name), new) for name, new in shown.items()):
        return before
    count, categories, names = before.count, Counter(before.categories), list(before.names)
    for name, library in shown.items():
        old = libraries.get(name)
        if old is not None and _is_shown(old):
            count -= len(old.steps)
            categories.subtract(old.categories)
            del names[bisect_left(names, order(name), key=order)]
        if library is not None:
            count += len(library.steps)
            categories.update(library.categories)
            insort(names, name, key=order)
    return Totals(count=count, categories=+categories, names=names)


def _bodies(library: ServedLibrary) -> list[bytes]:
    return [step.body for step in library.steps]


def _summary(library: ServedLibrary) -> tuple[bytes, ...]:
    return (library.summary,)


def steps_tail(count: int, categories: Iterable[str], libraries: Iterable[str]) -> bytes:
    """Return the end of a list of steps: the same bytes as ``wire.step_list_bytes`` writes."""
    fields = {
        "total_count": count,
        "categories": sorted(set(categories)),
        "libraries": sorted(set(libraries)),
    }
    return b"]," + msgspec.json.encode(fields)[1:]


def _awaiting(by_name: Mapping[str, ServedLibrary]) -> tuple[str, ...]:
    return tuple(library.name for library in by_name.values() if library.awaits_tag)


def _alarms(by_name: Mapping[str, ServedLibrary]) -> list[str]:
    return [
        f"{library.name}: {problem}"
        for library in by_name.values()
        if library.status == "error"
        for problem in library.problems
    ]
