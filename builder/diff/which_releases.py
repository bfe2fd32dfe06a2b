"""Choose the two releases to compare, and where each is read: a registry, or an author's files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from builder.diff.compare import compare
from builder.diff.model import Bump, InterfaceDiff
from builder.diff.required import (
    Verdict,
    comparable,
    judge,
    judge_against,
    previous_version,
)
from registry.checks.release import check_release
from registry.errors import ConflictError, NotFoundError
from registry.formats.model import ReleaseContent
from registry.library.core import core_library
from registry.library.release_state import Library, ReleaseRecord, ReleaseState
from registry.names import CORE, LibraryName
from registry.problems import InvalidLibraryError
from registry.snapshots.registry import Registry, Snapshot
from registry.snapshots.release_reader import read_content
from registry.sources.release_source import read_source
from registry.versions import Version, parse_version


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedReleases:
    """Two releases of a library, what changed and what that demands.

    ``old`` and ``diff`` are None for a first release. ``verdict`` is None where nothing is
    demanded: of a first release, and when the two are not an older stable one and a newer one.
    """

    library: LibraryName
    old: Version | None
    new: Version
    diff: InterfaceDiff | None
    verdict: Verdict | None
    source: str = ""
    """The place that the new release was read from, if not from the registry."""

    @property
    def ok(self) -> bool:
        """True if the new version is not too low."""
        return self.verdict is None or self.verdict.ok


class Chooser:
    """Finds and compares releases of one snapshot."""

    def __init__(self, registry: Registry, snapshot: Snapshot) -> None:
        """``snapshot`` is one of ``registry``."""
        self._registry = registry
        self._snapshot = snapshot

    def candidates(self) -> list[ComparedReleases]:
        """Every candidate against the release before it, sorted by library and version."""
        libraries = list(self._snapshot.libraries(self._snapshot.names))
        for library in libraries:
            _refuse_alarms(library)
        return [
            self.candidate(library, record)
            for library in libraries
            for record in reversed(library.releases)
            if record.state is ReleaseState.CANDIDATE
        ]

    def candidate(self, library: Library, record: ReleaseRecord) -> ComparedReleases:
        """One candidate against the greatest lower stable release."""
        old = previous_version(comparable(library.releases), record.version)
        return self._compared(library, old, record.version)

    def named(
        self, name: LibraryName, old: Version | None, new: Version | None
    ) -> ComparedReleases:
        """Two releases of a library; those that are left out are chosen.

        NEW: the greatest candidate, else the greatest release. OLD: the greatest stable release
        below. Raises NotFoundError.
        """
        library = self._library(name)
        if old is None or new is None:
            _refuse_alarms(library)
        chosen = new or self._newest(library, above=old)
        before = old or previous_version(comparable(library.releases), chosen)
        return self._compared(library, before, chosen)

    def source(self, path: Path, old: Version | None) -> ComparedReleases:
        """An author's files against a release.

        It is the one given, else the greatest stable one that is not above. Raises NotFoundError,
        or InvalidLibraryError when the files are not a library.
        """
        checked = check_release(read_source(path), strict=False)
        if checked.content is None:
            raise InvalidLibraryError(str(path), checked.problems)
        content = checked.content
        name, version = content.manifest.name, parse_version(content.manifest.version)
        known = name == CORE or name in self._snapshot.names
        before: Version | None = old
        if known and old is None:
            _refuse_alarms(self._library(name))
            versions = comparable(self._library(name).releases)
            released = version in versions and version.is_stable
            before = version if released else previous_version(versions, version)
        if before is None:
            return _first(name, version, str(path))
        diff = compare(self._content(self._library(name), before), content)
        same_again = before == version and diff.bump is Bump.NONE
        judged = before.is_stable and before <= version and not same_again
        return ComparedReleases(
            library=name,
            old=before,
            new=version,
            diff=diff,
            verdict=judge_against(before, version, diff.bump) if judged else None,
            source=str(path),
        )

    def _compared(self, library: Library, old: Version | None, new: Version) -> ComparedReleases:
        after = self._content(library, new)
        if old is None:
            return _first(library.name, new)
        diff = compare(self._content(library, old), after)
        judged = old.is_stable and old < new
        verdict = judge([old], new, diff.bump) if judged else None
        return ComparedReleases(library=library.name, old=old, new=new, diff=diff, verdict=verdict)

    def _newest(self, library: Library, above: Version | None) -> Version:
        candidates = [r for r in library.releases if r.state is ReleaseState.CANDIDATE]
        stable = [r for r in library.releases if r.is_served and r.version.is_stable]
        served = [r for r in library.releases if r.is_served]
        for records in (candidates, stable, served):
            found = [r.version for r in records if above is None or r.version > above]
            if found:
                return max(found)
        raise NotFoundError(
            f"{library.name} has no release" + (f" above {above}" if above else ""),
            next_step=f"See its releases with 'opsteps show {library.name}'",
        )

    def _library(self, name: LibraryName) -> Library:
        return self._snapshot.library(name)

    def _content(self, library: Library, version: Version) -> ReleaseContent:
        record = library.release(version)
        if library.name == CORE and record is not None:
            content = core_library().content
            if content is not None:
                return content
        if record is None or record.tree is None:
            raise NotFoundError(
                f"{library.name} has no release {version} here",
                where=str(self._snapshot.commit)[:12],
                next_step=f"See its releases with 'opsteps show {library.name}'",
            )
        content, problems = read_content(
            self._registry.repository, record.tree, self._registry.limits
        )
        if content is None:
            raise InvalidLibraryError(f"{library.name} {version}", problems)
        return content


def _refuse_alarms(library: Library) -> None:
    """Raise ConflictError where a release is not to be trusted: it may be the one to compare with.

    What is left out would decide: without it a breaking version could pass as a first one.
    """
    if library.alarms:
        raise ConflictError(
            f"{library.name} cannot be compared: {library.alarms[0]}",
            next_step="Find out what happened with 'opsteps verify', or name two versions",
        )


def _first(name: LibraryName, version: Version, source: str = "") -> ComparedReleases:
    return ComparedReleases(
        library=name, old=None, new=version, diff=None, verdict=None, source=source
    )
