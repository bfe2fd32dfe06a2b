"""Libraries with everything their pages show: all releases and their documents, read in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from builder.catalogue.facts.pictures import PictureReader
from builder.markdown import Picture
from registry.formats.model import ReleaseContent, Step
from registry.git.repository import GitRepository, Wave
from registry.git.trees import TreeEntry, parse_tree
from registry.library.release_state import Library, ReleaseRecord
from registry.names import LibraryName, ObjectId, StepName
from registry.snapshots.registry import Registry, Snapshot
from registry.snapshots.release_reader import read_contents

README = "README.md"
CHANGELOG = "CHANGELOG.md"
SHOWN_RELEASES = 100
"""Releases of a library that have a page; of the others only the JSON is published."""
_DOCUMENTS = frozenset({README, CHANGELOG})
# Together in memory: a library's releases can be many.
_TOGETHER = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadableRelease:
    """One release that is served and can be read."""

    record: ReleaseRecord
    content: ReleaseContent
    documents: Mapping[str, bytes] = field(default_factory=dict)
    """README.md and CHANGELOG.md, where they exist; only of releases that have a page."""
    has_tests: bool = False
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    """The pictures that its documents show, by their path in the release."""

    @property
    def version(self) -> str:
        """Its version as text."""
        return str(self.record.version)


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One library as its pages need it."""

    library: Library
    releases: tuple[ReadableRelease, ...] = ()
    """Greatest first. A step that is the same in two releases is the same object."""
    picture_files: Mapping[str, bytes] = field(default_factory=dict)
    """The files of these pictures, by the address that each has below the library's page."""

    @property
    def active(self) -> ReadableRelease | None:
        """The active release, when it can be read."""
        return next((r for r in self.releases if r.record == self.library.active), None)

    @property
    def shown(self) -> tuple[ReadableRelease, ...]:
        """The releases that have a page: the greatest, and the active one."""
        active = self.library.active
        rest = (r for r in self.releases[SHOWN_RELEASES:] if r.record == active)
        return (*self.releases[:SHOWN_RELEASES], *rest)


def is_listed(library: Library) -> bool:
    """True if the catalogue shows a library: neither disabled, nor uninstalled, nor unreleased."""
    if not library.is_enabled:
        return False
    has_alarm = any(record.alarm for record in library.releases)
    return library.content is not None or bool(library.problems) or has_alarm


def read_sources(
    registry: Registry, snapshot: Snapshot, names: Sequence[LibraryName]
) -> Iterator[Source]:
    """The listed ones among these libraries, in their order."""
    for start in range(0, len(names), _TOGETHER):
        chunk = names[start : start + _TOGETHER]
        # Read to the end before anything else is asked of the same Git process.
        libraries = [library for library in snapshot.libraries(chunk) if is_listed(library)]
        older = _older(registry, libraries)
        sources = [_source(library, older.get(library.name, [])) for library in libraries]
        yield from _with_documents(registry.repository, sources)


_Pair = tuple[ReleaseRecord, ReleaseContent]


def _older(registry: Registry, libraries: Sequence[Library]) -> dict[LibraryName, list[_Pair]]:
    wanted = [
        (library.name, record)
        for library in libraries
        for record in library.releases
        if record.is_served and record.tree is not None and record != library.active
    ]
    if not wanted:
        return {}
    trees = [record.tree for _, record in wanted]
    contents = read_contents(registry.repository, trees, registry.limits)
    found: dict[LibraryName, list[_Pair]] = {}
    for (name, record), (content, _) in zip(wanted, contents, strict=True):
        if content is not None:
            found.setdefault(name, []).append((record, content))
    return found


def _source(library: Library, pairs: list[_Pair]) -> Source:
    if library.active is not None and library.content is not None:
        pairs = [(library.active, library.content), *pairs]
    known: dict[StepName, list[Step]] = {}
    releases = [
        ReadableRelease(record=record, content=_shared(content, known)) for record, content in pairs
    ]
    releases.sort(key=lambda release: release.record.version, reverse=True)
    return Source(library=library, releases=tuple(releases))


def _shared(content: ReleaseContent, known: dict[StepName, list[Step]]) -> ReleaseContent:
    """The same content, its steps replaced by equal ones that are known: pages are made of them."""
    steps: list[Step] = []
    for step in content.steps:
        same = known.setdefault(step.name, [])
        found = next((other for other in same if other is step or other == step), None)
        if found is None:
            same.append(step)
        steps.append(found or step)
    return replace(content, steps=tuple(steps))


def _with_documents(repository: GitRepository, sources: Sequence[Source]) -> Iterator[Source]:
    trees = [r.record.tree for source in sources for r in source.shown if r.record.tree is not None]
    roots = _listings(repository, trees)
    docs = {
        tree: entries["docs"].object_id
        for tree, entries in roots.items()
        if "docs" in entries and entries["docs"].is_tree
    }
    folders = _listings(repository, docs.values())
    blobs = Wave(repository)
    for entries in folders.values():
        for entry in entries.values():
            if entry.name in _DOCUMENTS and entry.is_file:
                blobs.want(entry.object_id)
    found = blobs.fetch()
    texts = {
        tree: {
            entry.name: found[entry.object_id].content
            for entry in folders.get(folder, {}).values()
            if entry.name in _DOCUMENTS and entry.object_id in found
        }
        for tree, folder in docs.items()
    }
    for source in sources:
        shown = {id(release) for release in source.shown}
        pictures = PictureReader(repository)
        releases = tuple(
            replace(
                release,
                documents=texts.get(release.record.tree, {}),
                has_tests=_has_tests(roots.get(release.record.tree, {})),
                pictures=pictures.read(release.record.tree, texts.get(release.record.tree, {})),
            )
            if release.record.tree is not None and id(release) in shown
            else release
            for release in source.releases
        )
        yield replace(source, releases=releases, picture_files=pictures.files)


def _has_tests(entries: Mapping[str, TreeEntry]) -> bool:
    return "tests" in entries and entries["tests"].is_tree


def _listings(
    repository: GitRepository, trees: Iterable[ObjectId]
) -> dict[ObjectId, dict[str, TreeEntry]]:
    """The entries of each tree by name."""
    wave = Wave(repository)
    for tree in trees:
        wave.want(tree)
    return {
        tree: {entry.name: entry for entry in parse_tree(found.content)}
        for tree, found in wave.fetch().items()
        if found.type == "tree"
    }
