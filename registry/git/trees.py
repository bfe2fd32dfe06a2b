"""Read Git trees: the names in a directory, and what each stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from registry.git.failures import missing_object
from registry.git.repository import GitRepository, is_genuine
from registry.names import ObjectId

TREE_MODE = b"40000"
# One entry of a raw tree; entries follow each other without a gap.
_TREE_ITEM = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)
_TREE_NAME = re.compile(rb"[0-7]+ ([^\0]+)\0.{20}", re.DOTALL)
_RAW_ENTRY = re.compile(rb"[0-7]+ [^\0]+\0.{20}", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeEntry:
    """One line of a Git tree."""

    name: str
    mode: bytes
    object_id: ObjectId

    @property
    def is_tree(self) -> bool:
        """True for a directory."""
        return self.mode == TREE_MODE

    @property
    def is_file(self) -> bool:
        """True for a regular file, executable or not; links and submodules are not."""
        return self.mode in {b"100644", b"100755"}


def raw_entries(content: bytes) -> list[bytes]:
    """The entries of a raw tree, each as its bytes."""
    return _RAW_ENTRY.findall(content)


def tree_items(content: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Mode, name and binary object id of each entry: for trees of ten thousand names."""
    return _TREE_ITEM.findall(content)


def tree_names(content: bytes) -> list[bytes]:
    """The name of each entry of a raw tree."""
    return _TREE_NAME.findall(content)


def parse_tree(content: bytes) -> Iterator[TreeEntry]:
    """The entries of a raw tree object. A name that is not UTF-8 keeps its bytes escaped."""
    for mode, name, object_id in tree_items(content):
        yield TreeEntry(
            mode=mode,
            name=name.decode(errors="surrogateescape"),
            object_id=ObjectId(object_id.hex()),
        )


def read_tree(repository: GitRepository, tree: ObjectId) -> list[TreeEntry]:
    """The entries of one tree; raises DamagedRepositoryError when it is missing or no such tree."""
    found = repository.object(tree)
    if found is None or found.type != "tree" or not is_genuine(found, tree):
        raise missing_object(tree, repository.git_dir)
    return list(parse_tree(found.content))
