"""Releases that are sound on another branch, and that the base does not have yet.

Such a release is nobody's stray tag: whoever deleted it on a review's advice would destroy it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from builder.review.evidence.model import ReviewedLibrary
from registry.formats.library_file import facts_path
from registry.formats.parsing import parse_library_facts
from registry.git.repository import GitRepository
from registry.library.release_state import TagFacts
from registry.names import CommitId
from registry.problems import printable
from registry.remotes.release_branch import standing
from registry.remotes.unsent import unpublished
from registry.snapshots.registry import Registry
from registry.versions import Version

_HEADS = "refs/heads/"
_REMOTES = "refs/remotes/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Elsewhere:
    """The place of a release that the base lacks, in words, and what to do before a merge."""

    place: str
    expected: str


def released_elsewhere(
    registry: Registry, change: ReviewedLibrary, head: CommitId
) -> Mapping[Version, Elsewhere]:
    """The tagged versions that the base's ledger lacks, and a branch's ledger has as tagged.

    The branch under review, at ``head``, speaks for itself only where it is the default one.
    """
    found = {}
    for version in (change.tags or {}).keys() - change.ledger.keys():
        tag = (change.tags or {})[version]
        places = _places(registry, change, version, tag, head)
        if places:
            found[version] = _elsewhere(registry, places)
    return found


def _places(
    registry: Registry, change: ReviewedLibrary, version: Version, tag: TagFacts, head: CommitId
) -> list[str]:
    """The branches with the tagged commit on which this is a sound release."""
    if tag.commit is None or tag.digest is None:
        return []
    out = registry.repository.run(
        "for-each-ref", "--format=%(objectname) %(refname)", f"--contains={tag.commit}",
        _HEADS, _REMOTES,
    )  # fmt: skip
    rows = (line.split(" ", 1) for line in out.decode(errors="surrogateescape").splitlines())
    where = standing(registry)
    main = {f"{_HEADS}{where.default}", f"{_REMOTES}{where.remote}/{where.default}"}
    refs = [ref for commit, ref in rows if commit != head or ref in main]
    return [ref for ref in refs if _states(registry.repository, ref, change, version, tag)]


def _states(
    repository: GitRepository, ref: str, change: ReviewedLibrary, version: Version, tag: TagFacts
) -> bool:
    """True if a branch's ledger says of a version what its tag says."""
    found = repository.object(f"{ref}:{facts_path(change.name)}")
    facts = parse_library_facts(found.content).value if found is not None else None
    entry = facts.ledger.get(str(version)) if facts is not None else None
    return entry is not None and entry.digest == tag.digest


def _elsewhere(registry: Registry, places: list[str]) -> Elsewhere:
    where = standing(registry)
    default, remote = where.default, where.remote
    theirs = f"{remote}/{default}"
    if remote and f"{_REMOTES}{theirs}" in places:
        return Elsewhere(
            place=f"on {printable(theirs)}, which is ahead of the base",
            expected=f"review against it, with --base {printable(theirs)}",
        )
    if f"{_HEADS}{default}" in places:
        found = unpublished(registry, branch=default, remote=remote) if remote else None
        if found is None:
            return Elsewhere(
                place=f"on {printable(default)}, which is ahead of the base",
                expected=f"review against it, with --base {printable(default)}",
            )
        return Elsewhere(
            place=f"on {printable(default)} here, and not yet on {printable(theirs)}",
            expected=f"push it first: {found.command(registry.path)}",
        )
    names = [ref.removeprefix(_HEADS).removeprefix(_REMOTES) for ref in places]
    return Elsewhere(
        place=f"on the branch {printable(names[0])}, and not at the base",
        expected=f"leave the tag; merge {printable(names[0])} into the base first",
    )
