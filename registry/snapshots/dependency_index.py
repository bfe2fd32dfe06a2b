"""The dependencies of every library at a commit: read once, then kept by tree ids."""

from __future__ import annotations

import threading
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import orjson

from registry.errors import InvalidNameError
from registry.files.cache_file import read_derived, write_derived
from registry.git.repository import GitRepository, Wave
from registry.git.trees import parse_tree
from registry.names import LibraryName, ObjectId
from registry.versions import Dependency, Version, is_version, parse_dependency, parse_version

_FILE = "dependencies.json"
_VERSION = "dependencies-2"
_ANY_HOST = "1.0.0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """The requirements of one release: on other libraries, and on OpsConductor itself."""

    dependencies: tuple[str, ...] = ()
    host: str = _ANY_HOST


Releases = dict[str, Needs]
"""The needs of every version of a library that has a directory."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DependencyIndex:
    """The requirements of all releases and candidates of all libraries, by library."""

    libraries: Mapping[LibraryName, Mapping[str, Needs]]

    def requirements(self, name: LibraryName, version: Version) -> tuple[Dependency, ...]:
        """The requirements of one release; one that cannot be read requires nothing."""
        needs = self.libraries.get(name, {}).get(str(version), Needs())
        parsed = (_dependency(text) for text in needs.dependencies)
        return tuple(dependency for dependency in parsed if dependency is not None)

    def host(self, name: LibraryName, version: Version) -> Version:
        """The least version of OpsConductor that one release runs with."""
        needs = self.libraries.get(name, {}).get(str(version), Needs())
        try:
            return parse_version(needs.host)
        except InvalidNameError:
            return parse_version(_ANY_HOST)

    def dependents(self, name: LibraryName) -> Iterator[tuple[LibraryName, Version, Dependency]]:
        """Every release that names this library, with what it demands of it."""
        for other, releases in self.libraries.items():
            for version, needs in releases.items():
                for text in needs.dependencies:
                    if name in text:  # far cheaper than to parse each
                        dependency = _dependency(text)
                        if dependency is not None and dependency.library == name:
                            yield other, parse_version(version), dependency


def _dependency(text: str) -> Dependency | None:
    try:
        return parse_dependency(text)
    except InvalidNameError:
        return None


class IndexMemory:
    """The index of a registry whose head moves: kept in memory, and in a file once in a while."""

    # Libraries newly read before the file is worth writing again.
    _WORTH_WRITING = 200

    def __init__(self, repository: GitRepository, directory: Path) -> None:
        """``directory`` is where the file is kept."""
        self._repository = repository
        self._path = directory / _FILE
        self._lock = threading.Lock()
        self._known: dict[ObjectId, Releases] | None = None
        self._unwritten = 0

    def at(self, trees: Mapping[LibraryName, ObjectId]) -> DependencyIndex:
        """The index of these libraries; only those whose tree is not known yet are read."""
        with self._lock:
            known = self._known if self._known is not None else _kept(self._path)
            missing = [tree for tree in trees.values() if tree not in known]
            if missing:
                known = {**known, **read_requirements(self._repository, missing)}
            if len(known) > 2 * len(trees):
                known = {tree: known[tree] for tree in trees.values()}
            self._known = known
            self._unwritten += len(missing)
            if self._unwritten >= self._WORTH_WRITING:
                write_derived(self._path, known, version=_VERSION)
                self._unwritten = 0
            return DependencyIndex(libraries={name: known[tree] for name, tree in trees.items()})


def _kept(path: Path) -> dict[ObjectId, Releases]:
    kept = read_derived(path, version=_VERSION, kind=dict[str, Releases]) or {}
    return {ObjectId(tree): releases for tree, releases in kept.items()}


def load_index(
    repository: GitRepository, trees: Mapping[LibraryName, ObjectId], directory: Path
) -> DependencyIndex:
    """The index of these libraries; only those whose tree is not known yet are read.

    It is kept in ``directory``; what cannot be read there is made again.
    """
    path = directory / _FILE
    known = _kept(path)
    missing = [tree for tree in trees.values() if tree not in known]
    if missing:
        known.update(read_requirements(repository, missing))
        here = {tree: known[tree] for tree in trees.values()}
        write_derived(path, here, version=_VERSION)
    return DependencyIndex(libraries={name: known[tree] for name, tree in trees.items()})


def read_requirements(
    repository: GitRepository, trees: Sequence[ObjectId]
) -> dict[ObjectId, Releases]:
    """The requirements in the manifests of libraries, by the trees of the libraries."""
    versions = {
        tree: {name: entry for name, entry in entries.items() if is_version(name)}
        for tree, entries in _entries(repository, trees).items()
    }
    releases = _entries(repository, [t for found in versions.values() for t in found.values()])
    wave = Wave(repository)
    for entries in releases.values():
        if "manifest.json" in entries:
            wave.want(entries["manifest.json"])
    manifests = wave.fetch()
    found: dict[ObjectId, Releases] = {tree: {} for tree in trees}
    for library, directories in versions.items():
        for version, tree in directories.items():
            manifest = manifests.get(releases.get(tree, {}).get("manifest.json", ObjectId("")))
            found[library][version] = _needs(manifest.content if manifest else b"")
    return found


def _entries(
    repository: GitRepository, trees: Sequence[ObjectId]
) -> dict[ObjectId, dict[str, ObjectId]]:
    wave = Wave(repository)
    for tree in trees:
        wave.want(tree)
    return {
        object_id: {entry.name: entry.object_id for entry in parse_tree(found.content)}
        for object_id, found in wave.fetch().items()
        if found.type == "tree"
    }


class _Manifest(msgspec.Struct):
    dependencies: tuple[str, ...] = ()
    min_opsconductor_version: str = _ANY_HOST


def _needs(raw: bytes) -> Needs:
    try:
        read = msgspec.convert(orjson.loads(raw.removeprefix(BOM_UTF8)), type=_Manifest)
    except (orjson.JSONDecodeError, msgspec.ValidationError):
        return Needs()
    return Needs(dependencies=read.dependencies, host=read.min_opsconductor_version)
