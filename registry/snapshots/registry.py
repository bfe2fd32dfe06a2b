"""A registry at one commit: what is in it, read from Git objects and never from loose files.

Invariants:
- a snapshot never changes; everything it answers is what the commit (and the tags that were there
  when it was opened) holds, whatever happens to the working tree meanwhile;
- reading one library costs O(that library) plus, once a snapshot, one tree of names;
- a library that cannot be read is a library with problems, never an error for its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Self

from registry.errors import NoSuchCommitError, NotARegistryError, NotFoundError
from registry.files.sharing import share
from registry.formats.model import RegistryFacts, ReleaseContent
from registry.git.clone_state import CloneState, read_clone_state
from registry.git.repository import GitRepository
from registry.git.state_links import refuse_links
from registry.git.tag_refs import TagRef
from registry.git.unborn_head import no_commit
from registry.library.core import core_library
from registry.library.release_state import Library
from registry.limits import DEFAULT_LIMITS, Limits
from registry.names import CORE, CommitId, LibraryName, ObjectId, is_library_name
from registry.problems import InvalidLibraryError, printable
from registry.served.memory import Memory, RememberedLibrary
from registry.snapshots.head_index import SHA1_LENGTH, HeadIndex, read_state
from registry.snapshots.library_loader import LibrarySource, load_libraries
from registry.snapshots.release_reader import read_content, read_files
from registry.versions import Version, is_version

# Libraries read together: enough to keep Git's pipe full, few enough to stay small in memory.
_CHUNK = 200


class Snapshot:
    """A registry at one commit, immutable."""

    def __init__(
        self,
        repository: GitRepository,
        state: HeadIndex,
        limits: Limits,
        remembered: Mapping[str, RememberedLibrary],
    ) -> None:
        """Made by `Registry.snapshot`."""
        self._repository = repository
        self._state = state
        self._limits = limits
        self._remembered = remembered

    @property
    def commit(self) -> CommitId:
        """The commit that this is a snapshot of."""
        return self._state.commit

    @property
    def committed_at(self) -> str:
        """The time of the commit: RFC 3339, UTC."""
        return self._state.committed_at

    def has_ancestor(self, commit: CommitId) -> bool:
        """True if this is a snapshot of that commit or of one after it."""
        return commit in self._state.ancestors

    @cached_property
    def stray_tags(self) -> int:
        """Release tags of libraries that are not here: of commits that this one does not have."""
        return sum(
            is_version(version)
            for name, tags in self._state.tags.items()
            if name not in self._state.trees and is_library_name(name)
            for version in tags
        )

    @property
    def facts(self) -> RegistryFacts:
        """``registry.yaml``."""
        return self._state.facts

    @property
    def names(self) -> tuple[LibraryName, ...]:
        """The names of all libraries, sorted, without the built-in ``core``.

        Those that were served and went without a removal are among them.
        """
        if not self._gone:
            return tuple(self._state.trees)
        return tuple(sorted((*self._state.trees, *self._gone)))

    @cached_property
    def _gone(self) -> frozenset[LibraryName]:
        lost = self._remembered.keys() - self._state.trees.keys()
        return frozenset(LibraryName(name) for name in lost if self._remembered[name].releases)

    def as_it_is(self) -> Snapshot:
        """The same, without looking at what was served of it."""
        return Snapshot(self._repository, self._state, self._limits, {})

    def known(self, name: LibraryName) -> RememberedLibrary | None:
        """Return the memory of a library that was served on this machine."""
        return self._remembered.get(name)

    def key(self, name: LibraryName) -> str:
        """A text that changes exactly when what makes up this library changes."""
        if name == CORE:
            return "core-1"
        state = self._state
        tags = state.tags.get(name, {})
        parts = [self._tree(name) or "-", state.instances.get(name, "-")]
        for version, tag in sorted(tags.items()):
            is_ancestor = tag.commit in state.ancestors
            # A stranger's tag may have a name that is not UTF-8, and what is kept of this is.
            parts.append(f"{printable(version)}{'=' if is_ancestor else '!'}{tag.object_id[:16]}")
        known = self._remembered.get(name)
        if known is not None:
            parts += _differing(known, tags)
        return ":".join(parts)

    def changed_since(self, before: Snapshot) -> frozenset[LibraryName]:
        """The names whose key is not what it was in ``before``, also of libraries that are gone.

        Compares tables, so it costs far less than asking for every key.
        """
        old, new = before._state, self._state
        names = {name for name, _ in old.trees.items() ^ new.trees.items()}
        names.update(LibraryName(name) for name, _ in old.instances.items() ^ new.instances.items())
        if old.tags is not new.tags:
            known = old.tags
            names.update(
                LibraryName(name)
                for name, tags in new.tags.items()
                if known.get(name) is not tags and known.get(name, {}) != tags
            )
            names.update(LibraryName(name) for name in known.keys() - new.tags.keys())
        if old.commit != new.commit:
            names.update(
                LibraryName(name)
                for name, tags in new.tags.items()
                for tag in tags.values()
                if _is_moved(tag.commit, old, new)
            )
        if before._remembered is not self._remembered:
            names.update(before.names, self.names)
        gone = self._gone | before._gone
        return frozenset(
            name for name in names if name in old.trees or name in new.trees or name in gone
        )

    def _tree(self, name: LibraryName) -> ObjectId | None:
        """The tree of a library; None for one that was served and is gone."""
        tree = self._state.trees.get(name)
        if tree is None and name not in self._gone:
            raise NotFoundError(
                f"there is no library {name!r}",
                next_step="List the libraries with 'opsteps search'",
            ).among(name, self._state.trees)
        return tree

    def library(self, name: LibraryName) -> Library:
        """One library; raises NotFoundError."""
        return next(self.libraries([name]))

    def libraries(self, names: Iterable[LibraryName] | None = None) -> Iterator[Library]:
        """Libraries in bulk, streaming: all of them (``core`` first, then by name) or those named.

        Raises NotFoundError for a name that is not there.
        """
        wanted = [CORE, *self.names] if names is None else list(names)
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            sources = [self._source(name) for name in chunk if name != CORE]
            loaded = load_libraries(self._repository, sources, self._limits)
            for name in chunk:
                yield core_library() if name == CORE else next(loaded)

    def _source(self, name: LibraryName) -> LibrarySource:
        state = self._state
        return LibrarySource(
            name=name,
            tree=self._tree(name),
            instance=state.instances.get(name),
            tags={v: tag.object_id for v, tag in state.tags.get(name, {}).items()},
            ancestors=state.ancestors,
            known=self._remembered.get(name),
        )

    def content(self, name: LibraryName, version: Version) -> ReleaseContent:
        """Any served release, parsed; raises NotFoundError, or InvalidLibraryError."""
        if name == CORE:
            return _core_content(version)
        content, problems = read_content(
            self._repository, self._release_tree(name, version), self._limits
        )
        if content is None:
            raise InvalidLibraryError(f"{name} {version}", problems)
        return content

    def files(self, name: LibraryName, version: Version, under: str = "") -> dict[str, bytes]:
        """The files of a served release by path, or those below a folder such as ``docs/``."""
        if name == CORE:
            return {}
        return read_files(self._repository, self._release_tree(name, version), under)

    def _release_tree(self, name: LibraryName, version: Version) -> ObjectId:
        library = self.library(name)
        record = library.release(version)
        if record is None or not record.is_served or record.tree is None:
            why = f": {record.alarm or record.state}" if record is not None else ""
            raise NotFoundError(
                f"{name} has no release {version} that is served{why}",
                next_step=f"See its releases with 'opsteps show {name}'",
            ).among(str(version), [str(r.version) for r in library.releases if r.is_served])
        return record.tree


def _differing(known: RememberedLibrary, tags: Mapping[str, TagRef]) -> Iterator[str]:
    """Yield the differences between tags and those that were served; none where all is right."""
    if known.accepted:
        yield f"accepted{known.accepted}"
    for release in known.releases:
        tag = tags.get(release.version)
        if tag is None or tag.object_id != release.tag:
            yield f"{release.version}~{release.tag[:16]}"


def _is_moved(commit: CommitId | None, old: HeadIndex, new: HeadIndex) -> bool:
    """True if a commit is before one of the two states' heads and not before the other's."""
    if new.since is not None and new.since[0] == old.commit:
        return commit in new.since[1]
    return (commit in old.ancestors) is not (commit in new.ancestors)


def _core_content(version: Version) -> ReleaseContent:
    core = core_library()
    if core.content is None or core.active is None or core.active.version != version:
        raise NotFoundError(f"core has no release {version}", next_step="Use the one built in")
    return core.content


class Registry:
    """A Git registry on this machine."""

    def __init__(
        self,
        repository: GitRepository,
        *,
        instance: str,
        remote: str | None,
        limits: Limits,
        remote_seconds: float | None,
    ) -> None:
        """Made by `Registry.open`."""
        self.remote_seconds = remote_seconds
        self.repository = repository
        self.instance = instance
        self.remote = remote
        self.limits = limits
        self.served_branch: str | None = None
        """For a server: the branch that its setting names, else empty; its changes go nowhere but
        where it serves."""
        self.memory = Memory(repository.git_dir / "opsteps")
        """The releases served from this working tree: another one may have another branch."""
        self.remembers = False
        """True if snapshots are held to it: those of servers are, and of what they start."""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        instance: str = "production",
        remote: str | None = None,
        limits: Limits = DEFAULT_LIMITS,
        remote_seconds: float | None = None,
        check_clone: bool = True,
    ) -> Self:
        """Open the repository at ``path``; raises NotARegistryError.

        Also raises IncompleteCloneError for a clone without the older commits or the release tags
        that answers depend on, unless ``check_clone`` is off: a server says so and goes on.
        With a ``remote``, a name that Git knows, every write moves the refs there first; what it
        is asked is given up after ``remote_seconds``.
        """
        repository = GitRepository(path)
        refuse_links(repository)
        share(repository.config)
        opened = cls(
            repository,
            instance=instance,
            remote=remote,
            limits=limits,
            remote_seconds=remote_seconds,
        )
        if check_clone:
            try:
                opened.clone_state().refuse_incomplete(opened.path)
            except BaseException:
                opened.close()
                raise
        return opened

    def clone_state(self) -> CloneState:
        """Return the parts that this clone lacks; raises GitError."""
        return read_clone_state(self.repository)

    @property
    def path(self) -> Path:
        """The working tree, or the repository itself when it is bare."""
        return self.repository.work_tree or self.repository.git_dir

    @property
    def state_directory(self) -> Path:
        """The directory of derived, machine-local files of this registry; never committed."""
        return self.repository.common_dir / "opsteps"

    @property
    def branch(self) -> str:
        """The ref that HEAD names, such as ``refs/heads/main``; ``HEAD`` itself when detached."""
        text = (self.repository.git_dir / "HEAD").read_text(errors="surrogateescape").strip()
        return text.removeprefix("ref:").strip() if text.startswith("ref:") else "HEAD"

    def close(self) -> None:
        """End the processes that read for this registry."""
        self.repository.close()

    def __enter__(self) -> Self:
        """Close it at the end of a ``with``."""
        return self

    def __exit__(self, *_: object) -> None:
        """As `close`."""
        self.close()

    def head(self) -> CommitId:
        """The commit that HEAD names now, by reading the ref's file where that is enough.

        Raises NotARegistryError when there is no commit yet.
        """
        loose = self._loose_head()
        if loose is not None:
            return loose
        try:
            return self.repository.resolve_commit("HEAD")
        except NoSuchCommitError as error:
            raise self._no_head() from error

    def _no_head(self) -> NotARegistryError:
        """Return the error for a HEAD without a commit: there is none, or on other branches."""
        return no_commit(self.repository, self.branch, self.path)

    def _loose_head(self) -> CommitId | None:
        try:
            text = (self.repository.git_dir / "HEAD").read_text(errors="surrogateescape").strip()
            if text.startswith("ref: refs/"):
                text = (self.repository.common_dir / text[5:]).read_text().strip()
        except OSError:
            return None
        return CommitId(text) if len(text) == SHA1_LENGTH and text.isalnum() else None

    def snapshot(
        self,
        commit: CommitId | None = None,
        *,
        previous: Snapshot | None = None,
        all_tags: bool = True,
    ) -> Snapshot:
        """The registry at a commit (HEAD when None); raises NotARegistryError.

        With ``previous`` only the difference is read. ``all_tags=False`` then also trusts the tags
        that it knew of libraries that did not change, which spares O(registry) work.
        """
        before = previous._state if previous is not None else None  # noqa: SLF001 - the same module
        state = read_state(
            self.repository,
            commit or self.head(),
            instance=self.instance,
            where=self.path,
            before=before,
            all_tags=all_tags,
        )
        known: Mapping[str, RememberedLibrary] = {}
        if self.remembers:
            self.memory.refresh()
            known = self.memory.libraries
        return Snapshot(self.repository, state, self.limits, known)
