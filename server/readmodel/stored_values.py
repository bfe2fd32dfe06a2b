"""Read values of the read model within a transaction, each as what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import lmdb
import msgspec

from server.readmodel import model_layout
from server.readmodel.model_layout import StoredBody
from server.readmodel.records import ServedLibrary

_CHUNK_BYTES = 256 * 1024
_BODY = msgspec.msgpack.Decoder(StoredBody)
_LIBRARY = msgspec.msgpack.Decoder(ServedLibrary)


def value(txn: lmdb.Transaction, key: bytes) -> bytes | None:
    """Return the value of a key."""
    return cast("bytes | None", txn.get(key))


def values(txn: lmdb.Transaction, first: bytes, after: bytes) -> Iterator[bytes]:
    """Yield the values of all keys from one on, and before another."""
    with txn.cursor() as cursor:
        found = cursor.set_range(first)
        while found and bytes(cursor.key()) < after:
            yield bytes(cursor.value())
            found = cursor.next()


def stored_library(txn: lmdb.Transaction, name: str) -> ServedLibrary | None:
    """Return a library's record, in which steps have no bodies."""
    found = value(txn, model_layout.library_key(name))
    return _LIBRARY.decode(found) if found is not None else None


def stored_body(txn: lmdb.Transaction, key: bytes) -> StoredBody | None:
    """Return a long answer; None if it is not kept."""
    found = value(txn, key)
    return _BODY.decode(found) if found is not None else None


def stored_list(txn: lmdb.Transaction, name: str, coding: bytes = b"") -> StoredBody | None:
    """Return a long list, plain or in one coding; None if it is not kept in that form."""
    return stored_body(txn, model_layout.list_key(name, coding))


def chunks(get: Callable[[bytes], bytes | None], body: StoredBody) -> Iterator[bytes]:
    """Yield the bytes of a long answer, in chunks of a moderate size. Raises KeyError.

    ``get`` returns the value of a key; it is asked as late as it can be.
    """
    waiting: list[bytes] = []
    size = 0
    for literal, key in body.parts:
        waiting.append(literal)
        size += len(literal)
        if key:
            piece = get(key)
            if piece is None:
                raise KeyError(key)
            waiting.append(model_layout.sent_part(key, piece))
            size += len(piece)
        if size >= _CHUNK_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)
