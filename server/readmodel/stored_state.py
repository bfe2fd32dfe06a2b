"""Reads a whole read model back, and checks every digest in it."""

from __future__ import annotations

from dataclasses import dataclass

import lmdb
import msgspec

from server.readmodel import model_files, model_layout
from server.readmodel.long_lists import piece_digest
from server.readmodel.records import ServedLibrary, etag_of
from server.readmodel.stored_values import stored_list, values

_LIBRARY = msgspec.msgpack.Decoder(ServedLibrary)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredState:
    """The content of a read model: the records that it was made of."""

    commit: str
    committed_at: str
    libraries: list[ServedLibrary]


def read_state(txn: lmdb.Transaction) -> StoredState | None:
    """All records; None where nothing says what they belong to.

    Raises KeyError, ValueError, MsgspecError for records that are damaged.
    """
    meta = model_files.read_meta(txn)
    if meta is None:
        return None
    libraries = [_whole_library(txn, one) for one in values(txn, *model_layout.LIBRARIES)]
    for name in model_layout.LISTS:
        _check_list(txn, name)
    return StoredState(commit=meta.commit, committed_at=meta.committed_at, libraries=libraries)


def _check_list(txn: lmdb.Transaction, name: str) -> None:
    """Raise ValueError for a list with a piece that is not what it was."""
    one = stored_list(txn, name)
    if one is None:
        raise ValueError(f"the list {name} is missing")
    for key in sorted(one.keys()):
        piece = txn.get(key)
        if piece is None or piece_digest(bytes(piece)) != model_layout.digest_in(key):
            raise ValueError(f"a piece of the list {name} is damaged")


def _whole_library(txn: lmdb.Transaction, value: bytes) -> ServedLibrary:
    """A library with its steps' bodies. Raises KeyError, MsgspecError."""
    bare = _LIBRARY.decode(value)
    is_visible = bool(bare.visible_steps)
    steps = []
    for step in bare.steps:
        found = txn.get(model_layout.step_key(step.id, is_visible=is_visible))
        if found is None:
            raise KeyError(step.id)
        etag, body = model_layout.step_parts(bytes(found))
        if etag != step.etag or etag_of(body) != etag:
            raise ValueError(f"the step {step.id} is damaged")
        steps.append(msgspec.structs.replace(step, body=body))
    return msgspec.structs.replace(bare, steps=tuple(steps))
