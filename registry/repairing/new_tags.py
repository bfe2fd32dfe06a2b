"""Release tags that are made again: the same message, and the same bytes wherever that can be.

A tag that was lost comes out as ``opsteps release`` and ``opsteps install`` made it, and two clones
that repair the same make the same object: none of them is in the other's way.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from registry.library.changelog import CHANGELOG, notes_of
from registry.library.release_tag import tag_message, tag_name, tag_object
from registry.names import CommitId, Digest, LibraryName, ObjectId
from registry.versions import Version

_COMMITTER = re.compile(rb"^committer ([^\n]*)$", re.MULTILINE)
_TAGGER = re.compile(rb"^tagger ([^\n]*)$", re.MULTILINE)
_SIGNATURE = re.compile(rb"^-----BEGIN (?:PGP|SSH) SIGNATURE-----$", re.MULTILINE)
_NOBODY = b"unknown <> 0 +0000"


def tag_id(content: bytes) -> ObjectId:
    """Git's id of a raw tag object."""
    return ObjectId(hashlib.sha1(b"tag %d\0" % len(content) + content).hexdigest())  # noqa: S324 - Git's own object id


def moved_tag(content: bytes, name: str, commit: CommitId) -> bytes:
    """A raw tag object on another commit: its tagger and message stay, a signature of Git's goes.

    Such a signature is about the commit that the tag was on.
    """
    header, _, message = content.partition(b"\n\n")
    tagger = _TAGGER.search(header)
    new = f"object {commit}\ntype commit\ntag {name}\n".encode()
    unsigned = message[: _signature_at(message)]
    return b"%btagger %b\n\n%b" % (new, tagger[1] if tagger else _NOBODY, unsigned)


def is_signed(content: bytes) -> bool:
    """True if a raw tag object or commit carries a signature of Git's own."""
    header, _, message = content.partition(b"\n\n")
    return b"\ngpgsig" in header or _signature_at(message) < len(message)


def _signature_at(message: bytes) -> int:
    found = _SIGNATURE.search(message)
    return found.start() if found is not None else len(message)


def lost_tag(
    library: LibraryName,
    version: Version,
    files: Mapping[str, bytes],
    *,
    commit: CommitId,
    raw_commit: bytes,
    digest: Digest,
    tree: ObjectId,
) -> bytes:
    """The raw tag of a release, from the commit that released it."""
    notes = notes_of(files.get(CHANGELOG, b""), version)
    message = tag_message(library, version, digest=digest, tree=tree, notes=notes)
    who = _COMMITTER.search(raw_commit.partition(b"\n\n")[0])
    tagger = (who[1] if who else _NOBODY).decode(errors="replace")
    return tag_object(tag_name(library, version), commit, message, tagger=tagger)
