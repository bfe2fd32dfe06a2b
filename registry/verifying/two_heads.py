"""Judge what came between two heads, as `verify` judges a whole history: for whoever follows one.

The older head was judged before and is believed. What is asked for is what changed: commits,
trees, and the tags of the libraries that they touch. Every rule is that of `verify`; what is
added is the memory of the tags, which no history holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from registry.formats.model import Deprecation, LedgerEntry, LibraryFacts, Yank
from registry.names import CommitId, Digest, LibraryName, ObjectId
from registry.signing.keys import PublicKey
from registry.snapshots.registry import Registry
from registry.trust.acts import Act, library_acts
from registry.trust.commit_walk import commits_ahead, edge_below
from registry.trust.evidence import History, Introduction, Release
from registry.trust.report import Attack, CheckName, Finding
from registry.trust.trusted_head import TRUST_NEXT, attack_on_descent, describe_descent
from registry.verifying.attestation_rules import judge_acts
from registry.verifying.attested_records import counting_records
from registry.verifying.history import read_history_since
from registry.verifying.instance_changes import instance_acts, instance_acts_at_edge
from registry.verifying.instance_keys import read_key_history
from registry.verifying.ledger_rules import Examined, examine
from registry.verifying.release_rules import (
    SYMBOLIC,
    ReleaseEvidence,
    is_ahead,
    judge_release,
    unreadable_facts,
)
from registry.verifying.removal_rules import judge_unrecorded
from registry.verifying.served_tags import ServedTags
from registry.verifying.signed_registry_file import vouching
from registry.verifying.tag_evidence import Ref, list_tags, read_tag_objects, read_tags
from registry.verifying.tree_shapes import judge_new_shapes

OTHER_DIGEST = "its digest in the ledger is not the one that was served"
_SET_ANEW = "'opsteps repair' makes it a tag again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """A release as it once was served: the object of its tag, and its digest."""

    tag: ObjectId
    digest: Digest


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadJudgement:
    """The findings between two heads; notes are not attacks, but worth a person's look."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def judge_between(
    registry: Registry,
    old: CommitId,
    new: CommitId,
    *,
    remembered: Mapping[Release, Remembered],
    all_tags: bool = False,
    accepted: Collection[str] = (),
    administrators: Collection[PublicKey] = (),
) -> HeadJudgement:
    """Judge everything that came after ``old``, which was judged before, up to ``new``.

    ``old`` is the last head of which nothing was found, so that what a later commit heals is
    healed. Tags are compared with ``remembered`` for the libraries that changed, with ``all_tags``
    for all: only that costs as much as there are tags. ``accepted`` are identities of findings
    that were acknowledged; ``administrators`` may change the instance keys.

    A new release whose tag is not there is not judged: it may be on its way, and is not served
    before it is there. Raises IncompleteHistoryError and DamagedObjectError for what cannot be
    read, GitError.
    """
    repository = registry.repository
    refs = list_tags(repository) if all_tags else {}
    unknown = {name for name, version in refs if (name, version) not in remembered}
    history = read_history_since(repository, new, old, also=unknown)
    names = history.libraries.keys() | history.edge[old].keys() | unknown
    if not all_tags:
        refs = list_tags(repository, names)
    near = {release: ref for release, ref in refs.items() if release[0] in names}
    examined = examine(history, _known(registry, history, old, refs, remembered))
    keys = read_key_history(repository, history, vouching(repository, administrators))
    removals = judge_unrecorded(
        history,
        examined.unrecorded,
        examined.records,
        counting=counting_records(repository, history, keys, examined.unrecorded, examined.records),
    )
    instances = list(instance_acts(repository, history))
    seeds = [
        *_acts_at_edge(history, old),
        *instance_acts_at_edge(repository, history, (act.path for act in instances)),
    ]
    acts = judge_acts(repository, history, [*examined.acts, *instances, *keys.acts], keys, seeds)
    findings = (
        *_descent(registry, history, old),
        *judge_new_shapes(repository, history.commits[old].tree, history.commits[new].tree),
        *unreadable_facts(history),
        *examined.findings,
        *removals.findings,
        *acts.findings,
        *_remembered(registry, history, old, refs, remembered, all_tags=all_tags),
        *_new_releases(registry, history, old, examined, near),
    )
    return HeadJudgement(
        findings=tuple(finding for finding in findings if finding.identity not in accepted),
        notes=(*removals.notes, *acts.notes, *(sentence for _, sentence in examined.owners)),
    )


def _descent(registry: Registry, history: History, old: CommitId) -> Iterator[Finding]:
    below = {parent for commit in history.commits.values() for parent in commit.parents}
    if history.head == old or old in below:
        return
    attack = attack_on_descent(registry, history.head, old)
    if attack is not None:
        yield Finding(
            check=CheckName.DESCENT,
            attack=attack,
            what=describe_descent(attack, history.head, old),
            evidence=f"head {history.head}; before {old}",
            next_step=TRUST_NEXT.format(head=history.head[:12]),
        )


def _known(
    registry: Registry,
    history: History,
    old: CommitId,
    refs: Mapping[Release, Ref],
    remembered: Mapping[Release, Remembered],
) -> Examined:
    """Return the result that an examination of everything up to the older head would have had."""
    known = Examined()
    before = history.edge[old]
    facts = {name: _facts(history, tree) for name, tree in before.items()}
    trees = dict(_released_trees(registry, history, before, refs, remembered))
    for (name, version), released in trees.items():
        known.introductions[name, version] = [
            Introduction(commit=history.commits[old], tree=released, owners=facts[name].owners)
        ]
    return known


def _acts_at_edge(history: History, old: CommitId) -> Iterator[Act]:
    """Yield acts for the state at the older head, as if done there: a merge may take it over.

    A branch that begins before that head knows less of it: nothing is taken back by going there.
    """
    if len(history.edge) == 1:  # nothing is merged that begins before
        return
    for name, tree in history.edge[old].items():
        now = _facts(history, tree)
        yield from library_acts(history.commits[old], None, name, LibraryFacts(), now)
        yanked = {v for others in history.edge.values() for v in _yanks(history, others, name)}
        before = replace(now, yanked=dict.fromkeys(yanked, Yank(reason="")) | now.yanked)
        yield from library_acts(history.commits[old], None, name, before, now)
        if now.deprecated is None:
            before = replace(now, deprecated=Deprecation(reason=""))
            yield from library_acts(history.commits[old], None, name, before, now)


def _yanks(
    history: History, libraries: Mapping[LibraryName, ObjectId], name: LibraryName
) -> Collection[str]:
    return _facts(history, libraries.get(name)).yanked


def _released_trees(
    registry: Registry,
    history: History,
    before: Mapping[LibraryName, ObjectId],
    refs: Mapping[Release, Ref],
    remembered: Mapping[Release, Remembered],
) -> Iterator[tuple[Release, ObjectId]]:
    """The tree of each release of the older head: where it was removed, as its tag states it."""
    comes = {
        (change.name, version)
        for change in history.changes
        for version in history.releases_at(change.after)
    }
    removed: dict[Release, ObjectId] = {}
    for name, directory in before.items():
        there = history.releases_at(directory)
        for release, _ in _entries(history, name, directory):
            if release[1] in there:
                yield release, there[release[1]]
            elif release in comes and release in remembered:
                removed[release] = remembered[release].tag
            elif release in comes and release in refs:
                removed[release] = refs[release].object_id
    stated = read_tag_objects(registry.repository, removed.values())
    for release, tag in removed.items():
        if tag in stated and (tree := stated[tag].tree) is not None:
            yield release, tree


def _facts(history: History, tree: ObjectId | None) -> LibraryFacts:
    return history.facts_at(tree) or LibraryFacts()


def _remembered(
    registry: Registry,
    history: History,
    old: CommitId,
    refs: Mapping[Release, Ref],
    remembered: Mapping[Release, Remembered],
    *,
    all_tags: bool,
) -> Iterator[Finding]:
    """Releases that are not as they were served, of the libraries that changed or of all."""
    ledgers = {
        release: entry
        for trees in (history.edge[old], history.libraries)
        for name, tree in trees.items()
        for release, entry in _entries(history, name, tree)
    }
    wrong: list[tuple[Release, Remembered, Ref | None]] = []
    for release in remembered if all_tags else ledgers:
        was, ref = remembered.get(release), refs.get(release)
        if was is None:
            continue
        if ref is None or ref.object_id != was.tag or ref.symbolic:
            wrong.append((release, was, ref))
        entry = ledgers.get(release)
        if entry is not None and entry.digest != was.digest:
            yield Finding(
                check=CheckName.LEDGERS,
                attack=Attack.ALTERED_RELEASE,
                library=release[0],
                version=release[1],
                what=OTHER_DIGEST,
                evidence=f"ledger sha256:{entry.digest}; served sha256:{was.digest}",
                next_step="Find out who changed it; compare with another clone",
            )
    yield from _tag_findings(registry, history.head, wrong)


def _entries(
    history: History, name: LibraryName, tree: ObjectId
) -> Iterator[tuple[Release, LedgerEntry]]:
    for version, entry in _facts(history, tree).ledger.items():
        yield (name, version), entry


def _tag_findings(
    registry: Registry,
    head: CommitId,
    wrong: Collection[tuple[Release, Remembered, Ref | None]],
) -> Iterator[Finding]:
    """Yield the findings about tags that are not those that were served, or are other names."""
    ids = [one for _, was, ref in wrong for one in (was.tag, ref.object_id if ref else was.tag)]
    tags = ServedTags(registry.repository, head, ids)
    for release, was, ref in wrong:
        if ref is None:
            what, evidence = "its tag was deleted", f"it was {was.tag}"
        elif ref.object_id == was.tag:
            what, evidence = SYMBOLIC, f"it leads to {ref.symbolic[:200]}"
        elif not tags.is_made_anew(ref.object_id, was.tag, was.digest):
            what = "its tag is not the one that was served: it was moved or replaced"
            evidence = f"tag {ref.object_id}; served {was.tag}"
        else:
            continue
        mend = _SET_ANEW if what == SYMBOLIC else tags.putting_back(release, was.tag)
        name, version = release
        yield Finding(
            check=CheckName.TAGS,
            attack=Attack.ALTERED_RELEASE,
            library=name,
            version=version,
            what=what,
            evidence=evidence,
            next_step=f"Find out who changed it: {mend}",
        )


def _new_releases(
    registry: Registry,
    history: History,
    old: CommitId,
    examined: Examined,
    refs: Mapping[Release, Ref],
) -> Iterator[Finding]:
    """Yield the findings about releases that the older head did not know, and stray tags."""
    before = {name: _facts(history, tree) for name, tree in history.edge[old].items()}
    new = {
        (name, version): ref
        for (name, version), ref in refs.items()
        if version not in before.get(name, LibraryFacts()).ledger
    }
    tags = read_tags(registry.repository, new)
    judged: list[ReleaseEvidence] = []
    for (name, version), tag in tags.items():
        tree = history.libraries.get(name)
        facts = history.facts_at(tree)
        if facts is None:  # nothing is known of it, and that is found
            continue
        evidence = ReleaseEvidence(
            name=name,
            version=version,
            entry=facts.ledger.get(version),
            tag=tag,
            tree=history.releases_at(tree).get(version),
            introductions=tuple(examined.introductions.get((name, version), ())),
        )
        judged.append(evidence)
    strays = [one for one in judged if one.entry is None]
    tips = {one.tag.commit for one in strays if one.tag is not None and one.tag.commit}
    edge = edge_below(registry.repository, history.head, tips)
    ahead = commits_ahead(registry.repository, history.head, edge, tips)
    for one in judged:
        if not is_ahead(one, ahead):
            yield from judge_release(one, history)
