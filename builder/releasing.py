"""Release a candidate by the rules: its version is not below what its changes demand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from builder.content_rules.content import content_problems
from builder.diff.compare import compare
from builder.diff.required import judge_against, previous_version
from builder.errors import VersionTooLowError
from registry.library.release_state import ReleaseState
from registry.names import LibraryName
from registry.problems import InvalidLibraryError
from registry.publishing.add import Added, add_release
from registry.publishing.release import Proposal, Released
from registry.publishing.release import release as release_unjudged
from registry.snapshots.one_library import LibraryAt
from registry.snapshots.registry import Registry
from registry.snapshots.release_reader import read_content
from registry.transactions.transaction import Actor
from registry.versions import Version, parse_version

if TYPE_CHECKING:  # cryptography takes its time to load, and few releases are signed
    from registry.signing.private_keys import PrivateKey


def release_candidate(
    registry: Registry,
    name: LibraryName,
    version: Version | None = None,
    *,
    by: Actor,
    signer: PrivateKey | None = None,
) -> Released:
    """Release by a review's rules; raises VersionTooLowError besides what `release` does."""
    return release_unjudged(
        registry,
        name,
        version,
        by=by,
        signer=signer,
        rule=lambda proposal: _require_version(registry, proposal),
        content_rule=content_problems,
    )


def add_candidate(
    registry: Registry, files: Mapping[str, bytes], *, by: Actor, where: str = ""
) -> Added:
    """As `add_release`, by the rules of a review; raises VersionTooLowError besides."""
    return add_release(
        registry,
        files,
        by=by,
        rule=lambda proposal: _require_version(registry, proposal),
        content_rule=content_problems,
        where=where,
    )


def releasable(registry: Registry) -> list[tuple[LibraryName, Version]]:
    """Every candidate at the head, by library and from the least version up."""
    snapshot = registry.snapshot()
    return [
        (library.name, record.version)
        for library in snapshot.libraries(snapshot.names)
        for record in reversed(library.releases)
        if record.state is ReleaseState.CANDIDATE
    ]


def _require_version(registry: Registry, proposal: Proposal) -> None:
    """Compare with the greatest lower stable release that is there, not yanked and readable."""
    at, version = proposal.at, proposal.version
    before = previous_version(_comparable(at), version)
    if before is None:
        return
    old, problems = read_content(
        registry.repository, at.entries[str(before)].object_id, registry.limits
    )
    if old is None:
        raise InvalidLibraryError(f"libraries/{at.name}/{before}", problems)
    verdict = judge_against(before, version, compare(old, proposal.content).bump)
    if not verdict.ok:
        is_here = str(version) in at.entries
        named = f"{at.name} {before} {version}" if is_here else "DIRECTORY"
        raise VersionTooLowError(
            verdict.reason,
            where=f"{at.name} {version}",
            next_step=f"Give it the version {verdict.least} in manifest.json; see what changed with"
            f" 'opsteps diff {named}'"
            + (f"; take it back with 'opsteps remove {at.name} {version}'" if is_here else ""),
        )


def _comparable(at: LibraryAt) -> list[Version]:
    return [
        parse_version(text)
        for text in at.facts.ledger
        if text not in at.facts.yanked and text in at.entries and at.entries[text].is_tree
    ]
