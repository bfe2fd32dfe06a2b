"""Decide what becomes of each release whose tag, ledger entry and directory do not agree.

A tag is set, and an entry written again, only where the files still have the digest that the ledger
always had: then nothing can look right afterwards that was not released. All else is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from registry.formats.model import LedgerEntry
from registry.locating.hints import command_line
from registry.names import ObjectId
from registry.problems import printable
from registry.remotes.unsent import git_command
from registry.repairing.item_texts import KEPT, refused, tag_of
from registry.repairing.model import Item, ItemState, TagChange
from registry.repairing.new_tags import is_signed, lost_tag, moved_tag, tag_id
from registry.repairing.repair_evidence import Evidence, raw_object, release_files_of, released_tree
from registry.repairing.served_releases import ServedReleases
from registry.repairing.stray_tags import Strays
from registry.repairing.tags_of_remotes import Remotes
from registry.trust.evidence import Introduction, TagEvidence
from registry.trust.report import CheckName
from registry.verifying.release_rules import SYMBOLIC, ReleaseEvidence
from registry.versions import parse_version

_OTHER_DIGEST = "the digests in its tag and in the ledger differ"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deciding:
    """The evidence for decisions; ``removing`` are tags that a person says are to go."""

    evidence: Evidence
    remotes: Remotes
    served: ServedReleases
    removing: Collection[str] = ()

    @property
    def strays(self) -> Strays:
        """Decides about tags that the ledger does not know."""
        return Strays(
            evidence=self.evidence,
            remotes=self.remotes,
            served=self.served,
            removing=self.removing,
        )

    def items(self) -> Iterator[Item]:
        """Yield an item for each release with something wrong, by library and version."""
        for release in self.evidence.releases:
            found = self._item(release)
            if found is not None:
                yield found

    def _item(self, release: ReleaseEvidence) -> Item | None:
        if release.entry is None:
            return self.strays.item(release, release.tag) if release.tag else None
        trouble = _trouble(release, release.entry, self.evidence)
        if not trouble:
            return None
        return self._new_tag(release, release.entry, trouble)

    def _new_tag(self, release: ReleaseEvidence, entry: LedgerEntry, trouble: str) -> Item:
        tag, name = release.tag, tag_of(release)
        found = released_tree(release.introductions, entry.digest, self.evidence.registry)
        differs = self._difference(release, entry, found, trouble)
        if differs == _OTHER_DIGEST or (differs and tag is not None and tag.symbolic):
            return self._altered_tag(name, release.tag, differs)
        if differs or found is None:
            return refused(release, differs)
        introduction, tree = found
        content = self._content(release, entry, introduction, tree)
        elsewhere = self.remotes.having(name)
        item = (
            self._missing(name, trouble, content, elsewhere)
            if tag is None
            else self._published(name, trouble, tag, content, elsewhere)
        )
        if item is not None:
            return item
        commit = introduction.commit.commit_id[:12]
        how = "made again from the ledger" if tag is None else f"set again; {KEPT}"
        return Item(
            state=ItemState.REPAIR,
            subject=name,
            what=trouble,
            then=f"on {commit}, which released these files, the tag is {how}",
            loses=self._losses(tag, introduction),
            command=self._push(name, elsewhere, content),
            change=TagChange(
                name=name, content=content, **({} if tag is None else {"old": tag.object_id})
            ),
        )

    def _difference(
        self,
        release: ReleaseEvidence,
        entry: LedgerEntry,
        found: tuple[Introduction, ObjectId] | None,
        trouble: str,
    ) -> str:
        """Say why nothing may be set right here; empty where everything there agrees."""
        tag = _own(release.tag)
        if tag is not None and tag.digest not in {None, entry.digest}:
            return _OTHER_DIGEST
        other = self.evidence.found(release.name, release.version, but=CheckName.TAGS)
        if other is not None:
            return f"{trouble}, and {other.what}"
        if found is None:
            return f"{trouble}, and no files with its digest are here"
        if tag is not None and tag.tree not in {None, found[1]}:
            return "the tree that its tag states is not the one that is here"
        return ""

    def _content(
        self,
        release: ReleaseEvidence,
        entry: LedgerEntry,
        introduction: Introduction,
        tree: ObjectId,
    ) -> bytes:
        registry, commit = self.evidence.registry, introduction.commit.commit_id
        tag = _own(release.tag)
        if tag is not None and tag.digest is not None and tag.tree is not None:
            return moved_tag(raw_object(registry, tag.object_id), tag_of(release), commit)
        return lost_tag(
            release.name,
            parse_version(release.version),
            release_files_of(registry, tree) or {},
            commit=commit,
            raw_commit=raw_object(registry, commit),
            digest=entry.digest,
            tree=tree,
        )

    def _losses(self, tag: TagEvidence | None, introduction: Introduction) -> str:
        if tag is None:
            return ""
        registry = self.evidence.registry
        lost = []
        if is_signed(raw_object(registry, tag.object_id)):
            lost.append("the tag's own signature by Git, which is about the old commit")
        old = raw_object(registry, tag.commit) if tag.commit is not None else b""
        if is_signed(old) and not is_signed(raw_object(registry, introduction.commit.commit_id)):
            lost.append(
                f"what attested the release: {str(tag.commit)[:12]} was signed, the commit that"
                " came in its place is not"
            )
        return "; ".join(lost)

    # --- what remotes have ----------------------------------------------------------------------

    def _missing(
        self, name: str, trouble: str, content: bytes, elsewhere: dict[str, str]
    ) -> Item | None:
        """A tag that is not here: the one that a remote has comes first."""
        others = (remote for remote, found in elsewhere.items() if found != tag_id(content))
        remote = next(others, None)
        if remote is not None:
            return self._fetched(name, trouble, remote)
        return self._not_asked(name, trouble) if self.remotes.unreachable else None

    def _fetched(self, name: str, trouble: str, remote: str) -> Item:
        return Item(
            state=ItemState.BY_HAND,
            subject=name,
            what=trouble,
            then=f"{printable(remote)} has it: fetch it",
            command=git_command(self.evidence.registry.path, "fetch", "--tags", remote),
        )

    def _not_asked(self, name: str, trouble: str) -> Item:
        remote, why = next(iter(self.remotes.unreachable.items()))
        return Item(
            state=ItemState.BY_HAND,
            subject=name,
            what=trouble,
            then=f"{printable(remote)} may have it, and does not answer ({why}): try again, or say"
            " with --offline that nobody has it",
            command=command_line("repair", "--offline"),
        )

    def _altered_tag(self, name: str, tag: TagEvidence | None, what: str) -> Item:
        """Either may have been altered: nobody but a person says which."""
        others = self.remotes.having(name).items()
        remote = next((r for r, found in others if tag and found != tag.object_id), None)
        ref = f"+refs/tags/{name}:refs/tags/{name}"
        path = self.evidence.registry.path
        is_led = tag is not None and bool(tag.symbolic)
        deletion = (
            ("symbolic-ref", "--delete", f"refs/tags/{name}") if is_led else ("tag", "-d", name)
        )
        return Item(
            state=ItemState.REFUSED,
            subject=name,
            what=what,
            then="find out what was altered, with 'opsteps verify'; where it is the"
            " tag, " + ("take the remote's" if remote else "delete it, and run this again"),
            command=git_command(path, *(("fetch", remote, ref) if remote else deletion)),
        )

    def _published(
        self,
        name: str,
        trouble: str,
        tag: TagEvidence,
        content: bytes,
        elsewhere: dict[str, str],
    ) -> Item | None:
        """A tag that others have already: it is not replaced behind their backs."""
        path = self.evidence.registry.path
        for remote, object_id in elsewhere.items():
            shown = printable(remote)
            if object_id == tag_id(content):
                continue
            if object_id != tag.object_id:
                ref = f"+refs/tags/{name}:refs/tags/{name}"
                return Item(
                    state=ItemState.BY_HAND,
                    subject=name,
                    what=f"{trouble}; {shown} has another tag of this name than this clone",
                    then="find out which is right; this takes the one of the remote",
                    command=git_command(path, "fetch", remote, ref),
                )
            branch = self.remotes.branch_with(remote, tag.commit) if tag.commit else ""
            if branch and tag.commit not in self.evidence.history.commits:
                return Item(
                    state=ItemState.BY_HAND,
                    subject=name,
                    what=f"{trouble}; {shown} has that commit, on its branch {branch}",
                    then="merge what it has: then the tag is right as it is",
                    command=git_command(path, "pull", "--no-rebase", remote, branch),
                )
        return None

    def _push(self, name: str, elsewhere: dict[str, str], content: bytes) -> str:
        """The line that replaces a tag where it was pushed; nobody but a person does that."""
        for remote, object_id in elsewhere.items():
            if object_id != tag_id(content):
                lease = f"--force-with-lease=refs/tags/{name}:{object_id}"
                return git_command(
                    self.evidence.registry.path, "push", lease, remote, f"refs/tags/{name}"
                )
        return ""


def _trouble(  # noqa: PLR0911 - one return for each way in which a tag can be wrong
    release: ReleaseEvidence, entry: LedgerEntry, evidence: Evidence
) -> str:
    """Say what is wrong with the tag of a release that the ledger knows; empty when nothing is."""
    tag = release.tag
    if tag is None:
        return "its tag is not here"
    if tag.symbolic:
        return SYMBOLIC
    if tag.commit is None or tag.digest is None or tag.tree is None:
        return "its tag is not an annotated release tag of a commit"
    if tag.digest != entry.digest:
        return _OTHER_DIGEST
    if tag.commit not in evidence.history.commits:
        return "its tag is on a commit that the head does not descend from"
    if all(item.commit.commit_id != tag.commit for item in release.introductions):
        return "its tag is not on the commit that released it"
    if tag.name != tag.ref:
        return "its tag was made under another name"
    if all(item.tree not in {None, tag.tree} for item in release.introductions):
        return "the tree that its tag states is not the one that was released"
    return ""


def _own(tag: TagEvidence | None) -> TagEvidence | None:
    """A tag that states something of its own; one that leads to another ref states nothing."""
    return None if tag is None or tag.symbolic else tag
