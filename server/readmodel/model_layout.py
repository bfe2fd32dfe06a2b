"""The layout of the read model: the spelling of every key, and the form of every value."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

FORMAT = 2
META = b"meta"
TOKENS = b"tokens"
KEY_BYTES = 511
"""The longest key that LMDB takes; ids are shorter."""
_ETAG = b"etag: "
_BLANK = b"\r\n\r\n"
_STEP = b"s"
_HIDDEN = b"h"
_LIBRARY = b"l"
_NUMBER = b"n"
_LIST = b"L"
_PIECE = b"p"
_DEFLATED = b"z"
_WHOLE = b"w"
_MADE = b"F"
_MADE_PIECE = b"f"
_PINNED = b"v"
LIBRARIES = (_LIBRARY, b"m")
"""The first key of all libraries, and the first after them."""
MADE = ((_MADE, b"G"), (_MADE_PIECE, b"g"))
"""The first key of all filtered lists, and the first after them; likewise of their pieces."""
ASKED = (*MADE, (_PINNED, b"w"))
"""Likewise, and with older releases, which outlive a commit."""
STEPS_LIST = "steps"
LIBRARIES_LIST = "libraries"
USABLE_LIST = "usable"
LISTS = (STEPS_LIST, LIBRARIES_LIST, USABLE_LIST)
CODINGS = (b"br", b"gzip")
"""In order of preference."""


class Meta(msgspec.Struct, frozen=True, array_like=True):
    """The meta record: the commit and the code that all records belong to."""

    format: int
    code: str
    """The fingerprint of the code that made them."""
    instance: str
    boot: str
    """The machine's start: what was written before it may not be on the disk."""
    commit: str
    committed_at: str
    libraries: int
    steps: int
    made_bytes: int = 0
    """The size of the file when it was made."""
    vouched: str = ""
    """The run of the server whose keeper compared it with the registry."""
    moved: str = ""
    """The file that has taken this one's place."""


class StoredToken(msgspec.Struct, frozen=True, array_like=True):
    """A token that may read: the hash of its secret, and its end (seconds since 1970)."""

    digest: str
    token_id: int
    end: float | None


class StoredBody(msgspec.Struct, frozen=True, array_like=True):
    """A long answer: literal bytes, each followed by the value of a key, if there is one."""

    etag: bytes
    of: bytes
    """The tag of the plain form."""
    length: int
    parts: tuple[tuple[bytes, bytes], ...]
    coding: bytes = b""

    def keys(self) -> set[bytes]:
        """The keys of all pieces."""
        return {key for _, key in self.parts if key}


def step_value(etag: bytes, body: bytes) -> bytes:
    """A step as it goes over the wire, from its own headers on: sent as it is kept."""
    return b"%b%b\r\ncontent-length: %d%b%b" % (_ETAG, etag, len(body), _BLANK, body)


def step_parts(value: bytes) -> tuple[bytes, bytes]:
    """The entity tag and the body in a `step_value`."""
    head, _, body = value.partition(_BLANK)
    return head[len(_ETAG) : head.index(b"\r")], body


def sent_part(key: bytes, value: bytes) -> bytes:
    """The part of a value that goes into a long answer: a step without its own headers."""
    return value.partition(_BLANK)[2] if key.startswith((_STEP, _HIDDEN)) else value


def step_key(step_id: str, *, is_visible: bool = True) -> bytes:
    """The key of a step; one of a disabled library is only a part of the library's detail."""
    return (_STEP if is_visible else _HIDDEN) + step_id.encode()


def library_key(name: str) -> bytes:
    """The key of a library: a `ServedLibrary` whose steps have no bodies."""
    return _LIBRARY + name.encode()


def number_key(number: int) -> bytes:
    """The key of the name of the library with this id."""
    return _NUMBER + b"%d" % number


def list_key(name: str, coding: bytes = b"") -> bytes:
    """The key of a long list's `StoredBody`, plain or in one of `CODINGS`."""
    return _LIST + name.encode() + b"/" + coding


def piece_key(digest: bytes) -> bytes:
    """The key of a piece of a list: the entries of neighbouring libraries, by their digest."""
    return _PIECE + digest


def filtered_key(category: str | None, library: str | None, platform: str | None) -> bytes:
    """The key of a filtered list of steps, which is kept once somebody asked for it."""
    asked = msgspec.msgpack.encode((category, library, platform))
    return _MADE + blake2b(asked, digest_size=16).digest()


def made_piece_key(digest: bytes) -> bytes:
    """The key of a piece of such a list."""
    return _MADE_PIECE + digest


def pinned_keys(name: str) -> tuple[bytes, bytes]:
    """The first key of all older releases of a library that were asked for, and the first after."""
    first = _PINNED + name.encode()
    return first + b".", first + b"/"


def pinned_key(step_id: str, version: str) -> bytes:
    """The key of a step of an older release, kept once a step of that release was asked for."""
    return _PINNED + f"{step_id}@{version}".encode()


def deflated_key(digest: bytes) -> bytes:
    """The key of the deflated form of the piece with this digest."""
    return _DEFLATED + digest


def whole_key(digest: bytes) -> bytes:
    """The key of a compressed list that cannot be kept in pieces."""
    return _WHOLE + digest


def digest_in(key: bytes) -> bytes:
    """The digest that a piece's key holds."""
    return key[len(_PIECE) :]


def is_whole(key: bytes) -> bool:
    """True if `whole_key` has made this key."""
    return key.startswith(_WHOLE)
