"""Derived, machine-local files: whatever is odd about one, it is thrown away and made again."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from registry.files.durable import write_whole

Value = TypeVar("Value")


def read_derived(path: Path, *, version: str, kind: type[Value]) -> Value | None:
    """Return the value kept at a path; None when it is missing, cut short or of another version.

    The first line is a hash of the version and of the rest, so that half a file does not count.
    """
    try:
        head, _, body = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if head != _seal(version, body):
        return None
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError:
        return None


def write_derived(path: Path, value: object, *, version: str) -> None:
    """Keep a value; where nothing can be written, nothing is kept."""
    body = msgspec.json.encode(value)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, _seal(version, body) + b"\n" + body)


def _seal(version: str, body: bytes) -> bytes:
    return hashlib.sha256(version.encode() + b"\n" + body).hexdigest().encode()
