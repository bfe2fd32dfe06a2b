"""Look at every tree of the head: names that Git refuses, and what no digest covers."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from registry.git.repository import GitRepository
from registry.git.trees import TREE_MODE, tree_items
from registry.names import ObjectId
from registry.trust.hashed_objects import read_present
from registry.trust.report import Attack, CheckName, Finding
from registry.versions import is_version

_KINDS = {b"160000": "submodule", b"120000": "symbolic link"}
_FILE_MODES = frozenset({b"100644", b"100755"})
_FOLDERS = frozenset({b"libraries", b"instances", b"advisories"})
_PATH_BYTES = 500
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
    """Yield the findings about the trees of the head; ``releases``: library and version by tree."""
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
    for tree, path in _paths(trees, root):
        if tree not in released:
            for wrong in _strange(path, trees.entries[tree]):
                yield _finding(wrong, tree)


def judge_new_shapes(repository: GitRepository, old: ObjectId, new: ObjectId) -> Iterator[Finding]:
    """Yield the findings about trees below ``new`` that are not at the same place below ``old``.

    As `judge_shapes` says it; costs the trees that differ.
    """
    pending, seen = [(b"", old, new)], {new}
    while pending:
        read = dict(read_present(repository, {t for _, *two in pending for t in two if t}, "tree"))
        wave, pending = pending, []
        for path, before, tree in wave:
            known = set(tree_items(read[before])) if before else set()
            items = tree_items(read[tree])
            added = [item for item in items if item not in known]
            yield from _of_new_tree(path, tree, _entries(items), _entries(added))
            olds = {name: raw for mode, name, raw in known.difference(items) if mode == TREE_MODE}
            for mode, name, raw in added:
                child, then = ObjectId(raw.hex()), olds.get(name, b"").hex()
                if mode == TREE_MODE and child not in seen:
                    seen.add(child)
                    pending.append((_below(path, name), ObjectId(then), child))


def _of_new_tree(path: bytes, tree: ObjectId, all_: Entries, added: Entries) -> Iterator[Finding]:
    folder, library, version, *_ = (*path.split(b"/"), b"", b"", b"")
    is_release = folder == b"libraries" and is_version(version.decode(errors="replace"))
    library_, version_ = (
        (library.decode(errors="replace"), version.decode()) if is_release else ("", "")
    )
    wrongs = [*_bad_names(added), *_order(all_)]
    wrongs.extend(_modes(added) if is_release else _strange(path, added))
    for wrong in wrongs:
        yield _finding(wrong, tree, library=library_, version=version_)


def _entries(items: Iterable[tuple[bytes, bytes, bytes]]) -> Entries:
    return tuple((mode, name, ObjectId(raw.hex())) for mode, name, raw in items)


def _paths(trees: Trees, root: ObjectId) -> Iterator[tuple[ObjectId, bytes]]:
    """The root and every tree below it, each once, with one path that leads there."""
    seen, pending = {root}, [(root, b"")]
    while pending:
        tree, path = pending.pop()
        yield tree, path
        for mode, name, child in trees.entries[tree]:
            if mode == TREE_MODE and child not in seen:
                seen.add(child)
                pending.append((child, _below(path, name)))


def _below(path: bytes, name: bytes) -> bytes:
    return (path + b"/" + name if path else name)[:_PATH_BYTES]


def _names(entries: Entries) -> Iterator[str]:
    yield from _bad_names(entries)
    yield from _order(entries)


def _bad_names(entries: Entries) -> Iterator[str]:
    for _, name, _ in entries:
        if is_git_entry(name):
            yield f"the name {_shown(name)}, which Git keeps for itself"
        elif name in {b".", b".."} or b"/" in name or b"\\" in name:
            yield f"the name {_shown(name)}, which leads out of its directory"


def _order(entries: Entries) -> Iterator[str]:
    previous = b""
    for mode, name, _ in entries:
        # Git sorts a directory as if its name ended in a slash; readers of a tree rely on it.
        key = name + b"/" if mode == TREE_MODE else name
        if key <= previous:
            yield f"the name {_shown(name)} twice, or out of order"
        previous = key


def _modes(entries: Entries) -> Iterator[str]:
    for mode, name, _ in entries:
        if mode not in _FILE_MODES and mode != TREE_MODE:
            yield f"the {_kind(mode)} {_shown(name)}, which no digest covers"


def _strange(path: bytes, entries: Entries) -> Iterator[str]:
    """Yield names that a registry never holds in its own directories, outside of releases."""
    is_root, folder = not path, path.partition(b"/")[0]
    for mode, name, _ in entries:
        if (name if is_root else folder) not in _FOLDERS:
            continue
        shown = _shown(_below(path, name))
        if mode not in _FILE_MODES and mode != TREE_MODE:
            yield f"the {_kind(mode)} {shown}, which does not belong in a registry"
        elif name.lower() == b".gitmodules":
            yield f"the file {shown}, which makes Git fetch what it names"
        elif is_root and mode != TREE_MODE:
            yield f"the file {shown} where a directory belongs"


def _kind(mode: bytes) -> str:
    return _KINDS.get(mode, "odd entry")


def is_git_entry(name: bytes) -> bool:
    """True if some file system takes the name for ``.git``."""
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
