"""The damage of a registry: what `opsteps repair` mends, and what it leaves to a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from registry.formats.model import LedgerEntry
from registry.git.commit_writer import ABSENT
from registry.names import CommitId, LibraryName, ObjectId
from registry.versions import Version


class ItemState(StrEnum):
    """Mended by the command, by a person, or not at all."""

    REPAIR = "repair"
    """This command, with ``--yes``."""
    BY_HAND = "by hand"
    """A person, with the command that is named."""
    REFUSED = "refused"
    """Nobody until it is explained: the bytes are not those that were released."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TagChange:
    """A tag to set, from the object that it is now; ``content`` None removes it."""

    name: str
    content: bytes | None
    old: ObjectId | str = ABSENT


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryChange:
    """A ledger entry to write again, as the history had it."""

    library: LibraryName
    version: Version
    entry: LedgerEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftover:
    """A file that something killed left; it is put aside and not deleted."""

    path: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class StaleIndex:
    """Git's index is that of an older head."""

    base: CommitId


Change = TagChange | EntryChange | Leftover | StaleIndex


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One thing that is wrong. ``command`` is what a person runs, for or after it."""

    state: ItemState
    subject: str
    what: str
    then: str
    loses: str = ""
    command: str = ""
    change: Change | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RepairPlan:
    """All of it, at one head."""

    head: CommitId
    items: tuple[Item, ...]
    findings: int = 0
    """The number of `verify`'s findings there."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes that the command itself makes."""
        return tuple(item.change for item in self.items if item.change is not None)

    @property
    def left(self) -> tuple[Item, ...]:
        """The items that it leaves to a person."""
        return tuple(item for item in self.items if item.state is not ItemState.REPAIR)
