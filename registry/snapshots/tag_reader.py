"""Read the release tags of libraries: the objects they are, and what these state."""

from __future__ import annotations

from collections.abc import Collection, Container

from registry.git.ancestry import ancestors_among
from registry.git.repository import GitObject, GitRepository, Wave
from registry.git.tag_refs import tag_refs
from registry.library.release_state import TagFacts
from registry.library.release_tag import TagStatement, parse_tag
from registry.names import CommitId, LibraryName, ObjectId
from registry.versions import Version, version_or_none

# Libraries whose tags are asked for by name; above it all tags are listed.
_NAMED = 200


def read_tags(
    repository: GitRepository, names: Collection[LibraryName], *heads: CommitId
) -> dict[LibraryName, dict[Version, TagFacts]]:
    """The release tags of these libraries; "ancestor" means of any of the heads."""
    if not names:
        return {}
    wanted = frozenset(names)
    tags: dict[tuple[LibraryName, Version], ObjectId] = {}
    wave = Wave(repository)
    for ref, tag in tag_refs(repository, names if len(names) <= _NAMED else ()).items():
        library, _, text = ref.partition("/v")
        version = version_or_none(text)
        if version is not None and library in wanted:
            tags[LibraryName(library), version] = tag.object_id
            wave.want(tag.object_id)
    stated = {object_id: _stated(item) for object_id, item in wave.fetch().items()}
    commits = {one.commit for one in stated.values() if one is not None and one.commit is not None}
    ancestors = ancestors_among(repository, commits, *heads)
    found: dict[LibraryName, dict[Version, TagFacts]] = {}
    for (name, version), object_id in tags.items():
        facts = _facts(object_id, stated.get(object_id), ancestors)
        found.setdefault(name, {})[version] = facts
    return found


def tag_facts(
    object_id: ObjectId, found: GitObject | None, ancestors: Container[CommitId | None]
) -> TagFacts:
    """The facts of one tag, where its object has been read already."""
    return _facts(object_id, _stated(found), ancestors)


def _stated(found: GitObject | None) -> TagStatement | None:
    return parse_tag(found.content) if found is not None and found.type == "tag" else None


def _facts(
    object_id: ObjectId, stated: TagStatement | None, ancestors: Container[CommitId | None]
) -> TagFacts:
    return TagFacts(
        object_id=object_id,
        commit=stated.commit if stated is not None else None,
        digest=stated.digest if stated is not None else None,
        tree=stated.tree if stated is not None else None,
        is_ancestor=stated is not None and stated.commit in ancestors,
    )
