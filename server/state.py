"""Everything that is served at one commit, and how the next such state is made from this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from registry.names import CORE, CommitId
from server.lists import LongList, make_list, with_replaced
from server.served import ServedLibrary, ServedStep

ALARMS_KEPT = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Lists:
    """The lists that are asked for without a filter."""

    steps: LongList
    libraries: LongList
    usable_libraries: LongList

    def all(self) -> tuple[LongList, ...]:
        """Those that are worth compressing."""
        return (self.steps, self.libraries, self.usable_libraries)


@dataclass(frozen=True, kw_only=True, slots=True)
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
    awaiting: tuple[str, ...]
    """Libraries with a release whose tag may follow at any moment."""

    def library(self, key: str) -> ServedLibrary | None:
        """A library by its name or by its integer id."""
        if key.isdecimal() and key.isascii():
            return self.by_id.get(int(key)) if len(key) <= len(str(2**53)) else None
        return self.libraries.get(key)


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
    return Served(
        commit=commit,
        committed_at=committed_at,
        libraries=by_name,
        by_id={library.id: library for library in by_name.values()},
        steps={step.id: step for one in by_name.values() for step in one.visible_steps},
        lists=_make_lists(by_name, contiguous_max_bytes, None),
        alarms=_alarms(by_name),
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
    # One that was hidden before is not known here, and one of nothing is no change.
    hidden = (library.name for library in read if library.is_hidden)
    removed = tuple(name for name in (*removed, *hidden) if name in by_name)
    in_order = all(library.name in by_name for library in changed)
    for name in (*removed, *(library.name for library in changed)):
        old = before.libraries.get(name)
        if old is not None:
            by_id.pop(old.id, None)
            for step in old.visible_steps:
                steps.pop(step.id, None)
    for name in removed:
        by_name.pop(name, None)
    for library in changed:
        by_name[library.name] = library
        by_id[library.id] = library
        steps.update((step.id, step) for step in library.visible_steps)
    if not in_order:
        by_name = dict(sorted(by_name.items(), key=lambda item: (item[0] != CORE, item[0])))
    # Without an alarm before and now, there is no need to look at every library for one.
    is_troubled = bool(before.alarms or before.awaiting) or any(
        library.status == "error" for library in changed
    )
    return Served(
        commit=commit,
        committed_at=committed_at,
        libraries=by_name,
        by_id=by_id,
        steps=steps,
        lists=(
            _make_lists(by_name, contiguous_max_bytes, before.lists)
            if removed
            else _next_lists(before, by_name, changed, contiguous_max_bytes)
        ),
        alarms=_alarms(by_name) if is_troubled else (),
        awaiting=_awaiting(by_name) if is_troubled else (),
    )


def _order(library: ServedLibrary) -> tuple[bool, str]:
    return (library.name != CORE, library.name)


def _make_lists(
    by_name: Mapping[str, ServedLibrary], contiguous: int, before: Lists | None
) -> Lists:
    everything = by_name.values()
    shown = [one for one in everything if one.is_enabled and one.steps]
    return Lists(
        steps=make_list(
            shown,
            _bodies,
            b'{"steps":[',
            steps_tail(
                sum(len(one.steps) for one in shown),
                {category for one in shown for category in one.categories},
                [one.name for one in shown],
            ),
            contiguous_max_bytes=contiguous,
            previous=before.steps if before else None,
        ),
        libraries=make_list(
            everything,
            _summary,
            b"[",
            b"]",
            contiguous_max_bytes=contiguous,
            previous=before.libraries if before else None,
        ),
        usable_libraries=make_list(
            [one for one in everything if one.is_usable],
            _summary,
            b"[",
            b"]",
            contiguous_max_bytes=contiguous,
            previous=before.usable_libraries if before else None,
        ),
    )


def _next_lists(
    before: Served,
    by_name: Mapping[str, ServedLibrary],
    changed: Sequence[ServedLibrary],
    most: int,
) -> Lists:
    """The lists after a change; when nothing in them came or went, only the pieces touched."""
    if not all(_same_place(before.libraries.get(one.name), one) for one in changed):
        return _make_lists(by_name, most, before.lists)
    new = {library.name: library for library in changed}
    usable = {name: library for name, library in new.items() if library.is_usable}
    shown = {name: library for name, library in usable.items() if library.steps}
    lists = before.lists
    return Lists(
        steps=with_replaced(
            lists.steps, shown, _bodies, lists.steps.tail, contiguous_max_bytes=most
        ),
        libraries=with_replaced(lists.libraries, new, _summary, b"]", contiguous_max_bytes=most),
        usable_libraries=with_replaced(
            lists.usable_libraries, usable, _summary, b"]", contiguous_max_bytes=most
        ),
    )


def _same_place(old: ServedLibrary | None, new: ServedLibrary) -> bool:
    """Whether a library is in the same lists as before, and counts the same there."""
    return (
        old is not None
        and old.is_enabled == new.is_enabled
        and old.is_usable == new.is_usable
        and len(old.steps) == len(new.steps)
        and old.categories == new.categories
    )


def _bodies(library: ServedLibrary) -> list[bytes]:
    return [step.body for step in library.steps]


def _summary(library: ServedLibrary) -> tuple[bytes, ...]:
    return (library.summary,)


def steps_tail(count: int, categories: Iterable[str], libraries: Iterable[str]) -> bytes:
    """What ends a list of steps; the same bytes as ``wire.step_list_bytes`` writes."""
    fields = {
        "total_count": count,
        "categories": sorted(set(categories)),
        "libraries": sorted(set(libraries)),
    }
    return b"]," + msgspec.json.encode(fields)[1:]


def _awaiting(by_name: Mapping[str, ServedLibrary]) -> tuple[str, ...]:
    return tuple(library.name for library in by_name.values() if library.awaits_tag)


def _alarms(by_name: Mapping[str, ServedLibrary]) -> tuple[str, ...]:
    found = [
        f"{library.name}: {problem}"
        for library in by_name.values()
        if library.status == "error"
        for problem in library.problems
    ]
    return tuple(found[:ALARMS_KEPT])
