"""The libraries' part of a build: which to render, which to keep, whose links went stale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from builder.catalogue.build.workers import Part, Progress, Task, render_libraries
from builder.catalogue.output.site_state import LibraryRecord, SiteState
from builder.catalogue.output.tree_writer import Changes, TreeWriter
from builder.quality.trust_criteria import age_step
from builder.search.browser.records import write_records
from registry.advisories.reading import Advisories
from registry.names import CORE, LibraryName
from registry.snapshots.registry import Registry, Snapshot


@dataclass(frozen=True, kw_only=True, slots=True)
class Libraries:
    """All libraries of a site after the phase, and what was done for it."""

    listed: dict[str, LibraryRecord]
    unlisted: dict[str, str]
    bodies: dict[str, tuple[bytes, ...]]
    """The steps' JSON of the libraries that were rendered."""
    changes: Changes


def changed_names(
    known: SiteState | None, keys: Mapping[LibraryName, str], as_of: str
) -> list[LibraryName]:
    """The libraries whose key, or whose age in the quality score, is not that of the site."""
    if known is None:
        return list(keys)
    return [
        name
        for name, key in keys.items()
        if _known_key(known, name) != key or _has_aged(known.libraries.get(name), as_of)
    ]


def _has_aged(record: LibraryRecord | None, as_of: str) -> bool:
    return record is not None and age_step(record.newest, as_of) != record.age


def library_keys(snapshot: Snapshot, advisories: Advisories) -> dict[LibraryName, str]:
    """Of each library, a text that changes with what makes up its pages, but for its age."""
    return {
        name: f"{snapshot.key(name)}:{advisories.key(name)}" for name in (CORE, *snapshot.names)
    }


def _known_key(known: SiteState, name: str) -> str | None:
    record = known.libraries.get(name)
    return record.key if record is not None else known.unlisted.get(name)


def gone_names(live: SiteState | None, keys: Mapping[LibraryName, str]) -> list[str]:
    """The libraries that the site shows and the registry has no more."""
    return [name for name in live.libraries if name not in keys] if live else []


def render_changed(
    task: Task,
    known: SiteState | None,
    registry: Registry,
    snapshot: Snapshot,
    *,
    jobs: int,
    progress: Progress,
) -> Libraries:
    """Bring the pages of all libraries up to date; ``known`` is what may be kept of the site."""
    names = changed_names(known, task.keys, task.context.as_of)
    rendered = set(names)
    kept = dict(_kept(known, task.keys, rendered))
    unlisted: dict[str, str] = {
        name: key for name, key in task.keys.items() if name not in rendered and name not in kept
    }
    # Which of the changed ones have a page is only known when they are read: first assume all.
    task = _listing(task, frozenset(task.keys) - frozenset(unlisted))
    part = render_libraries(task, registry, snapshot, names, jobs=jobs, progress=progress)
    _remove_gone(task, part)
    listed = {**kept, **part.libraries}
    unlisted.update(part.unlisted)
    was_listed = frozenset(known.libraries) if known else frozenset()
    stale = [
        *_linking(part.libraries.values(), task.context.listed ^ listed.keys()),
        *_linking(kept.values(), was_listed ^ listed.keys()),
    ]
    if stale:
        again = replace(_listing(task, frozenset(listed)), before=listed)
        more = render_libraries(again, registry, snapshot, stale, jobs=jobs, progress=progress)
        part.add(more)
        listed.update(more.libraries)
    changes = Changes(written=part.written, removed=part.removed, unchanged=part.unchanged)
    return Libraries(listed=listed, unlisted=unlisted, bodies=part.bodies, changes=changes)


def _listing(task: Task, listed: frozenset[str]) -> Task:
    return replace(task, context=replace(task.context, listed=listed))


def _kept(
    known: SiteState | None, keys: Mapping[LibraryName, str], rendered: set[LibraryName]
) -> Iterator[tuple[str, LibraryRecord]]:
    for name in keys:
        if known is not None and name not in rendered and name in known.libraries:
            yield name, known.libraries[name]


def _linking(records: Iterable[LibraryRecord], names: Iterable[str]) -> list[LibraryName]:
    """The libraries whose pages say of one of these names whether it has a page."""
    wanted = frozenset(names)
    if not wanted:
        return []
    return [LibraryName(r.name) for r in records if not wanted.isdisjoint(r.mentions)]


def _remove_gone(task: Task, part: Part) -> None:
    gone = [name for name in task.before if name not in task.keys]
    changes = Changes()
    writer = TreeWriter(task.target)
    for name in gone:
        writer.remove(task.before[name].outputs, changes)
    if task.records is not None:
        write_records(task.records, dict.fromkeys(gone))
    part.removed += changes.removed
