"""Make the plan: read everything, decide, change nothing."""

from __future__ import annotations

from collections.abc import Collection

from registry.errors import NotFoundError
from registry.locating.hints import command_line
from registry.names import CommitId
from registry.problems import printable
from registry.repairing.model import Item, ItemState, RepairPlan
from registry.repairing.release_repairs import Deciding
from registry.repairing.repair_evidence import Evidence, gather_evidence
from registry.repairing.served_releases import ServedReleases
from registry.repairing.stale_locks import leftovers, stale_index
from registry.repairing.tags_of_remotes import Remotes
from registry.snapshots.registry import Registry
from registry.trust.moved_head import look_at_served
from registry.trust.report import CheckName


def make_plan(
    registry: Registry,
    head: CommitId,
    *,
    asks_remotes: bool = True,
    removing: Collection[str] = (),
) -> RepairPlan:
    """Make the plan of a repair at a head; ``removing`` names tags to remove.

    Raises what `verify` raises for a history that cannot be read, NotFoundError for a tag to
    remove that is not there.
    """
    evidence = gather_evidence(registry, head)
    remotes = Remotes(registry, is_asked=asks_remotes)
    deciding = Deciding(
        evidence=evidence,
        remotes=remotes,
        served=ServedReleases(registry.repository),
        removing=removing,
    )
    _refuse_not_there(deciding.strays.removable(), removing)
    items = (
        *leftovers(registry),
        *_on_descent(evidence),
        *_on_branch(registry),
        *deciding.items(),
        *stale_index(registry, head),
    )
    return RepairPlan(head=head, items=items, findings=len(evidence.findings))


def _on_descent(evidence: Evidence) -> list[Item]:
    """A head that does not descend from the trusted one: a person says whether that was meant."""
    return [
        Item(
            state=ItemState.BY_HAND,
            subject="HEAD",
            what=finding.what,
            then=f"nothing is changed before it is explained. {finding.next_step}",
            command=command_line("trust", evidence.head[:12]),
        )
        for finding in evidence.findings
        if finding.check is CheckName.DESCENT
    ]


def _on_branch(registry: Registry) -> list[Item]:
    """A head that a server of this clone does not follow, such as on a branch that it left."""
    look = look_at_served(registry)
    if look is None or not look.problem or look.attack is not None:
        return []
    return [Item(state=ItemState.BY_HAND, subject="HEAD", what=look.problem, then=look.next_step)]


def _refuse_not_there(known: Collection[str], removing: Collection[str]) -> None:
    for name in removing:
        if name not in known:
            raise NotFoundError(
                f"there is no tag {printable(name[:200])!r} without a release",
                next_step="See what is wrong with 'opsteps repair'",
            )
