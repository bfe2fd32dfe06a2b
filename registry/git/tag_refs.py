"""Read the tags of a repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from registry.git.ancestry import ancestors_among
from registry.git.repository import GitRepository
from registry.names import CommitId, ObjectId


@dataclass(frozen=True, kw_only=True, slots=True)
class TagRef:
    """The target of a tag: an object and, where that is a tag object, the commit it names."""

    object_id: ObjectId
    commit: CommitId | None


def tag_refs(
    repository: GitRepository, prefixes: Iterable[str] = (), *, merged: CommitId | None = None
) -> dict[str, TagRef]:
    """The tags by name: all, or those below ``refs/tags/<prefix>/``.

    With ``merged`` only those on this commit and its ancestors.
    """
    patterns = [f"refs/tags/{prefix}/" for prefix in prefixes] or ["refs/tags/"]
    layout = "--format=%(objectname) %(*objectname) %(refname:strip=2)"
    out = repository.run("for-each-ref", layout, *patterns)
    rows = (line.split(" ", 2) for line in out.decode(errors="surrogateescape").split("\n"))
    tags = {
        row[2]: TagRef(object_id=ObjectId(row[0]), commit=CommitId(row[1]) if row[1] else None)
        for row in rows
        if len(row) == 3  # noqa: PLR2004 - the three fields of the layout
    }
    return tags if merged is None else _merged(repository, tags, merged)


def _merged(
    repository: GitRepository, tags: Mapping[str, TagRef], head: CommitId
) -> dict[str, TagRef]:
    """Return the tags on a commit and its ancestors; Git's own ``--merged`` goes by dates."""
    targets = {name: tag.commit or CommitId(tag.object_id) for name, tag in tags.items()}
    before = ancestors_among(repository, frozenset(targets.values()), head)
    return {name: tag for name, tag in tags.items() if targets[name] in before}
