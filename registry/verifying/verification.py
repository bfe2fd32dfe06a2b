"""Verify a registry at a head: gather, decide, and remember the head when all is well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from registry.formats.timestamps import format_time
from registry.names import CommitId
from registry.signing.keys import PublicKey
from registry.snapshots.registry import Registry
from registry.trust.commit_walk import commits_ahead
from registry.trust.evidence import History
from registry.trust.report import (
    CheckName,
    CheckOutcome,
    Finding,
    VerificationCounts,
    VerificationReport,
    make_report,
)
from registry.trust.trusted_head import TRUST_NEXT, TrustedHead, attack_on_descent, describe_descent
from registry.verifying.attestation_rules import JudgedActs, judge_acts
from registry.verifying.attested_records import counting_records
from registry.verifying.authority import SignedFacts, judge_authority
from registry.verifying.digests import Recorded, check_digests
from registry.verifying.head_check import HeadCheck, check_head_statement
from registry.verifying.history import read_history
from registry.verifying.instance_changes import instance_acts
from registry.verifying.instance_keys import KeyHistory, read_key_history
from registry.verifying.ledger_rules import Examined, examine
from registry.verifying.release_rules import (
    ReleaseEvidence,
    is_ahead,
    judge_release,
    releases_at_head,
    unreadable_facts,
)
from registry.verifying.removal_rules import judge_unrecorded
from registry.verifying.served_check import ServedCheck, check_served
from registry.verifying.signature_rules import judge_signatures
from registry.verifying.signed_registry_file import all_signed_facts, vouching
from registry.verifying.tag_evidence import read_tags
from registry.verifying.tree_shapes import Trees, judge_shapes

_LISTED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationOptions:
    """The request: what to check, with whose keys, and the present time."""

    now: datetime
    administrators: tuple[PublicKey, ...] = ()
    longest: timedelta | None = None
    """The greatest age of a statement of the head."""
    deep: bool = False
    holds_to_served: bool = True
    """True if the head is held to what servers of this clone served, as to what was trusted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """The report, and what to remember of this head if it is to be trusted."""

    report: VerificationReport
    head: TrustedHead


def verify_registry(
    registry: Registry,
    wishes: VerificationOptions,
    *,
    trusted: TrustedHead | None,
    head: CommitId | None = None,
) -> Verified:
    """Check everything up to a head (HEAD when None); changes nothing.

    Raises IncompleteHistoryError and DamagedObjectError for what cannot be read.
    """
    repository = registry.repository
    history = read_history(repository, head or registry.head())
    current, earlier = all_signed_facts(repository, history)
    authority = judge_authority(current, earlier, wishes.administrators)
    examined = examine(history)
    tags = read_tags(repository)
    known = tuple(releases_at_head(history, tags, examined.introductions))
    ahead = commits_ahead(
        repository,
        history.head,
        history.commits,
        {tag.commit for tag in tags.values() if tag.commit},
    )
    releases = tuple(release for release in known if not is_ahead(release, ahead))
    signatures = judge_signatures(releases, authority)
    keys = read_key_history(repository, history, vouching(repository, wishes.administrators))
    removals = judge_unrecorded(
        history,
        examined.unrecorded,
        examined.records,
        counting=counting_records(repository, history, keys, examined.unrecorded, examined.records),
    )
    acts = judge_acts(
        repository,
        history,
        [*examined.acts, *instance_acts(repository, history), *keys.acts],
        keys,
    )
    statement = check_head_statement(
        registry, history, authority, trusted, keys=keys, now=wishes.now, longest=wishes.longest
    )
    descent = _descent(registry, history, trusted)
    served = check_served(registry, history.head) if wishes.holds_to_served else ServedCheck()
    if not descent.findings:  # the trusted head and the served one tell of the same move
        descent = replace(descent, findings=served.findings)
    outcomes = {
        CheckName.DESCENT: descent,
        CheckName.PUBLISHERS: authority.outcome,
        CheckName.SIGNATURES: signatures.outcome,
        CheckName.STATEMENT: statement.statement,
        CheckName.FRESHNESS: statement.freshness,
        **_of_history(history, examined, (*removals.findings, *acts.findings)),
        CheckName.ATTESTED: _attested(keys, acts),
        **_of_releases(history, releases),
        **_of_trees(registry, history, releases, deep=wishes.deep),
    }
    counts = VerificationCounts(
        commits=len(history.commits),
        libraries=len(history.libraries),
        releases=sum(release.entry is not None for release in releases),
        signatures=signatures.signed,
    )
    report = make_report(
        outcomes,
        head=history.head,
        time=wishes.now,
        trusted=trusted.head if trusted is not None else None,
        counts=counts,
        accepted=frozenset(trusted.accepted if trusted is not None else ()),
        notes=(
            *_newer(len(known) - len(releases)),
            *served.notes,
            *removals.notes,
            *acts.notes,
            *_owners(examined),
        ),
    )
    return Verified(
        report=report, head=_to_remember(history, current, statement, trusted, wishes.now)
    )


def _descent(registry: Registry, history: History, trusted: TrustedHead | None) -> CheckOutcome:
    if trusted is None:
        reason = "no head was trusted here before; this one is, if nothing is found"
        return CheckOutcome(detail=reason, not_checkable=reason)
    attack = None
    if trusted.head not in history.commits:
        attack = attack_on_descent(registry, history.head, trusted.head)
    detail = f"from {trusted.head[:12]}, verified {trusted.verified}"
    if attack is None:
        return CheckOutcome(detail=detail)
    finding = Finding(
        check=CheckName.DESCENT,
        attack=attack,
        what=describe_descent(attack, history.head, trusted.head),
        evidence=f"head {history.head}; trusted {trusted.head}, verified {trusted.verified}",
        next_step=TRUST_NEXT.format(head=history.head[:12]),
    )
    return CheckOutcome(detail=detail, findings=(finding,))


def _of_history(
    history: History, examined: Examined, found_too: Iterable[Finding]
) -> dict[CheckName, CheckOutcome]:
    details = {
        CheckName.LEDGERS: f"{len(history.facts):,} states of library.yaml, none shrank or changed",
        CheckName.EDITS: f"{len(history.changes):,} changes of libraries, none to a release"
        + (f"; {len(examined.records):,} removals are written down" if examined.records else ""),
        CheckName.YANKS: "no yank vanished or was rewritten",
    }
    found: dict[CheckName, list[Finding]] = {name: [] for name in details}
    for finding in (*examined.findings, *found_too):
        if finding.check in found:
            found[finding.check].append(finding)
    return {
        name: CheckOutcome(detail=detail, findings=tuple(found[name]))
        for name, detail in details.items()
    }


def _of_releases(
    history: History, releases: Sequence[ReleaseEvidence]
) -> dict[CheckName, CheckOutcome]:
    judged = [finding for release in releases for finding in judge_release(release, history)]
    of_releases = [finding for finding in judged if finding.check is CheckName.RELEASES]
    of_tags = tuple(finding for finding in judged if finding.check is CheckName.TAGS)
    there = sum(release.tree is not None for release in releases)
    tagged = sum(release.tag is not None for release in releases)
    return {
        CheckName.RELEASES: CheckOutcome(
            detail=f"{there:,} directories are what was released",
            findings=(*unreadable_facts(history), *of_releases),
        ),
        CheckName.TAGS: CheckOutcome(
            detail=f"{tagged:,} tags are where they belong", findings=of_tags
        ),
    }


def _of_trees(
    registry: Registry, history: History, releases: Sequence[ReleaseEvidence], *, deep: bool
) -> dict[CheckName, CheckOutcome]:
    repository, trees = registry.repository, Trees()
    root = history.commits[history.head].tree
    trees.read(repository, [root])
    named = {r.tree: (r.name, r.version) for r in releases if r.tree is not None}
    shapes = CheckOutcome(
        detail=f"{len(trees.entries):,} trees at the head are well-formed",
        findings=tuple(judge_shapes(trees, named, root)),
    )
    if not deep:
        digests = CheckOutcome(
            detail="", not_checkable="only with --deep; Git's object ids were compared"
        )
    else:
        digests = check_digests(repository, trees, list(_recorded(releases)), registry.limits)
    return {CheckName.TREES: shapes, CheckName.DIGESTS: digests}


def _recorded(releases: Sequence[ReleaseEvidence]) -> Iterator[Recorded]:
    """Each release with its tree at the head, or where it was released when it is not there now."""
    for release in releases:
        trees = [release.tree, *(item.tree for item in release.introductions)]
        tree = next((tree for tree in trees if tree is not None), None)
        if release.entry is not None and tree is not None:
            yield Recorded(
                name=release.name,
                version=release.version,
                tree=tree,
                digest=release.entry.digest,
            )


def _newer(count: int) -> Iterator[str]:
    if count:
        yield (
            f"{count:,} tags are of releases that come after this head: they were fetched and not"
            " merged, or the head went back; 'opsteps repair' names the command"
        )


def _attested(keys: KeyHistory, acts: JudgedActs) -> CheckOutcome:
    reason = "registry.yaml declares no instance keys, so nothing is attested"
    return CheckOutcome(
        detail="what was taken back, removed or turned on is signed by an instance key",
        findings=tuple(f for f in acts.findings if f.check is CheckName.ATTESTED),
        not_checkable="" if keys.is_any else reason,
    )


def _owners(examined: Examined) -> Iterator[str]:
    """Yield a note for each change of who may release: worth a person's look, whoever signed it."""
    for commit, sentence in examined.owners[-_LISTED:]:
        yield f"{sentence}, in commit {commit[:12]}"
    if len(examined.owners) > _LISTED:
        yield f"{len(examined.owners) - _LISTED:,} changes of owners before these"


def _to_remember(
    history: History,
    current: SignedFacts,
    checked: HeadCheck,
    trusted: TrustedHead | None,
    now: datetime,
) -> TrustedHead:
    statement = checked.believed
    if statement is None and trusted is not None:  # what was seen before is not forgotten
        sequence, time, stated = trusted.sequence, trusted.time, trusted.statement
    else:
        sequence = statement.sequence if statement else 0
        time = format_time(statement.time) if statement else None
        stated = statement.head if statement else None
    return TrustedHead(
        head=history.head,
        verified=format_time(now),
        sequence=sequence,
        time=time,
        statement=stated,
        registry=current.blob,
        signature=history.root.signature,
        accepted=trusted.accepted if trusted is not None else (),
    )
