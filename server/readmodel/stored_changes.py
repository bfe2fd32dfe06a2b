"""The records as a change leaves them, within one transaction."""

from __future__ import annotations

import lmdb
import msgspec

from server.readmodel import model_layout
from server.readmodel.long_lists import LongList
from server.readmodel.served import Served
from server.readmodel.stored_records import (
    Pieces,
    Records,
    compressed_records,
    named_lists,
    plain_records,
)
from server.readmodel.stored_values import stored_library, stored_list

_ENCODER = msgspec.msgpack.Encoder()


def put_all(txn: lmdb.Transaction, records: Records) -> None:
    """Write all of these."""
    for key, value in records:
        txn.put(key, value)


def forget_library(txn: lmdb.Transaction, name: str) -> None:
    """Delete what is kept of a library, older releases that were asked for as well."""
    old = stored_library(txn, name)
    if old is None:
        return
    is_visible = bool(old.visible_steps)
    for step in old.steps:
        txn.delete(model_layout.step_key(step.id, is_visible=is_visible))
    forget_range(txn, *model_layout.pinned_keys(name))
    txn.delete(model_layout.number_key(old.id))
    txn.delete(model_layout.library_key(name))


def forget_range(txn: lmdb.Transaction, first: bytes, after: bytes) -> None:
    """Delete everything from a key on, and before another."""
    with txn.cursor() as cursor:
        found = cursor.set_range(first)
        while found and bytes(cursor.key()) < after:
            found = cursor.delete()


def put_lists(txn: lmdb.Transaction, served: Served) -> None:
    """The lists as they are now; the compressed forms of what they were are gone."""
    before: set[bytes] = set()
    after: Pieces = {}
    for name, one in named_lists(served):
        old, (new, pieces) = stored_list(txn, name), plain_records(one)
        before |= old.keys() if old is not None else set()
        after.update(pieces)
        if old is not None and old.etag == new.etag:
            continue
        txn.put(model_layout.list_key(name), _ENCODER.encode(new))
        for coding in model_layout.CODINGS:
            _forget_compressed(txn, name, coding)
    for key in before - after.keys():
        txn.delete(key)
        txn.delete(model_layout.deflated_key(model_layout.digest_in(key)))
    for key in after.keys() - before:
        txn.put(key, after[key]())


def _forget_compressed(txn: lmdb.Transaction, name: str, coding: bytes) -> None:
    """Deflated pieces stay as long as their pieces: the next compressed form has them as well."""
    for key in filter(model_layout.is_whole, _keys(txn, name, coding)):
        txn.delete(key)
    txn.delete(model_layout.list_key(name, coding))


def _keys(txn: lmdb.Transaction, name: str, coding: bytes) -> set[bytes]:
    found = stored_list(txn, name, coding)
    return found.keys() if found is not None else set()


def put_compressed(txn: lmdb.Transaction, name: str, one: LongList) -> None:
    """Write the compressed forms of a list, unless it is another one by now."""
    plain = stored_list(txn, name)
    if plain is None or plain.etag != one.plain.etag:
        return  # a newer state has been written meanwhile
    for body, pieces in compressed_records(one):
        if _keys(txn, name, body.coding) == body.keys():
            continue
        txn.put(model_layout.list_key(name, body.coding), _ENCODER.encode(body))
        for key, make in pieces.items():
            txn.put(key, make(), overwrite=False)
