"""The two fingerprints of a release: its digest (SHA-256, ours) and its tree id (SHA-1, Git's)."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping

from registry.names import Digest, ObjectId


def release_digest(files: Mapping[str, bytes]) -> Digest:
    """SHA-256 over the lines ``hex(sha256(blob)) SP SP path LF``, sorted bytewise by path.

    ``files`` maps paths relative to the release to the bytes of the Git blobs; paths are taken in
    Unicode form NFC, as UTF-8 (design, section 3, "Tags define releases").
    """
    lines = sorted(
        (unicodedata.normalize("NFC", path).encode(), hashlib.sha256(content).hexdigest().encode())
        for path, content in files.items()
    )
    summary = b"".join(hexed + b"  " + path + b"\n" for path, hexed in lines)
    return Digest(hashlib.sha256(summary).hexdigest())


def blob_id(content: bytes) -> ObjectId:
    """Git's id of a blob."""
    return ObjectId(hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest())  # noqa: S324 - Git's own object id


def tree_id(files: Mapping[str, bytes]) -> ObjectId:
    """Git's id of the tree that holds these files, all of mode 100644."""
    directories: dict[str, dict[str, bytes]] = {}
    entries: list[tuple[bytes, bytes]] = []
    for path, content in files.items():
        head, slash, rest = path.partition("/")
        if slash:
            directories.setdefault(head, {})[rest] = content
        else:
            entry = b"100644 " + head.encode() + b"\0" + bytes.fromhex(blob_id(content))
            entries.append((head.encode(), entry))
    for name, inner in directories.items():
        entry = b"40000 " + name.encode() + b"\0" + bytes.fromhex(tree_id(inner))
        # Git sorts a directory as if its name ended in a slash.
        entries.append((name.encode() + b"/", entry))
    body = b"".join(entry for _, entry in sorted(entries))
    return ObjectId(hashlib.sha1(b"tree %d\0" % len(body) + body).hexdigest())  # noqa: S324 - Git's own object id
