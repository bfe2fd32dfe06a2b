"""Gather the tags below libraries' names, and what their objects state."""

from __future__ import annotations

import re
from collections.abc import Mapping

from registry.git import GitObject, GitRepository
from registry.names import LibraryName, ObjectId, is_library_name
from registry.tags import parse_tag
from registry.verifying.evidence import Release, TagEvidence
from registry.verifying.reading import read_objects

_NAME = re.compile(rb"\Aobject [0-9a-f]{40}\ntype commit\ntag ([^\n]+)\n")
_FIELDS = 2


def read_tags(repository: GitRepository) -> dict[Release, TagEvidence]:
    """The tags ``<library>/v<anything>``, by library and what stands for the version."""
    out = repository.run("for-each-ref", "--format=%(objectname) %(refname:strip=2)", "refs/tags/")
    rows = (line.split(" ", 1) for line in out.decode(errors="surrogateescape").split("\n"))
    refs = {row[1]: ObjectId(row[0]) for row in rows if len(row) == _FIELDS}
    named = {ref: object_id for ref, object_id in refs.items() if _release(ref) is not None}
    objects = dict(read_objects(repository, named.values()))
    return _evidence(named, objects)


def _evidence(
    refs: Mapping[str, ObjectId], objects: Mapping[ObjectId, GitObject | None]
) -> dict[Release, TagEvidence]:
    tags: dict[Release, TagEvidence] = {}
    for ref, object_id in refs.items():
        release, found = _release(ref), objects[object_id]
        if release is not None:
            is_tag = found is not None and found.type == "tag"
            tags[release] = (
                _statement(ref, object_id, found.content)
                if found is not None and is_tag
                else TagEvidence(ref=ref, object_id=object_id)
            )
    return tags


def _release(ref: str) -> Release | None:
    library, slash, version = ref.partition("/v")
    return (LibraryName(library), version) if slash and is_library_name(library) else None


def _statement(ref: str, object_id: ObjectId, content: bytes) -> TagEvidence:
    name, stated = _NAME.match(content), parse_tag(content)
    return TagEvidence(
        ref=ref,
        object_id=object_id,
        name=name[1].decode(errors="surrogateescape") if name else "",
        commit=stated.commit,
        digest=stated.digest,
        tree=stated.tree,
    )
