"""The frames that travel: a length, then a tuple as msgpack, whose first field says what it is."""

from __future__ import annotations

import asyncio
from enum import IntEnum, auto
from typing import Any

import msgspec

from server.asgi.answer import Scope

_LENGTH_BYTES = 4
_MOST_BYTES = 128 * 1024 * 1024
_PIECE_BYTES = 256 * 1024
"""More of a body than this travels in several frames."""
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Any])


class Kind(IntEnum):
    """What a frame is."""

    ASK = auto()
    """A request: its scope."""
    USES = auto()
    """Tokens that were used: when, by the id of each. No answer but `TAKEN`."""
    TAKEN = auto()
    """The keeper has it, and will answer."""
    GO = auto()
    """The worker still waits for it. One that has given up has told its client so."""
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
    """A frame as it travels."""
    data = _ENCODER.encode((kind, *fields))
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data


async def read_frame(reader: asyncio.StreamReader) -> list[Any] | None:
    """The next frame's kind and fields; None when there is none. Raises OSError."""
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
        if length > _MOST_BYTES:
            return None
        return _DECODER.decode(await reader.readexactly(length))
    except asyncio.IncompleteReadError:
        return None


def pieces_of(body: bytes) -> list[bytes]:
    """A body cut into what travels in one frame; one empty piece for an empty body."""
    return [body[at : at + _PIECE_BYTES] for at in range(0, len(body), _PIECE_BYTES)] or [body]


def as_scope(found: dict[str, Any]) -> Scope:
    """A scope that has travelled: msgpack knows no tuples."""
    return {
        **found,
        "headers": [tuple(one) for one in found["headers"]],
        "client": tuple(found["client"]),
        "server": tuple(found["server"]),
    }
