"""Compare many pairs of trees with one Git process."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from registry.errors import GitError
from registry.git.repository import GitRepository
from registry.names import ObjectId

EMPTY_TREE = ObjectId("4b825dc642cb6eb9a060e54bf8d69288fbee4904")
_PAIR = re.compile(rb"([0-9a-f]{40}) ([0-9a-f]{40})\n")
_DIFFERENCE = re.compile(
    rb":(\d{6}) (\d{6}) ([0-9a-f]{40}) ([0-9a-f]{40}) [A-Z]\d*\0([^\0]+)\0", re.DOTALL
)
_NOTHING = b"000000"

Pair = tuple[ObjectId, ObjectId]


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeDifference:
    """One entry that is another one in the second tree; None for one that is not there."""

    path: bytes
    old_mode: bytes
    new_mode: bytes
    old: ObjectId | None
    new: ObjectId | None


def differences(
    repository: GitRepository, pairs: Iterable[Pair], *, recursive: bool = False
) -> Iterator[tuple[Pair, TreeDifference]]:
    """Each pair of unequal trees, once, with each of their differences."""
    unequal = [pair for pair in dict.fromkeys(pairs) if pair[0] != pair[1]]
    options = ["-r"] if recursive else []
    out = repository.run(
        "diff-tree", "--stdin", "-z", "--raw", "--no-renames", "--no-abbrev",
        "--ignore-submodules=none", *options,
        stdin="".join(f"{old} {new}\n" for old, new in unequal).encode(),
    )  # fmt: skip
    current: Pair | None = None
    at = 0
    while at < len(out):
        if pair := _PAIR.match(out, at):
            current = (ObjectId(pair[1].decode()), ObjectId(pair[2].decode()))
            at = pair.end()
            continue
        entry = _DIFFERENCE.match(out, at)
        if entry is None or current is None:
            raise GitError("git diff-tree answered something unexpected")
        at = entry.end()
        yield (
            current,
            TreeDifference(
                path=entry[5],
                old_mode=entry[1],
                new_mode=entry[2],
                old=ObjectId(entry[3].decode()) if entry[1] != _NOTHING else None,
                new=ObjectId(entry[4].decode()) if entry[2] != _NOTHING else None,
            ),
        )
