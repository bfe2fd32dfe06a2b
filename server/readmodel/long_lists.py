"""Long answers kept in pieces, so that a changed library costs one piece and not the whole list.

Libraries are grouped by content: a group ends after a library whose id says so, which makes the
groups stay the same when others come and go. A group's bytes, its digest and its deflated form are
reused by the next list as long as none of its libraries changed. The deflated pieces end on a byte
boundary and look back at nothing before them, so joining them makes one gzip stream.
"""

from __future__ import annotations

import re
import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import brotli

from registry.names import CORE
from server.readmodel.records import ServedLibrary, etag_of

_GROUP = 64
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_GZIP_LEVEL = 6
_BROTLI_QUALITY = 5
_FINAL_BLOCK = b"\x03\x00"
_ZERO = re.compile(rb"q\s*=\s*0(?:\.0{0,3})?")

Part = Callable[[ServedLibrary], Sequence[bytes]]


@dataclass(kw_only=True, slots=True)
class Piece:
    """The entries of neighbouring libraries. ``deflated`` is made later.

    The entries are bytes that the libraries hold anyway: joined, they would be in memory twice.
    """

    members: tuple[ServedLibrary, ...]
    entries: tuple[bytes, ...]
    length: int
    digest: bytes
    deflated: bytes | None = None

    @property
    def body(self) -> bytes:
        """The entries joined by commas, made at each call."""
        return b",".join(self.entries)

    def deflate(self) -> bytes:
        """The bytes as deflate blocks that stand by themselves."""
        if self.deflated is None:
            self.deflated = _deflate(self.body)
        return self.deflated


@dataclass(frozen=True, kw_only=True, slots=True)
class Members:
    """The bytes around the deflated pieces of a list in one gzip stream."""

    head: bytes
    comma: bytes
    tail: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """An answer's body: parts in order, their length together, their tag and coding."""

    parts: tuple[bytes | Piece, ...]
    length: int
    etag: bytes
    coding: bytes = b""
    members: Members | None = None
    """Of a body that is made of the list's deflated pieces."""

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the parts, each made when it is asked for."""
        for part in self.parts:
            yield part.body if isinstance(part, Piece) else part


@dataclass(kw_only=True, slots=True)
class LongList:
    """A list at one commit. ``compressed`` is filled in the background, in order of preference."""

    pieces: tuple[Piece, ...]
    head: bytes
    tail: bytes
    plain: Body
    compressed: tuple[Body, ...] = field(default=())

    def body(self, accept: bytes) -> Body:
        """The smallest form there is that the client takes."""
        for made in self.compressed:
            if accepts(accept, made.coding):
                return made
        return self.plain

    def compress(self, *, brotli_max_bytes: int) -> None:
        """Make the compressed forms; takes seconds for a list of 50 MB, mostly without the GIL."""
        made = [self._gzip()]
        if self.plain.length <= brotli_max_bytes:
            made.insert(0, self._brotli())
        self.compressed = tuple(made)

    def _gzip(self) -> Body:
        checksum = 0
        for part in self.plain.pieces():
            checksum = zlib.crc32(part, checksum)
        end = _FINAL_BLOCK + struct.pack("<II", checksum, self.plain.length & 0xFFFFFFFF)
        members = Members(
            head=_GZIP_HEAD + _deflate(self.head), comma=_COMMA, tail=_deflate(self.tail) + end
        )
        parts = [members.head]
        for index, piece in enumerate(self.pieces):
            if index:
                parts.append(members.comma)
            parts.append(piece.deflate())
        return self._coded(_gathered((*parts, members.tail)), b"gzip", members)

    def _brotli(self) -> Body:
        compressor = brotli.Compressor(quality=_BROTLI_QUALITY)
        made = [compressor.process(part) for part in self.plain.pieces()]
        made.append(compressor.finish())
        return self._coded((b"".join(made),), b"br")

    def _coded(
        self, pieces: tuple[bytes, ...], coding: bytes, members: Members | None = None
    ) -> Body:
        etag = self.plain.etag[:-1] + b"-" + coding + b'"'
        length = sum(map(len, pieces))
        return Body(parts=pieces, length=length, etag=etag, coding=coding, members=members)


def _deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush(zlib.Z_FULL_FLUSH)


_COMMA = _deflate(b",")


def make_list(
    libraries: Iterable[ServedLibrary],
    part: Part,
    head: bytes,
    tail: bytes,
    *,
    contiguous_max_bytes: int,
) -> LongList:
    """A list of the parts of these libraries, in `order`; each has at least one."""
    pieces = [_piece(members, part) for members in _groups(libraries)]
    return LongList(
        pieces=tuple(pieces),
        head=head,
        tail=tail,
        plain=_plain(pieces, head, tail, contiguous_max_bytes),
    )


def with_changes(
    before: LongList,
    changes: Mapping[str, ServedLibrary | None],
    part: Part,
    tail: bytes,
    *,
    contiguous_max_bytes: int,
) -> LongList:
    """The same list after some libraries changed, came, or went (None), by name.

    Only the groups that they are in are made again; the result is that of `make_list`.
    """
    pieces = list(before.pieces)
    starts = [order(piece.members[0].name) for piece in pieces]
    touched: dict[int, dict[str, ServedLibrary | None]] = {}
    for name, library in changes.items():
        index = max(0, bisect_right(starts, order(name)) - 1)
        touched.setdefault(index, {})[name] = library
    for index in sorted(touched, reverse=True):
        end = min(index + 1, len(pieces))
        members = {one.name: one for piece in pieces[index:end] for one in piece.members}
        for name, library in touched[index].items():
            members.pop(name, None)
            if library is not None:
                members[name] = library
        found = sorted(members.values(), key=lambda one: order(one.name))
        if end < len(pieces) and not (found and _ends_group(found[-1])):
            # The library that ended the group is gone: it goes on to the end of the next.
            found += pieces[end].members
            end += 1
        pieces[index:end] = [_piece(group, part) for group in _groups(found)]
    return LongList(
        pieces=tuple(pieces),
        head=before.head,
        tail=tail,
        plain=_plain(pieces, before.head, tail, contiguous_max_bytes),
    )


def order(name: str) -> str:
    """Return the key that lists are sorted by: ``core`` comes first."""
    return "" if name == CORE else name


def _piece(members: tuple[ServedLibrary, ...], part: Part) -> Piece:
    entries = tuple([entry for library in members for entry in part(library)])
    body = b",".join(entries)
    return Piece(members=members, entries=entries, length=len(body), digest=piece_digest(body))


def piece_digest(body: bytes) -> bytes:
    """Return a digest that tells a piece from others with other bytes."""
    return blake2b(body, digest_size=16).digest()


def _plain(pieces: Sequence[Piece], head: bytes, tail: bytes, contiguous: int) -> Body:
    parts: list[bytes | Piece] = [head]
    for index, piece in enumerate(pieces):
        if index:
            parts.append(b",")
        parts.append(piece)
    parts.append(tail)
    commas = max(0, len(pieces) - 1)
    length = len(head) + sum(piece.length for piece in pieces) + commas + len(tail)
    etag = etag_of(head, *(piece.digest for piece in pieces), tail)
    body = Body(parts=tuple(parts), length=length, etag=etag)
    return replace(body, parts=(b"".join(body.pieces()),)) if length <= contiguous else body


def _ends_group(library: ServedLibrary) -> bool:
    return library.id % _GROUP == 0


def _groups(libraries: Iterable[ServedLibrary]) -> Iterator[tuple[ServedLibrary, ...]]:
    group: list[ServedLibrary] = []
    for library in libraries:
        group.append(library)
        if _ends_group(library):
            yield tuple(group)
            group = []
    if group:
        yield tuple(group)


def _gathered(parts: Iterable[bytes], size: int = 256 * 1024) -> tuple[bytes, ...]:
    """The same bytes in pieces of about ``size``: fewer writes than small pieces need."""
    made, waiting, length = [], [], 0
    for part in parts:
        waiting.append(part)
        length += len(part)
        if length >= size:
            made.append(b"".join(waiting))
            waiting, length = [], 0
    made.append(b"".join(waiting))
    return tuple(made)


def accepts(header: bytes, coding: bytes) -> bool:
    """True if an ``Accept-Encoding`` names the coding itself (not ``*``) with a weight above 0."""
    if coding not in header:
        return False
    for item in header.split(b","):
        name, _, weight = item.partition(b";")
        if name.strip().lower() == coding:
            return _ZERO.fullmatch(weight.strip().lower()) is None
    return False
