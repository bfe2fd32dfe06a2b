"""The moves that an operation is about to make, written down first: a killed one can be cleared up.

An entry is ``moving`` until its refs have moved, then ``following`` until index and working tree
have followed. Only the holder of the write lock makes entries: whoever else holds that lock and
finds one that is still moving knows that its maker was killed.
"""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from registry.errors import GitError
from registry.files.durable import sync_directories, write_durably
from registry.git.commit_writer import RefUpdate
from registry.git.repository import GitRepository
from registry.names import CommitId

_MOVING = "moving"
_FOLLOWING = "following"
_REF = re.compile(r"HEAD|refs(/[^/\s\0]+)+")
_ID = re.compile(r"[0-9a-f]{40,64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalEntry:
    """One operation: the head it built upon, and the refs that it moves."""

    path: Path
    head: CommitId
    updates: tuple[RefUpdate, ...]

    @property
    def is_moving(self) -> bool:
        """True if the refs had not moved yet, for all that its maker knew."""
        return self.path.name.startswith(_MOVING)


class Journal:
    """The entries of one registry, a file each, sorted by the time that their makers' clocks had.

    Which operation came first is told by `first_head`.
    """

    def __init__(self, directory: Path) -> None:
        """``directory`` is made with the first entry."""
        self._directory = directory

    def begin(self, head: CommitId, updates: Sequence[RefUpdate]) -> JournalEntry:
        """Write an entry, durably, before anything moves."""
        self._directory.mkdir(parents=True, exist_ok=True)
        # A clock that is set back may give a time again.
        name = f"{_MOVING}-{time.time_ns():020d}-{os.getpid()}-{uuid.uuid4().hex[:8]}.json"
        entry = JournalEntry(path=self._directory / name, head=head, updates=tuple(updates))
        content = {"head": head, "updates": entry.updates}
        write_durably(entry.path, msgspec.json.encode(content))
        return entry

    def moved(self, entry: JournalEntry) -> None:
        """The refs are where they should be: what remains is that the working tree follows."""
        name = entry.path.name.replace(_MOVING, _FOLLOWING, 1)
        entry.path.rename(entry.path.with_name(name))

    def end(self, entry: JournalEntry) -> None:
        """Nothing is left to do."""
        entry.path.unlink(missing_ok=True)

    def moving(self) -> list[JournalEntry]:
        """Entries whose refs may or may not have moved."""
        return self._entries(_MOVING)

    def following(self) -> list[JournalEntry]:
        """Entries that index and working tree may not have followed yet."""
        return self._entries(_FOLLOWING)

    def _entries(self, kind: str) -> list[JournalEntry]:
        found = (_read(path) for path in sorted(self._directory.glob(f"{kind}-*.json")))
        return [entry for entry in found if entry is not None]


def first_head(repository: GitRepository, entries: Sequence[JournalEntry]) -> CommitId:
    """The head that all these operations came after: by ancestry, as clocks are set back.

    Heads that went apart meet in a commit that may be neither of them, so this is not a test of
    `registry.git.ancestry`, which knows only yes and no; and what Git answers here is exact.
    """
    made = {update.new for entry in entries for update in entry.updates}
    heads = list(dict.fromkeys(entry.head for entry in entries))
    first = [head for head in heads if head not in made] or heads
    if len(first) == 1:
        return first[0]
    try:  # commits of others came in between
        out = repository.run("merge-base", "--octopus", *first)
    except GitError:  # they have nothing in common
        return first[0]
    return CommitId(out.decode().split()[0])


def _read(path: Path) -> JournalEntry | None:
    try:
        content = _decoded(path.read_bytes())
    except FileNotFoundError:  # somebody else has ended it meanwhile
        return None
    except msgspec.DecodeError:
        # Entries stand complete or not at all; this one is not our work.
        path.rename(path.with_suffix(".unreadable"))
        sync_directories([path.parent])
        return None
    return JournalEntry(path=path, head=content.head, updates=content.updates)


def _decoded(raw: bytes) -> _Content:
    """Only refs and commits: what is cleared up are files with these names. Raises DecodeError.

    Whoever gives somebody a copied registry writes what they like here, and Git takes a word that
    begins with a dash for an option, such as one that names a file to write to.
    """
    content = msgspec.json.decode(raw, type=_Content)
    ids = [content.head, *(one for item in content.updates for one in (item.old, item.new))]
    if not all(map(_ID.fullmatch, ids)):
        raise msgspec.ValidationError("an object id in it cannot be one")
    if any(".." in item.ref or not _REF.fullmatch(item.ref) for item in content.updates):
        raise msgspec.ValidationError("a ref in it cannot be one")
    return content


class _Content(msgspec.Struct):
    head: CommitId
    updates: tuple[RefUpdate, ...]
