"""Find the libraries that differ between two commits, by names and ids: nothing is read."""

from __future__ import annotations

from registry.git.trees import TREE_MODE, tree_items
from registry.names import CommitId, LibraryName, ObjectId, is_library_name
from registry.snapshots.library_at_head import LibraryObjects
from registry.snapshots.registry import Registry

_YAML = b".yaml"
# Mode, name and binary object id, as `registry.git.trees` reads them.
_Items = set[tuple[bytes, bytes, bytes]]


def differing(
    registry: Registry, then: CommitId, now: CommitId
) -> tuple[dict[LibraryName, LibraryObjects], dict[LibraryName, LibraryObjects]]:
    """The libraries whose directory or operator's file is another, and where both are."""
    folders = ("libraries", f"instances/{registry.instance}")
    wanted = [f"{commit}:{folder}" for commit in (then, now) for folder in folders]
    libraries, files, new_libraries, new_files = (
        set(tree_items(found.content)) if found is not None and found.type == "tree" else set()
        for found in list(registry.repository.objects(wanted))
    )
    raw = {name for _, name, _ in libraries ^ new_libraries}
    raw |= {n.removesuffix(_YAML) for _, n, _ in files ^ new_files if n.endswith(_YAML)}
    changed = {name for name in raw if is_library_name(name.decode(errors="replace"))}
    return _places(changed, libraries, files), _places(changed, new_libraries, new_files)


def _places(
    names: set[bytes], libraries: _Items, files: _Items
) -> dict[LibraryName, LibraryObjects]:
    trees = {name: item for mode, name, item in libraries if name in names and mode == TREE_MODE}
    wanted = {name + _YAML for name in names}
    known = {file.removesuffix(_YAML): item for _, file, item in files if file in wanted}
    return {
        LibraryName(name.decode()): LibraryObjects(
            tree=_object_id(trees.get(name)), instance=_object_id(known.get(name))
        )
        for name in names
    }


def _object_id(raw: bytes | None) -> ObjectId | None:
    return ObjectId(raw.hex()) if raw is not None else None
