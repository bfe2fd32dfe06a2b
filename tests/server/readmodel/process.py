"""What a test has another process do: one that writes a read model cannot open it to read."""

from __future__ import annotations

import os
from pathlib import Path

import lmdb

from server.readmodel.model_layout import Meta
from server.readmodel.reader import Reader
from server.readmodel.stored_values import chunks, stored_list, value

_READERS: dict[str, Reader] = {}
_OPEN: list[tuple[lmdb.Transaction, str]] = []


def _reader(directory: Path, run: str) -> Reader:
    return _READERS.setdefault(f"{directory} {run}", Reader(lambda: directory, run))


def read_list(directory: Path, run: str, name: str, coding: bytes = b"") -> bytes | None:
    txn = _reader(directory, run).begin()
    if txn is None:
        return None
    try:
        body = stored_list(txn, name, coding)
        return b"".join(chunks(txn, body)) if body is not None else None
    finally:
        txn.abort()


def read_value(directory: Path, run: str, key: bytes) -> bytes | None:
    txn = _reader(directory, run).begin()
    assert txn is not None
    try:
        return value(txn, key)
    finally:
        txn.abort()


def read_meta(directory: Path, run: str) -> Meta | None:
    reader = _reader(directory, run)
    txn = reader.begin()
    if txn is None:
        return None
    txn.abort()
    return reader.meta


def read_tokens(directory: Path, run: str) -> dict[str, tuple[int, float]]:
    read_meta(directory, run)
    return _reader(directory, run).tokens


def look(directory: Path, run: str) -> None:
    _reader(directory, run).look()


def process_id() -> int:
    return os.getpid()


def begin_long_answer(directory: Path, run: str, name: str) -> None:
    txn = _reader(directory, run).begin()
    assert txn is not None
    _OPEN.append((txn, name))


def end_long_answer() -> bytes:
    txn, name = _OPEN.pop()
    body = stored_list(txn, name)
    assert body is not None
    data = b"".join(chunks(txn, body))
    txn.abort()
    return data
