"""Release tags: their names, their messages and what one states."""

from __future__ import annotations

import re
from dataclasses import dataclass

from registry.names import CommitId, Digest, LibraryName, ObjectId, is_library_name
from registry.versions import Version

_TRAILER = re.compile(rb"^(Digest|Tree): (?:sha256:)?([0-9a-f]{40,64})$", re.MULTILINE)
_OBJECT = re.compile(rb"\Aobject ([0-9a-f]{40})\ntype commit\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class TagStatement:
    """The statement of an annotated tag object; a part it lacks is None."""

    commit: CommitId | None
    digest: Digest | None
    tree: ObjectId | None


def tag_name(library: LibraryName, version: Version) -> str:
    """``<library>/v<version>``, without ``refs/tags/``."""
    return f"{library}/v{version}"


def is_release_tag(name: str) -> bool:
    """True if a tag stands for a release of some library, of whatever version."""
    library, slash, _ = name.partition("/v")
    return bool(slash) and is_library_name(library)


def tag_message(
    library: LibraryName, version: Version, *, digest: Digest, tree: ObjectId, notes: str = ""
) -> str:
    """The message of a release tag.

    ``Tree`` lets a reader compare the head with the tag in one step: to look up the directory in
    the tagged commit costs one read of that commit's tree of names, which is O(registry).
    """
    body = f"\n{notes.strip()}\n" if notes.strip() else ""
    return f"{library} {version}\n{body}\nDigest: sha256:{digest}\nTree: {tree}\n"


def tag_object(name: str, commit: CommitId, message: str, *, tagger: str) -> bytes:
    """The raw annotated tag object. ``tagger`` is ``Name <email> seconds +0000``."""
    header = f"object {commit}\ntype commit\ntag {name}\ntagger {tagger}\n\n"
    return (header + message).encode()


def parse_tag(content: bytes) -> TagStatement:
    """Read a raw annotated tag object; the last trailer of a kind counts."""
    target = _OBJECT.match(content)
    found = {match[1]: match[2].decode() for match in _TRAILER.finditer(content)}
    digest, tree = found.get(b"Digest"), found.get(b"Tree")
    return TagStatement(
        commit=CommitId(target[1].decode()) if target else None,
        digest=Digest(digest) if digest else None,
        tree=ObjectId(tree) if tree else None,
    )
