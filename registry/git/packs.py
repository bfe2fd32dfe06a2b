"""One operation's objects as a small pack, kept from every ``git gc`` until its refs have moved.

Until then nothing names these objects, and ``git gc --prune=now`` takes what nothing names. A pack
with a ``.keep`` beside it is left alone by all of Git. Loose objects could not be held like that.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from registry.files.durable import STAGED, Batch
from registry.git.repository import GitRepository
from registry.names import ObjectId

# Speed counts when an operator waits; a repack compresses again anyway.
_COMPRESSION = 1
_TYPES = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
# Offsets above it stand in a table of their own.
_SMALL_OFFSET = 0x7FFF_FFFF
# `git prune` removes a file of this name when its maker was killed; `git fsck` does not mind it.
_STAGED = "tmp_opsteps_"
_OURS = b"opsteps\n"


class Pack:
    """Objects in Git's pack format (gitformat-pack(5)), version 2, none of them as a delta."""

    def __init__(self) -> None:
        """Nothing is in it."""
        self._parts: list[bytes] = []
        self._size = 12
        self._entries: dict[bytes, tuple[int, int]] = {}

    @property
    def is_empty(self) -> bool:
        """True if nothing is in it."""
        return not self._entries

    def add(self, kind: str, content: bytes) -> ObjectId:
        """Add an object, once."""
        header = b"%b %d\0" % (kind.encode(), len(content))
        object_id = hashlib.sha1(header + content).digest()  # noqa: S324 - Git's own object id
        if object_id not in self._entries:
            entry = _entry_header(_TYPES[kind], len(content)) + zlib.compress(content, _COMPRESSION)
            self._entries[object_id] = (self._size, zlib.crc32(entry))
            self._parts.append(entry)
            self._size += len(entry)
        return ObjectId(object_id.hex())

    def content(self) -> tuple[str, bytes, bytes]:
        """The name of the pack, and the content of its file and of its index."""
        body = b"".join([struct.pack(">4sLL", b"PACK", 2, len(self._entries)), *self._parts])
        checksum = hashlib.sha1(body).digest()  # noqa: S324 - Git's own checksum
        return f"pack-{checksum.hex()}", body + checksum, self._index(checksum)

    def _index(self, checksum: bytes) -> bytes:
        ids = sorted(self._entries)
        counts = [0] * 256
        for object_id in ids:
            counts[object_id[0]] += 1
        fanout, total = [], 0
        for count in counts:
            total += count
            fanout.append(total)
        offsets = [self._entries[object_id][0] for object_id in ids]
        far = [offset for offset in offsets if offset > _SMALL_OFFSET]
        places = iter(range(len(far)))
        near = [o if o <= _SMALL_OFFSET else 1 << 31 | next(places) for o in offsets]
        crcs = [self._entries[object_id][1] for object_id in ids]
        numbers = [*fanout, *crcs, *near]
        body = b"".join(
            (
                b"\xfftOc\0\0\0\2",
                struct.pack(">256L", *numbers[:256]),
                *ids,
                struct.pack(f">{2 * len(ids)}L", *numbers[256:]),
                struct.pack(f">{len(far)}Q", *far),
                checksum,
            )
        )
        return body + hashlib.sha1(body).digest()  # noqa: S324 - Git's own checksum


def _entry_header(kind: int, size: int) -> bytes:
    """Type and size as a pack has them: four bits of the size, then seven bits a byte."""
    found = bytearray([kind << 4 | size & 0x0F])
    size >>= 4
    while size:
        found[-1] |= 0x80
        found.append(size & 0x7F)
        size >>= 7
    return bytes(found)


def keep(repository: GitRepository, pack: Pack) -> None:
    """Put a pack into the repository, durably, and hold it until `let_go`."""
    name, content, index = pack.content()
    directory = repository.common_dir / "objects" / "pack"
    held = directory / f"{name}.keep"
    # Git finds a pack by its index, which gets its name last.
    files = {directory / f"{name}.pack": content, directory / f"{name}.idx": index}
    try:
        try:
            _put(held, files, staged=_STAGED)
        except FileNotFoundError:
            # A `git prune --expire=now` took a file before it had its name: this one it leaves.
            _put(held, files, staged=STAGED)
    except OSError:
        held.unlink(missing_ok=True)
        raise
    repository.kept.append(held)


def _put(held: Path, files: Mapping[Path, bytes], *, staged: str) -> None:
    held.parent.mkdir(parents=True, exist_ok=True)
    held.write_bytes(_OURS)
    batch = Batch(staged=staged)
    for path, content in files.items():
        batch.put(path, content)
    batch.finish()


def let_go(repository: GitRepository) -> None:
    """The refs have moved, or will not: from now on Git treats our packs like all others."""
    while repository.kept:
        repository.kept.pop().unlink(missing_ok=True)


def let_go_of_the_killed(repository: GitRepository) -> None:
    """Clear up what killed writers left; the write lock must be held."""
    with suppress(FileNotFoundError), os.scandir(repository.common_dir / "objects/pack") as found:
        for entry in found:
            is_held = entry.name.endswith(".keep") and Path(entry).read_bytes() == _OURS
            if is_held or entry.name.startswith((_STAGED, STAGED)):
                Path(entry).unlink(missing_ok=True)
