"""What was served last, kept in one file so that a start at the same commit is quick.

The file is data only: a magic, a description, and the records, with a checksum over both. One that
is damaged, or that another version, instance or user wrote, is ignored: everything in it can be
read from Git again.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Sequence
from hashlib import blake2b, sha256
from importlib import resources
from pathlib import Path

import msgspec
import structlog

import registry
from server.served import ServedLibrary

_MAGIC = b"opsteps-served-1\n"
_DIGEST_BYTES = 32
_LENGTH_BYTES = 8
_LOG = structlog.get_logger(__name__)


class Header(msgspec.Struct, frozen=True):
    """What the records belong to."""

    code: str
    instance: str
    commit: str
    committed_at: str


class Warm(msgspec.Struct, frozen=True):
    """Records that were served, and of which commit."""

    commit: str
    committed_at: str
    libraries: list[ServedLibrary]


def cache_path(state_directory: Path, instance: str) -> Path:
    """Where an instance's records are kept."""
    return state_directory / f"served-{sha256(instance.encode()).hexdigest()[:16]}.cache"


def code_version() -> str:
    """Changes whenever the code that makes records changes."""
    digest = sha256(registry.__version__.encode())
    for package, suffixes in (("registry", (".py", ".json")), ("server", ("served.py",))):
        for file in sorted(resources.files(package).iterdir(), key=lambda found: found.name):
            if file.is_file() and file.name.endswith(suffixes):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:32]


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
    start = len(_MAGIC) + _DIGEST_BYTES
    if bytes(data[: len(_MAGIC)]) != _MAGIC:
        raise ValueError("it is no cache of this format")
    if blake2b(data[start:], digest_size=_DIGEST_BYTES).digest() != data[len(_MAGIC) : start]:
        raise ValueError("its checksum is wrong")
    size = int.from_bytes(data[start : start + _LENGTH_BYTES], "big")
    records = start + _LENGTH_BYTES + size
    header = msgspec.msgpack.decode(data[start + _LENGTH_BYTES : records], type=Header)
    if header.code != code_version() or header.instance != instance:
        return None
    libraries = msgspec.msgpack.decode(data[records:], type=list[ServedLibrary])
    return Warm(commit=header.commit, committed_at=header.committed_at, libraries=libraries)


def write_warm(
    path: Path, instance: str, commit: str, committed_at: str, libraries: Sequence[ServedLibrary]
) -> None:
    """Replace the file at once or not at all; raises OSError."""
    header = msgspec.msgpack.encode(
        Header(code=code_version(), instance=instance, commit=commit, committed_at=committed_at)
    )
    parts = [len(header).to_bytes(_LENGTH_BYTES, "big"), header, *_records(libraries)]
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        digest.update(part)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines((_MAGIC, digest.digest(), *parts))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _records(libraries: Sequence[ServedLibrary]) -> list[bytes]:
    """One msgpack array, encoded record by record: no step holds the interpreter for long."""
    encoder = msgspec.msgpack.Encoder()
    head = b"\xdd" + len(libraries).to_bytes(4, "big")
    return [head, *(encoder.encode(library) for library in libraries)]
