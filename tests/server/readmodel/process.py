"""What a test has another process do: one that writes a read model cannot open it to read."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Any

import lmdb

from server.asgi.answer import Message
from server.observing.worker_counts import COUNTS_BYTES, Counts
from server.processes.shared_memory import make_memory
from server.readmodel import model_files
from server.readmodel.model_layout import Meta
from server.readmodel.reader import Reader
from server.readmodel.stored_values import chunks, stored_list, value
from server.relay.asking import Relay
from server.settings import Settings
from server.worker.front import LookupFront
from server.worker.gate import ReadGate

_READERS: dict[str, Reader] = {}
_LOCKED: list[Any] = []
_OPEN: list[tuple[lmdb.Transaction, str]] = []


def _reader(directory: Path, run: str) -> Reader:
    return _READERS.setdefault(f"{directory} {run}", Reader(lambda: directory, run, "code"))


def read_list(directory: Path, run: str, name: str, coding: bytes = b"") -> bytes | None:
    txn = _reader(directory, run).begin()
    if txn is None:
        return None
    try:
        body = stored_list(txn, name, coding)
        return b"".join(chunks(partial(value, txn), body)) if body is not None else None
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
    data = b"".join(chunks(partial(value, txn), body))
    txn.abort()
    return data


class _SlowAsking:
    """A client that takes one part of an answer, and the rest once it is told to."""

    def __init__(self, directory: Path, run: str, path: str, list_seconds: float) -> None:
        settings = Settings(list_seconds=list_seconds)
        self._reader = _reader(directory, run)
        self._app = LookupFront(
            settings,
            self._reader,
            ReadGate(settings, self._reader),
            Relay(directory / "none", 1.0),
            Counts(make_memory(COUNTS_BYTES)),
        )
        self._path = path
        self._runner = asyncio.Runner()
        self._goes_on = asyncio.Event()
        self._has_part = asyncio.Event()
        self._parts: list[bytes] = []
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> int:
        """Return the bytes that came, once no transaction is open any more."""
        self._runner.run(self._begin())
        env = self._reader._env
        assert env is not None
        # The last column of a reader is the transaction that it has open.
        while any(not line.endswith("-") for line in env.readers().splitlines()[1:]):
            self._runner.run(asyncio.sleep(0.01))
        return len(b"".join(self._parts))

    def end(self) -> bytes:
        return self._runner.run(self._end())

    async def _begin(self) -> None:
        scope = {
            "method": "GET",
            "path": self._path,
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
        }
        self._task = asyncio.create_task(self._app(scope, self._receive, self._send))
        await self._has_part.wait()

    async def _end(self) -> bytes:
        self._goes_on.set()
        assert self._task is not None
        await self._task
        return b"".join(self._parts)

    async def _receive(self) -> Message:
        raise AssertionError("a lookup has no body")

    async def _send(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            return
        self._parts.append(message["body"])
        self._has_part.set()
        await self._goes_on.wait()


_ASKING: list[_SlowAsking] = []


def begin_slow_answer(directory: Path, run: str, path: str, list_seconds: float) -> int:
    asking = _SlowAsking(directory, run, path, list_seconds)
    _ASKING.append(asking)
    return asking.begin()


def end_slow_answer() -> bytes:
    return _ASKING.pop().end()


def lock_to_write(directory: Path) -> None:
    """Begin a change, as a keeper that was killed in one."""
    name = model_files.current_name(directory)
    assert name is not None
    for reader in _READERS.values():
        reader.close()
    _LOCKED.append(model_files.open_to_write(directory, name))
    _LOCKED.append(_LOCKED[0].begin(write=True))


def unlock() -> None:
    env, txn = _LOCKED
    txn.abort()
    env.close()
    _LOCKED.clear()
