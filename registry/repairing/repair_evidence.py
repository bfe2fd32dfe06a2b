"""The evidence of a repair: the history, the tags, and `verify`'s findings about releases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from registry.errors import GitError, LimitError
from registry.formats.model import LedgerEntry
from registry.library.digest import release_digest
from registry.names import CommitId, Digest, ObjectId
from registry.snapshots.registry import Registry
from registry.snapshots.release_reader import read_files
from registry.trust.commit_walk import commits_ahead
from registry.trust.evidence import History, Introduction
from registry.trust.report import CheckName, Finding
from registry.trust.trusted_head import read_trusted
from registry.verifying.history import read_history
from registry.verifying.ledger_rules import examine
from registry.verifying.release_rules import ReleaseEvidence, releases_at_head
from registry.verifying.tag_evidence import read_tags
from registry.verifying.verification import VerificationOptions, verify_registry


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Everything that is known at one head. ``ahead`` are commits of tags that come after it."""

    registry: Registry
    head: CommitId
    history: History
    releases: tuple[ReleaseEvidence, ...]
    findings: tuple[Finding, ...]
    ahead: frozenset[CommitId]

    def found(self, library: str, version: str, *, but: CheckName) -> Finding | None:
        """The first finding about a release, or its whole library, that is of no such check."""
        return next(
            (
                finding
                for finding in self.findings
                if finding.library == library
                and finding.version in {"", version}
                and finding.check is not but
            ),
            None,
        )

    def entry_before(self, release: ReleaseEvidence) -> LedgerEntry | None:
        """The entry that the ledger had for a release last; None where it never had one."""
        entries = [
            facts.ledger[release.version]
            for change in self.history.changes
            if change.name == release.name
            and (facts := self.history.facts_at(change.after)) is not None
            and release.version in facts.ledger
        ]
        return entries[-1] if entries else None


def gather_evidence(registry: Registry, head: CommitId) -> Evidence:
    """Read it; raises what `verify` raises."""
    repository = registry.repository
    report = verify_registry(
        registry,
        VerificationOptions(now=datetime.now(UTC)),
        trusted=read_trusted(registry),
        head=head,
    ).report
    history = read_history(repository, head)
    tags = read_tags(repository)
    return Evidence(
        registry=registry,
        head=head,
        history=history,
        releases=tuple(releases_at_head(history, tags, examine(history).introductions)),
        findings=report.findings,
        ahead=frozenset(
            commits_ahead(
                repository,
                head,
                history.commits,
                {tag.commit for tag in tags.values() if tag.commit},
            )
        ),
    )


def released_tree(
    introductions: Iterable[Introduction], digest: Digest, registry: Registry
) -> tuple[Introduction, ObjectId] | None:
    """The commit that released something, with its tree, where its files have the digest."""
    for item in introductions:
        if item.tree is None:
            continue
        files = release_files_of(registry, item.tree)
        if files is not None and release_digest(files) == digest:
            return item, item.tree
    return None


def release_files_of(registry: Registry, tree: ObjectId) -> Mapping[str, bytes] | None:
    """The files of a tree; None where they cannot be read."""
    try:
        return read_files(registry.repository, tree, limits=registry.limits)
    except (GitError, LimitError):
        return None


def raw_object(registry: Registry, object_id: str) -> bytes:
    """The bytes of an object; empty where it is not here."""
    found = registry.repository.object(object_id)
    return found.content if found is not None else b""
