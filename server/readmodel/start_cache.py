"""What was served last, kept in one file so that a start at the same commit is quick.

The file is data only: a magic, then blocks, each with its length and a checksum. The first block
holds every record, the later ones what a commit changed, so that keeping up costs what changed. A
file that is damaged, or that another version, instance or user wrote, is ignored, and so is a last
block that was not written to its end: everything in it can be read from Git again.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Sequence
from hashlib import blake2b, sha256
from pathlib import Path

import msgspec
import structlog

from registry.files.code_fingerprint import code_fingerprint
from server.readmodel.records import ServedLibrary

_MAGIC = b"opsteps-served-2\n"
_DIGEST_BYTES = 32
_LENGTH_BYTES = 8
_LOG = structlog.get_logger(__name__)


class Header(msgspec.Struct, frozen=True):
    """What the records of a block belong to."""

    code: str
    instance: str
    commit: str
    committed_at: str
    removed: tuple[str, ...] = ()


class Warm(msgspec.Struct, frozen=True):
    """Records that were served, of which commit, and how many bytes of the file were good."""

    commit: str
    committed_at: str
    libraries: list[ServedLibrary]
    size: int


def cache_path(directory: Path, instance: str) -> Path:
    """Where an instance's records are kept."""
    return directory / f"served-{sha256(instance.encode()).hexdigest()[:16]}.cache"


def read_warm(path: Path, instance: str) -> Warm | None:
    """The records of the file, or None when they cannot be trusted or used."""
    try:
        with path.open("rb") as file:
            if not _is_ours(os.fstat(file.fileno())):
                return None
            data = memoryview(file.read())
    except OSError:
        return None
    try:
        return _decode(data, instance)
    except (ValueError, msgspec.MsgspecError) as error:
        _LOG.warning("served cache ignored", path=str(path), reason=str(error))
        return None


def _is_ours(status: os.stat_result) -> bool:
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_uid == os.geteuid()
        and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def _decode(data: memoryview, instance: str) -> Warm | None:
    if bytes(data[: len(_MAGIC)]) != _MAGIC:
        raise ValueError("it is not a cache of this format")
    good = len(_MAGIC)
    found: dict[str, ServedLibrary] = {}
    header = None
    code = code_fingerprint("registry", "server")
    while (end := _block_end(data, good)) is not None:
        start = good + _LENGTH_BYTES + _DIGEST_BYTES
        size = int.from_bytes(data[start : start + _LENGTH_BYTES], "big")
        records = start + _LENGTH_BYTES + size
        header = msgspec.msgpack.decode(data[start + _LENGTH_BYTES : records], type=Header)
        if header.code != code or header.instance != instance:
            return None
        for name in header.removed:
            found.pop(name, None)
        changed = msgspec.msgpack.decode(data[records:end], type=list[ServedLibrary])
        found.update((library.name, library) for library in changed)
        good = end
    if header is None:
        raise ValueError("its first block is damaged")
    return Warm(
        commit=header.commit,
        committed_at=header.committed_at,
        libraries=list(found.values()),
        size=good,
    )


def _block_end(data: memoryview, start: int) -> int | None:
    """Where the block at ``start`` ends; None when there is none that is whole."""
    body = start + _LENGTH_BYTES + _DIGEST_BYTES
    end = body + int.from_bytes(data[start : start + _LENGTH_BYTES], "big")
    if body >= len(data) or end > len(data):
        return None
    digest = blake2b(data[body:end], digest_size=_DIGEST_BYTES).digest()
    return end if digest == data[start + _LENGTH_BYTES : body] else None


class WarmFile:
    """The file as one server keeps it."""

    def __init__(self, path: Path, instance: str) -> None:
        """Nothing is read or written yet."""
        self.path = path
        self._instance = instance
        self._base = 0
        self._size = 0

    def read(self) -> Warm | None:
        """What was served last, or None."""
        warm = read_warm(self.path, self._instance)
        if warm is not None:
            self._base = self._size = warm.size
        return warm

    def has_room(self, changed: Sequence[ServedLibrary]) -> bool:
        """Whether adding a block is cheaper than writing the file anew."""
        more = sum(len(step.body) for library in changed for step in library.steps)
        return self._base > 0 and self._size + more < 2 * self._base

    def replace(self, commit: str, committed_at: str, libraries: Sequence[ServedLibrary]) -> None:
        """Write the file anew: at once or not at all. Raises OSError."""
        parts = [_MAGIC, *self._block(commit, committed_at, libraries, ())]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._base = self._size = sum(map(len, parts))

    def add(
        self,
        commit: str,
        committed_at: str,
        changed: Sequence[ServedLibrary],
        removed: Sequence[str],
    ) -> None:
        """Add what a commit changed. Raises OSError; then the file is still good up to there."""
        parts = self._block(commit, committed_at, changed, removed)
        with self.path.open("r+b") as file:
            file.truncate(self._size)
            file.seek(self._size)
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        self._size += sum(map(len, parts))

    def _block(
        self,
        commit: str,
        committed_at: str,
        libraries: Sequence[ServedLibrary],
        removed: Sequence[str],
    ) -> list[bytes]:
        header = msgspec.msgpack.encode(
            Header(
                code=code_fingerprint("registry", "server"),
                instance=self._instance,
                commit=commit,
                committed_at=committed_at,
                removed=tuple(removed),
            )
        )
        body = [len(header).to_bytes(_LENGTH_BYTES, "big"), header, *_records(libraries)]
        digest = blake2b(digest_size=_DIGEST_BYTES)
        for part in body:
            digest.update(part)
        length = sum(map(len, body))
        return [length.to_bytes(_LENGTH_BYTES, "big"), digest.digest(), *body]


def _records(libraries: Sequence[ServedLibrary]) -> list[bytes]:
    """One msgpack array, encoded record by record: no step holds the interpreter for long."""
    encoder = msgspec.msgpack.Encoder()
    head = b"\xdd" + len(libraries).to_bytes(4, "big")
    return [head, *(encoder.encode(library) for library in libraries)]
