"""Libraries with everything their pages show: older releases and documents, read in bulk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from registry.contents import read_contents
from registry.git import GitRepository, Wave
from registry.library import Library, ReleaseRecord
from registry.model import ReleaseContent
from registry.names import LibraryName, ObjectId
from registry.snapshot import Registry, Snapshot
from registry.trees import parse_tree

README = "README.md"
CHANGELOG = "CHANGELOG.md"
# Together in memory: a library's releases can be many.
_TOGETHER = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One library as its pages need it."""

    library: Library
    older: tuple[tuple[ReleaseRecord, ReleaseContent], ...] = ()
    """Served releases besides the active one that can be read, greatest first."""
    documents: Mapping[str, bytes] = field(default_factory=dict)
    """README.md and CHANGELOG.md of the active release, where they exist."""


def is_listed(library: Library) -> bool:
    """Whether the catalogue shows a library: neither disabled, nor withdrawn, nor unreleased."""
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
        documents = _documents(registry.repository, libraries)
        for library in libraries:
            yield Source(
                library=library,
                older=older.get(library.name, ()),
                documents=documents.get(library.name, {}),
            )


def _older(
    registry: Registry, libraries: Sequence[Library]
) -> dict[LibraryName, tuple[tuple[ReleaseRecord, ReleaseContent], ...]]:
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
    found: dict[LibraryName, list[tuple[ReleaseRecord, ReleaseContent]]] = {}
    for (name, record), (content, _) in zip(wanted, contents, strict=True):
        if content is not None:
            found.setdefault(name, []).append((record, content))
    return {name: tuple(pairs) for name, pairs in found.items()}


def _documents(
    repository: GitRepository, libraries: Sequence[Library]
) -> dict[LibraryName, dict[str, bytes]]:
    roots = {
        library.name: library.active.tree
        for library in libraries
        if library.active is not None and library.active.tree is not None
    }
    folders = _children(repository, roots, ("docs",))
    docs = {name: found["docs"] for name, found in folders.items() if "docs" in found}
    files = _children(repository, docs, (README, CHANGELOG))
    blobs = Wave(repository)
    for entries in files.values():
        for object_id in entries.values():
            blobs.want(object_id)
    found = blobs.fetch()
    return {
        name: {
            file: found[object_id].content
            for file, object_id in entries.items()
            if object_id in found and found[object_id].type == "blob"
        }
        for name, entries in files.items()
    }


def _children(
    repository: GitRepository, trees: Mapping[LibraryName, ObjectId], wanted: Sequence[str]
) -> dict[LibraryName, dict[str, ObjectId]]:
    """Of each tree, the entries with these names."""
    wave = Wave(repository)
    for tree in trees.values():
        wave.want(tree)
    found = wave.fetch()
    return {
        name: {
            entry.name: entry.object_id
            for entry in parse_tree(found[tree].content)
            if entry.name in wanted and (entry.is_file or entry.is_tree)
        }
        for name, tree in trees.items()
        if tree in found and found[tree].type == "tree"
    }
