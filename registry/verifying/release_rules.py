"""Decide over the head: directory, ledger and tag of each release agree, and the tag is genuine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from registry.formats.model import LedgerEntry
from registry.names import CommitId, LibraryName, ObjectId
from registry.trust.evidence import History, Introduction, Release, TagEvidence
from registry.trust.report import Attack, CheckName, Finding

SYMBOLIC = "its tag is only another name of a ref that may move"
_REMOVE_TAG = (
    "Find out who made the tag; 'opsteps repair' says how its release comes back, and how the tag"
    " goes where nobody released this"
)
_RESTORE_TAG = "'opsteps repair' puts the tag right, or says where it can be had"
_RESTORE_FILES = (
    "Restore the directory as it was released, and commit that: "
    "'git restore --source={source} --staged --worktree -- libraries/{name}/{version}'"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseEvidence:
    """Everything that is known of one version of a library."""

    name: LibraryName
    version: str
    entry: LedgerEntry | None
    tag: TagEvidence | None
    tree: ObjectId | None
    """At the head."""
    introductions: tuple[Introduction, ...]


def releases_at_head(
    history: History,
    tags: Mapping[Release, TagEvidence],
    introductions: Mapping[Release, list[Introduction]],
) -> Iterator[ReleaseEvidence]:
    """Every version that is in a ledger or has a tag, by library."""
    named: dict[LibraryName, list[str]] = {}
    for name, version in tags:
        named.setdefault(name, []).append(version)
    for name in sorted(history.libraries.keys() | named.keys()):
        tree = history.libraries.get(name)
        facts = history.facts_at(tree)
        ledger = facts.ledger if facts is not None else {}
        trees = history.releases_at(tree)
        for version in dict.fromkeys([*ledger, *named.get(name, ())]):
            yield ReleaseEvidence(
                name=name,
                version=version,
                entry=ledger.get(version),
                tag=tags.get((name, version)),
                tree=trees.get(version),
                introductions=tuple(introductions.get((name, version), ())),
            )


def unreadable_facts(history: History) -> Iterator[Finding]:
    """A library whose facts cannot be read has no release that could be believed."""
    for name, tree in history.libraries.items():
        if history.facts_at(tree) is None:
            yield Finding(
                check=CheckName.RELEASES,
                attack=Attack.ALTERED_RELEASE,
                library=name,
                what="library.yaml cannot be read, so nothing is known of its releases",
                evidence=f"blob {history.trees[tree].facts}",
                next_step="Run 'opsteps validate', and restore the file",
            )


def is_ahead(release: ReleaseEvidence, ahead: Collection[CommitId]) -> bool:
    """True if a release comes after the head: its tag was fetched, or is being made right now."""
    return release.entry is None and release.tag is not None and release.tag.commit in ahead


def judge_release(release: ReleaseEvidence, history: History) -> Iterator[Finding]:
    """Yield the findings about one release: its files first, then its tag."""
    entry, tag = release.entry, release.tag
    if release.tree is not None and entry is not None:
        stated = tag.tree if tag is not None else None
        trees = {*(item.tree for item in release.introductions), stated} - {None, release.tree}
        if trees:
            yield _finding(
                release,
                CheckName.RELEASES,
                Attack.ALTERED_RELEASE,
                "its files are not those that were released",
                f"tree {release.tree} at the head; released: "
                + ", ".join(sorted(filter(None, trees))),
                _restoring(release),
            )
    if tag is None:
        yield _finding(
            release,
            CheckName.TAGS,
            Attack.ALTERED_RELEASE,
            "its tag was deleted",
            f"ledger sha256:{entry.digest}" if entry else "",
            _RESTORE_TAG,
        )
        return
    if tag.symbolic:
        yield _finding(
            release,
            CheckName.TAGS,
            Attack.ARBITRARY_RELEASE,
            SYMBOLIC,
            f"tag {tag.object_id}; it leads to {tag.symbolic[:200]}",
            _REMOVE_TAG,
        )
    yield from _judge_tag(release, tag, history)


def _restoring(release: ReleaseEvidence) -> str:
    tag = release.tag
    is_tagged = tag is not None and tag.commit is not None and tag.tree != release.tree
    source = f"refs/tags/{release.name}/v{release.version}"
    if not is_tagged and release.introductions:
        source = release.introductions[0].commit.commit_id
    return _RESTORE_FILES.format(source=source, name=release.name, version=release.version)


def _judge_tag(release: ReleaseEvidence, tag: TagEvidence, history: History) -> Iterator[Finding]:
    def found(attack: Attack, what: str, evidence: str, next_step: str = _RESTORE_TAG) -> Finding:
        shown = f"tag {tag.object_id}" + (f"; {evidence}" if evidence else "")
        return _finding(release, CheckName.TAGS, attack, what, shown, next_step)

    entry = release.entry
    if entry is None:
        what = "it has a tag, and the ledger never heard of it"
        yield found(Attack.ARBITRARY_RELEASE, what, "", _REMOVE_TAG)
    if tag.commit is None or tag.digest is None or tag.tree is None:
        what = "its tag is not an annotated release tag of a commit"
        yield found(Attack.ARBITRARY_RELEASE, what, "", _REMOVE_TAG)
        return
    if tag.name != tag.ref:
        what = "its tag was made under another name"
        yield found(Attack.ARBITRARY_RELEASE, what, f"it says {tag.name[:200]!r}", _REMOVE_TAG)
    if entry is None:
        return
    if tag.digest != entry.digest:
        what = "the digests in its tag and in the ledger differ"
        evidence = f"tag sha256:{tag.digest}, ledger sha256:{entry.digest}"
        yield found(Attack.ALTERED_RELEASE, what, evidence)
    if tag.commit not in history.commits:
        what = "its tag is on a commit that the head does not descend from"
        yield found(Attack.MIX_AND_MATCH, what, f"commit {tag.commit}")
    elif all(item.commit.commit_id != tag.commit for item in release.introductions):
        what = "its tag was moved: it is not on the commit that released it"
        right = ", ".join(item.commit.commit_id for item in release.introductions)
        yield found(Attack.ALTERED_RELEASE, what, f"on {tag.commit}, released by {right}")
    elif all(item.tree not in {None, tag.tree} for item in release.introductions):
        what = "the tree that its tag states is not the one that was released"
        yield found(Attack.ALTERED_RELEASE, what, f"it states {tag.tree}")


def _finding(
    release: ReleaseEvidence,
    check: CheckName,
    attack: Attack,
    what: str,
    evidence: str,
    next_step: str,
) -> Finding:
    return Finding(
        check=check,
        attack=attack,
        library=release.name,
        version=release.version,
        what=what,
        evidence=evidence,
        next_step=next_step,
    )
