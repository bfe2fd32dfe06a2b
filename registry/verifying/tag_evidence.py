"""Gather the tags below libraries' names, and what their objects state."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from registry.git.repository import GitObject, GitRepository
from registry.library.release_tag import TagStatement, parse_tag
from registry.names import LibraryName, ObjectId, is_library_name
from registry.trust.evidence import Release, TagEvidence
from registry.trust.hashed_objects import read_objects

_NAME = re.compile(rb"\Aobject [0-9a-f]{40}\ntype commit\ntag ([^\n]+)\n")
_FIELDS = 3
# Libraries whose tags are asked for by name; above it all tags are listed.
_NAMED = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Ref:
    """A tag's ref, and the object that it leads to."""

    name: str
    """Without ``refs/tags/``."""
    object_id: ObjectId
    symbolic: str = ""
    """The ref that it is another name of; empty for what it should be."""


def list_tags(
    repository: GitRepository, names: Collection[LibraryName] | None = None
) -> dict[Release, Ref]:
    """The tags ``<library>/v<anything>``, of some libraries or (None) of all; nothing is opened."""
    patterns = [f"refs/tags/{name}/" for name in names or ()]
    if names is None or len(patterns) > _NAMED:
        patterns = ["refs/tags/"]
    elif not patterns:
        return {}
    layout = "--format=%(objectname) %(symref) %(refname:strip=2)"
    out = repository.run("for-each-ref", layout, *patterns)
    rows = (line.split(" ", 2) for line in out.decode(errors="surrogateescape").split("\n"))
    refs = [
        Ref(name=row[2], object_id=ObjectId(row[0]), symbolic=row[1])
        for row in rows
        if len(row) == _FIELDS
    ]
    return {
        release: ref
        for ref in refs
        if (release := _release(ref.name)) is not None and (names is None or release[0] in names)
    }


def read_tags(
    repository: GitRepository, refs: Mapping[Release, Ref] | None = None
) -> dict[Release, TagEvidence]:
    """Return the statements of libraries' tags: all, or those of some refs."""
    refs = list_tags(repository) if refs is None else refs
    objects = dict(read_objects(repository, (ref.object_id for ref in refs.values())))
    return {release: _evidence(ref, objects[ref.object_id]) for release, ref in refs.items()}


def read_tag_objects(
    repository: GitRepository, ids: Iterable[ObjectId]
) -> dict[ObjectId, TagStatement]:
    """Return the statements of tag objects that some ref once named, if they are still there."""
    return {
        object_id: parse_tag(found.content)
        for object_id, found in read_objects(repository, ids)
        if found is not None and found.type == "tag"
    }


def _evidence(ref: Ref, found: GitObject | None) -> TagEvidence:
    if found is None or found.type != "tag":
        return TagEvidence(ref=ref.name, object_id=ref.object_id, symbolic=ref.symbolic)
    name, stated = _NAME.match(found.content), parse_tag(found.content)
    return TagEvidence(
        ref=ref.name,
        object_id=ref.object_id,
        symbolic=ref.symbolic,
        name=name[1].decode(errors="surrogateescape") if name else "",
        commit=stated.commit,
        digest=stated.digest,
        tree=stated.tree,
    )


def _release(ref: str) -> Release | None:
    library, slash, version = ref.partition("/v")
    return (LibraryName(library), version) if slash and is_library_name(library) else None
