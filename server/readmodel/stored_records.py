"""The records that a state is made of, as keys and what makes their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import msgspec

from server.readmodel import model_layout
from server.readmodel.long_lists import Body, LongList, Piece
from server.readmodel.model_layout import StoredBody
from server.readmodel.records import ServedLibrary
from server.readmodel.served import Served

_AT_ONCE_BYTES = 16 * 1024 * 1024
"""Written in one transaction of a new file: pages not yet written are held in memory."""
_ENCODER = msgspec.msgpack.Encoder()

Records = Iterable[tuple[bytes, bytes]]
Later = tuple[bytes, Callable[[], bytes]]
"""A key, and what makes its value."""
Pieces = dict[bytes, Callable[[], bytes]]
"""The pieces of a long answer by key, each made when it is written."""


def blocks(records: Iterable[Later]) -> Iterator[list[tuple[bytes, bytes]]]:
    """A write in a transaction of its own; values are made no earlier than that."""
    block: list[tuple[bytes, bytes]] = []
    size = 0
    for key, make in records:
        value = make()
        block.append((key, value))
        size += len(value)
        if size >= _AT_ONCE_BYTES:
            yield block
            block, size = [], 0
    yield block


def everything(served: Served) -> Iterator[Later]:
    """All records of a state, in no particular order."""
    for library in served.libraries.values():
        yield from library_records(library)
    pieces: Pieces = {}
    for name, one in named_lists(served):
        plain, found = plain_records(one)
        pieces.update(found)
        yield model_layout.list_key(name), partial(_ENCODER.encode, plain)
        for body, more in compressed_records(one):
            pieces.update(more)
            yield model_layout.list_key(name, body.coding), partial(_ENCODER.encode, body)
    yield from pieces.items()


def library_records(library: ServedLibrary) -> Iterator[Later]:
    """Those of one library."""
    is_visible = bool(library.visible_steps)
    for step in library.steps:
        key = model_layout.step_key(step.id, is_visible=is_visible)
        yield key, partial(model_layout.step_value, step.etag, step.body)
    yield model_layout.library_key(library.name), partial(_library_value, library)
    yield model_layout.number_key(library.id), library.name.encode


def _library_value(library: ServedLibrary) -> bytes:
    bare = tuple(msgspec.structs.replace(step, body=b"") for step in library.steps)
    return _ENCODER.encode(msgspec.structs.replace(library, steps=bare))


def named_lists(served: Served) -> tuple[tuple[str, LongList], ...]:
    """The long lists, and what each is called here."""
    lists = served.lists
    return tuple(
        zip(model_layout.LISTS, (lists.steps, lists.libraries, lists.usable_libraries), strict=True)
    )


def plain_records(one: LongList) -> tuple[StoredBody, Pieces]:
    """A list, and what makes its pieces, by key."""
    keys = [model_layout.piece_key(piece.digest) for piece in one.pieces]
    pieces: Pieces = {
        key: partial(_body, piece) for key, piece in zip(keys, one.pieces, strict=True)
    }
    return plain_body(one, keys), pieces


def _body(piece: Piece) -> bytes:
    return piece.body


def plain_body(one: LongList, keys: Sequence[bytes]) -> StoredBody:
    """A list whose pieces are under these keys."""
    return StoredBody(
        etag=one.plain.etag,
        of=one.plain.etag,
        length=one.plain.length,
        parts=_parts(one.head, b",", keys, one.tail),
    )


def compressed_records(
    one: LongList,
) -> Iterator[tuple[StoredBody, Pieces]]:
    """The compressed forms that a list has, and what makes the pieces of each, by key."""
    for made in one.compressed:
        if made.members is not None:
            keys = [model_layout.deflated_key(piece.digest) for piece in one.pieces]
            parts = _parts(made.members.head, made.members.comma, keys, made.members.tail)
            pieces = dict(zip(keys, (piece.deflate for piece in one.pieces), strict=True))
        else:
            key = model_layout.whole_key(made.etag)
            parts = ((b"", key),)
            pieces = {key: partial(_joined, made)}
        body = StoredBody(
            etag=made.etag,
            of=one.plain.etag,
            length=made.length,
            parts=parts,
            coding=made.coding,
        )
        yield body, pieces


def _joined(made: Body) -> bytes:
    return b"".join(made.pieces())


def detail_body(library: ServedLibrary) -> StoredBody:
    """A library's detail, whose pieces are its steps; the record need not hold their bodies."""
    is_visible = bool(library.visible_steps)
    keys = [model_layout.step_key(step.id, is_visible=is_visible) for step in library.steps]
    return StoredBody(
        etag=library.detail_etag,
        of=library.detail_etag,
        length=library.detail_length,
        parts=_parts(library.detail_head, b",", keys, library.detail_tail),
    )


def _parts(
    head: bytes, comma: bytes, keys: Sequence[bytes], tail: bytes
) -> tuple[tuple[bytes, bytes], ...]:
    before = (head, *(comma for _ in keys[1:]))
    return (*zip(before, keys, strict=False), (tail if keys else head + tail, b""))
