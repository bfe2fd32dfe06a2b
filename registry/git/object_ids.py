"""Git's own ids (SHA-1) of blobs and trees that are in no repository yet.

An id is the hash of ``<type> SP <length> NUL <content>`` ("Pro Git", 10.2, "Git Objects").
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from registry.names import ObjectId


def blob_id(content: bytes) -> ObjectId:
    r"""Git's id of a blob, as ``git hash-object`` prints it.

    >>> blob_id(b"hello\n")
    'ce013625030ba8dba906f756967f9e9ca394464a'
    """
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
