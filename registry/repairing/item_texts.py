"""Texts of items, which several kinds of repair share."""

from __future__ import annotations

from registry.repairing.model import Item, ItemState
from registry.verifying.release_rules import ReleaseEvidence

EXPLAIN = (
    "it stays as it is: find out who changed what with 'opsteps verify'; bring the released files"
    " back from another clone, or, once it is explained, acknowledge it with"
    " 'opsteps trust HEAD --accept'"
)
KEPT = "the one that is there is kept below refs/opsteps/repaired/"


def tag_of(release: ReleaseEvidence) -> str:
    """The name of its tag."""
    return f"{release.name}/v{release.version}"


def refused(release: ReleaseEvidence, what: str) -> Item:
    """Return the item for damage that nobody puts right before it is explained."""
    return Item(state=ItemState.REFUSED, subject=tag_of(release), what=what, then=EXPLAIN)
