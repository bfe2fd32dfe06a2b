"""Look at every tree of the head: names that Git refuses, and what no digest covers."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from registry.git import GitRepository
from registry.names import ObjectId
from registry.trees import TREE_MODE, tree_items
from registry.verifying.model import Attack, CheckName, Finding
from registry.verifying.reading import read_present

_KINDS = {b"160000": "submodule", b"120000": "symbolic link"}
_FILE_MODES = frozenset({b"100644", b"100755"})
# Characters that HFS+ passes over, so that `.g<ZWNJ>it` is `.git` there.
_IGNORED = dict.fromkeys(
    [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF]
)

Entries = tuple[tuple[bytes, bytes, ObjectId], ...]
"""Mode, name and object of each entry of a tree."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trees:
    """Trees by their ids, each read once, wherever and however often it is used."""

    entries: dict[ObjectId, Entries] = field(default_factory=dict)

    def read(self, repository: GitRepository, roots: Iterable[ObjectId]) -> None:
        """Read these trees and all below them."""
        wave = [tree for tree in dict.fromkeys(roots) if tree not in self.entries]
        while wave:
            for tree, content in read_present(repository, wave, "tree"):
                self.entries[tree] = tuple(
                    (mode, name, ObjectId(raw.hex())) for mode, name, raw in tree_items(content)
                )
            below = dict.fromkeys(child for tree in wave for child in self.below(tree))
            wave = [tree for tree in below if tree not in self.entries]

    def below(self, tree: ObjectId) -> Iterator[ObjectId]:
        """The trees directly in a tree."""
        return (child for mode, _, child in self.entries[tree] if mode == TREE_MODE)

    def all_below(self, roots: Iterable[ObjectId]) -> Iterator[ObjectId]:
        """These trees and those below them, each once."""
        seen = dict.fromkeys(roots)
        pending = list(seen)
        while pending:
            tree = pending.pop()
            yield tree
            new = [child for child in self.below(tree) if child not in seen]
            seen.update(dict.fromkeys(new))
            pending.extend(dict.fromkeys(new))


def judge_shapes(
    trees: Trees, releases: Mapping[ObjectId, tuple[str, str]], root: ObjectId
) -> Iterator[Finding]:
    """What is wrong with the trees of the head; ``releases``: library and version by tree."""
    released = set(releases)
    for tree, (library, version) in releases.items():
        for inner in trees.all_below([tree]):
            released.add(inner)
            for wrong in (*_names(trees.entries[inner]), *_modes(trees.entries[inner])):
                yield _finding(wrong, inner, library=library, version=version)
    for tree in trees.all_below([root]):
        if tree not in released:
            for wrong in _names(trees.entries[tree]):
                yield _finding(wrong, tree)


def _names(entries: Entries) -> Iterator[str]:
    previous = b""
    for mode, name, _ in entries:
        if is_git_name(name):
            yield f"the name {_shown(name)}, which Git keeps for itself"
        elif name in {b".", b".."} or b"/" in name or b"\\" in name:
            yield f"the name {_shown(name)}, which leads out of its directory"
        # Git sorts a directory as if its name ended in a slash; readers of a tree rely on it.
        key = name + b"/" if mode == TREE_MODE else name
        if key <= previous:
            yield f"the name {_shown(name)} twice, or out of order"
        previous = key


def _modes(entries: Entries) -> Iterator[str]:
    for mode, name, _ in entries:
        if mode not in _FILE_MODES and mode != TREE_MODE:
            kind = _KINDS.get(mode, "odd entry")
            yield f"the {kind} {_shown(name)}, which no digest covers"


def is_git_name(name: bytes) -> bool:
    """Whether some file system takes the name for ``.git``."""
    if b"git" not in name.lower() and name.isascii():
        return False
    text = unicodedata.normalize("NFKC", name.decode(errors="replace").translate(_IGNORED))
    folded = text.casefold().partition(":")[0].rstrip(". ")
    return folded in {".git", "git~1"}


def _shown(name: bytes) -> str:
    return repr(name[:100].decode(errors="backslashreplace"))


def _finding(wrong: str, tree: ObjectId, *, library: str = "", version: str = "") -> Finding:
    return Finding(
        check=CheckName.TREES,
        attack=Attack.ARBITRARY_RELEASE,
        library=library,
        version=version,
        what=f"a tree holds {wrong}",
        evidence=f"tree {tree}",
        next_step="Look with 'git ls-tree'; take it out, and do not check this commit out before",
    )
