"""The frames of the relay: a length, then a tuple as msgpack that begins with its `Kind`."""

from __future__ import annotations

import asyncio
from enum import IntEnum, auto
from typing import Any

import msgspec

from server.asgi.answer import Scope

_LENGTH_BYTES = 4
_MOST_BYTES = 128 * 1024 * 1024
_PIECE_BYTES = 256 * 1024
"""A longer part of a body travels in several frames."""
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Any])


class Kind(IntEnum):
    """The kind of a frame."""

    ASK = auto()
    """A request; the field is its scope."""
    USES = auto()
    """The times of tokens' last uses, by id. `TAKEN` is the only answer."""
    TAKEN = auto()
    """The keeper has the request, and will answer."""
    GO = auto()
    """The worker still waits for the answer, and has not refused its client meanwhile."""
    WANT = auto()
    """The keeper waits for more of the body."""
    BODY = auto()
    """More of the request's body, and whether there will be more."""
    GONE = auto()
    """The client is gone, or sends nothing more."""
    START = auto()
    """Status and headers of the answer."""
    ANSWER = auto()
    """More of the answer's body, and whether there will be more."""


def frame(kind: Kind, *fields: object) -> bytes:
    """Return the bytes of a frame."""
    data = _ENCODER.encode((kind, *fields))
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data


async def read_frame(reader: asyncio.StreamReader) -> list[Any] | None:
    """Return the next frame's kind and fields; None at the end. Raises OSError."""
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
        if length > _MOST_BYTES:
            return None
        return _DECODER.decode(await reader.readexactly(length))
    except asyncio.IncompleteReadError:
        return None


def pieces_of(body: bytes) -> list[bytes]:
    """Return a body in pieces for one frame each; one empty piece for an empty body."""
    return [body[at : at + _PIECE_BYTES] for at in range(0, len(body), _PIECE_BYTES)] or [body]


def as_scope(found: dict[str, Any]) -> Scope:
    """Return a scope with the tuples that msgpack has made lists of."""
    return {
        **found,
        "headers": [tuple(one) for one in found["headers"]],
        "client": tuple(found["client"]),
        "server": tuple(found["server"]),
    }
