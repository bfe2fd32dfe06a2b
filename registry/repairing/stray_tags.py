"""Decide about tags that the ledger does not know: lost entries, lost commits, strangers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from registry.locating.hints import command_line
from registry.problems import printable
from registry.remotes.unsent import git_command, tag_step
from registry.repairing.item_texts import KEPT, refused, tag_of
from registry.repairing.model import EntryChange, Item, ItemState, TagChange
from registry.repairing.repair_evidence import Evidence, released_tree
from registry.repairing.served_releases import ServedReleases
from registry.repairing.tags_of_remotes import Remotes
from registry.trust.evidence import TagEvidence
from registry.verifying.release_rules import ReleaseEvidence
from registry.versions import parse_version

_REMOVE = (
    "; if nobody was ever served it, the option --remove-tag takes the tag away, and keeps it below"
    " refs/opsteps/repaired/"
)
_FORGET = (
    "where it is to be gone all the same, 'opsteps trust HEAD --accept' there lets servers forget"
    " it, and then --remove-tag takes the tag away"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Strays:
    """The evidence for decisions; ``removing`` are tags that a person says are to go."""

    evidence: Evidence
    remotes: Remotes
    served: ServedReleases
    removing: Collection[str] = ()

    def removable(self) -> frozenset[str]:
        """Tags of what was never in the ledger here, by names that a line of text can hold."""
        return frozenset(
            release.tag.ref
            for release in self.evidence.releases
            if release.entry is None
            and release.tag is not None
            and release.tag.ref.isprintable()
            and self.evidence.entry_before(release) is None
        )

    def item(self, release: ReleaseEvidence, tag: TagEvidence) -> Item:
        """Decide about one tag."""
        name = tag_of(release)
        if name in self.removing:
            return self._removed(release, tag)
        if tag.commit is not None and tag.commit not in self.evidence.history.commits:
            return self._not_here(release, tag)
        if tag.commit is None or self.evidence.entry_before(release) is None:
            return Item(
                state=ItemState.REFUSED,
                subject=name,
                what="there is a tag, and the ledger never heard of it",
                then="find out who made the tag; where nobody released this, remove it"
                " (what is removed is kept below refs/opsteps/repaired/)",
                # Quoted for a shell: a tag's name is a stranger's, and need not be text.
                command=command_line("repair", "--remove-tag", name, "--yes")
                if name.isprintable()
                else "",
            )
        return self._lost_entry(release, tag)

    def _lost_entry(self, release: ReleaseEvidence, tag: TagEvidence) -> Item:
        name, entry = tag_of(release), self.evidence.entry_before(release)
        what = "its entry is not in the ledger any more, and its tag is there"
        if entry is None or (tag.digest, tag.tree) != (entry.digest, release.tree):
            return Item(
                state=ItemState.BY_HAND,
                subject=name,
                what=f"{what}, and its directory is not what was released",
                then="bring back what was deleted, and commit that",
                command=git_command(
                    self.evidence.registry.path, "restore", f"--source={tag.commit}", "--staged",
                    "--worktree", "--", f"libraries/{release.name}",
                ),
            )  # fmt: skip
        if released_tree(release.introductions, entry.digest, self.evidence.registry) is None:
            return refused(release, f"{what}, and no files with its digest are here")
        return Item(
            state=ItemState.REPAIR,
            subject=name,
            what=what,
            then="the entry is written again as it was, in one commit; 'opsteps verify' goes on"
            " naming the commit that took it out, until you acknowledge it",
            command=command_line("trust", "HEAD", "--accept"),
            change=EntryChange(
                library=release.name, version=parse_version(release.version), entry=entry
            ),
        )

    def _not_here(self, release: ReleaseEvidence, tag: TagEvidence) -> Item:
        """After ``git reset --hard``, or of a branch that is not merged."""
        registry, name = self.evidence.registry, tag_of(release)
        what = "it was released by a commit that this branch does not have"
        if tag.commit in self.evidence.ahead:
            what = "it was released by a commit that comes after the head: the head went back"
        aside = tag_step(registry, name, "")
        then = f"{aside or 'take the commit back'}: this does it"
        if not aside:
            who = self.served.who_served(release)
            then += f"; {who}; {_FORGET}" if who else _REMOVE
        return Item(
            state=ItemState.BY_HAND,
            subject=name,
            what=what,
            then=then,
            command=git_command(registry.path, "merge", str(tag.commit)),
        )

    def _removed(self, release: ReleaseEvidence, tag: TagEvidence) -> Item:
        name = tag_of(release)
        elsewhere = self.remotes.having(name)
        if elsewhere or self.remotes.unreachable:
            remote = printable(next(iter({**elsewhere, **self.remotes.unreachable})))
            why = "has it, so others may have it, too" if elsewhere else "does not answer"
            return self._not_removed(
                name,
                tag,
                f"{remote} {why}",
                "take its commit back, or ask the remote's owner",
            )
        who = self.served.who_served(release)
        if who:
            return self._not_removed(name, tag, who, f"take its commit back; {_FORGET}")
        return Item(
            state=ItemState.REPAIR,
            subject=name,
            what="there is a tag without a release, and you say that it is to go",
            then=f"the tag is removed; {KEPT}",
            change=TagChange(name=name, content=None, old=tag.object_id),
        )

    def _not_removed(self, name: str, tag: TagEvidence, why: str, then: str) -> Item:
        path = self.evidence.registry.path
        return Item(
            state=ItemState.REFUSED,
            subject=name,
            what=f"it is not removed: {why}",
            then=then,
            command=git_command(path, "merge", str(tag.commit)) if tag.commit else "",
        )
