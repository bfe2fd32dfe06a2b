"""Some libraries at a head: their facts, releases and operator's file, O(those libraries).

A snapshot knows every library, which an operation on a few does not have the time for. Its reader,
`library_loader`, stays apart: it serves on through damage, by what was served before, and reads
contents; here a missing object ends the operation. Tags and ancestry are read alike for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from registry.errors import GitError
from registry.formats.instance_file import InstanceFile, instance_path, parse_instance_file
from registry.formats.model import LibraryFacts
from registry.formats.parsing import parse_library_facts
from registry.git.missing import object_at
from registry.git.repository import GitObject, Wave
from registry.git.trees import parse_tree
from registry.library.release_state import (
    ReleaseRecord,
    ReleaseState,
    TagFacts,
    choose_active,
    decide_release,
)
from registry.names import CommitId, LibraryName, ObjectId
from registry.snapshots.one_library import LibraryAt
from registry.snapshots.registry import Registry
from registry.snapshots.tag_reader import read_tags
from registry.versions import Version, parse_version, version_or_none


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryObjects:
    """The objects of one library in Git: its directory, and the operator's file about it."""

    tree: ObjectId | None = None
    instance: ObjectId | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryAtHead:
    """One library at a commit. Facts that cannot be read know no release.

    ``releases`` are what is released there, as far as the reader looked: by the ledger alone, or
    by directory, ledger and tag together.
    """

    exists: bool = False
    facts: LibraryFacts = field(default_factory=LibraryFacts)
    trees: Mapping[Version, ObjectId] = field(default_factory=dict)
    instance: InstanceFile = field(default_factory=InstanceFile)
    releases: tuple[ReleaseRecord, ...] = ()

    @property
    def is_enabled(self) -> bool:
        """False only when the operator turned it off."""
        return self.instance.facts.enabled

    @property
    def active(self) -> Version | None:
        """The version that answers a lookup without one, once the library is enabled."""
        return self.active_with(self.instance.pin)

    def active_with(self, pin: Version | None) -> Version | None:
        """As `active`, with another pin."""
        chosen = choose_active(self.releases, pin)
        return chosen.version if chosen is not None else None

    def with_facts(self, facts: LibraryFacts) -> LibraryAtHead:
        """As it will be once these facts, with other yanks, are committed."""
        releases = (
            replace(record, yank=facts.yanked.get(str(record.version))) for record in self.releases
        )
        return replace(self, facts=facts, releases=tuple(releases))

    def release(self, version: Version) -> ReleaseRecord | None:
        """The record of one version."""
        return next((record for record in self.releases if record.version == version), None)


def place_of(registry: Registry, name: LibraryName, head: CommitId) -> LibraryObjects:
    """Return the objects of one library at a head."""
    paths = (f"libraries/{name}", instance_path(registry.instance, name))
    tree, instance = (object_at(registry.repository, head, path) for path in paths)
    return LibraryObjects(
        tree=tree.object_id if tree is not None and tree.type == "tree" else None,
        instance=instance.object_id if instance is not None else None,
    )


def states_by_ledger(
    registry: Registry, places: Mapping[LibraryName, LibraryObjects]
) -> dict[LibraryName, LibraryAtHead]:
    """Return the releases by ledger and directory alone: for a commit of the past.

    Raises InvalidLibraryError for an operator's file that cannot be read.
    """
    return {
        name: _with_releases(state, _recorded(state))
        for name, state in _states(registry, places).items()
    }


def states_at(
    registry: Registry, places: Mapping[LibraryName, LibraryObjects], head: CommitId
) -> dict[LibraryName, LibraryAtHead]:
    """Return what is released and served at a head, with the tags that are there now.

    Raises InvalidLibraryError for an operator's file that cannot be read.
    """
    tags = read_tags(registry.repository, places.keys(), head)
    return {
        name: _with_releases(state, _decided(state, tags.get(name, {})))
        for name, state in _states(registry, places).items()
    }


def state_at(registry: Registry, at: LibraryAt) -> LibraryAtHead:
    """As `states_at`, for a library that an operation has read."""
    places = {at.name: place_of(registry, at.name, at.head)}
    return states_at(registry, places, at.head)[at.name]


def _with_releases(state: LibraryAtHead, records: Iterable[ReleaseRecord]) -> LibraryAtHead:
    ordered = sorted(records, key=lambda record: record.version, reverse=True)
    return replace(state, releases=tuple(ordered))


def _recorded(state: LibraryAtHead) -> Iterator[ReleaseRecord]:
    for version in _ledger(state):
        tree = state.trees.get(version)
        yield ReleaseRecord(
            version=version,
            state=ReleaseState.WITHDRAWN if tree is None else ReleaseState.RELEASED,
            tree=tree,
            yank=state.facts.yanked.get(str(version)),
            removal=state.facts.removed.get(str(version)),
        )


def _decided(state: LibraryAtHead, tags: Mapping[Version, TagFacts]) -> Iterator[ReleaseRecord]:
    for version in {*state.trees, *_ledger(state), *tags}:
        yield decide_release(
            version, tree=state.trees.get(version), facts=state.facts, tag=tags.get(version)
        )


def _ledger(state: LibraryAtHead) -> Iterator[Version]:
    return (parse_version(text) for text in state.facts.ledger)


def _states(
    registry: Registry, places: Mapping[LibraryName, LibraryObjects]
) -> dict[LibraryName, LibraryAtHead]:
    """All directories and operators' files in one request, then all facts in another."""
    wave = Wave(registry.repository)
    for place in places.values():
        for object_id in (place.tree, place.instance):
            if object_id is not None:
                wave.want(object_id)
    found = wave.fetch_all()
    listed = {name: _entries(found, place.tree) for name, place in places.items()}
    facts = Wave(registry.repository)
    for entries in listed.values():
        if "library.yaml" in entries:
            facts.want(entries["library.yaml"])
    blobs = facts.fetch_all()
    return {
        name: LibraryAtHead(
            exists=bool(listed[name]),
            facts=_facts(blobs.get(listed[name].get("library.yaml", ObjectId("")))),
            trees=dict(_version_trees(listed[name])),
            instance=_instance(registry.instance, name, place, found),
        )
        for name, place in places.items()
    }


def _entries(found: Mapping[ObjectId, GitObject], tree: ObjectId | None) -> dict[str, ObjectId]:
    """The facts and the directories of a library."""
    item = found.get(tree) if tree is not None else None
    if item is None or item.type != "tree":
        return {}
    return {
        entry.name: entry.object_id
        for entry in parse_tree(item.content)
        if entry.is_tree or (entry.is_file and entry.name == "library.yaml")
    }


def _version_trees(entries: Mapping[str, ObjectId]) -> Iterator[tuple[Version, ObjectId]]:
    for name, object_id in entries.items():
        version = version_or_none(name)
        if version is not None:
            yield version, object_id


def _facts(blob: GitObject | None) -> LibraryFacts:
    parsed = parse_library_facts(blob.content) if blob is not None else None
    return (parsed.value if parsed is not None else None) or LibraryFacts()


def _instance(
    instance: str, name: LibraryName, place: LibraryObjects, found: Mapping[ObjectId, GitObject]
) -> InstanceFile:
    if place.instance is None:
        return InstanceFile()
    blob, file = found.get(place.instance), instance_path(instance, name)
    if blob is None or blob.type != "blob":
        raise GitError(
            "the file is missing from the repository",
            where=file,
            next_step="Restore it from another clone",
        )
    return parse_instance_file(blob.content, file=file)
