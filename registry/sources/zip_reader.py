"""A ZIP whose framing is checked before any of it is believed.

Readers of ZIP files disagree about files that are put together in unusual ways, and a library must
be the same for all of them. Ordinary tools have more than one way: sizes behind the data, fields
for large files, comments. What two readers would read alike is taken, what they would not is
refused (`ArchiveError` for the whole, `ZipEntry.fault` for one file).

Invariants of what `read_archive` returns:
- every byte of the ZIP belongs to exactly one header, one entry's data, its descriptor, or the end;
- a local header says what the central directory says of its entry, or that it stands in the
  descriptor, which says it;
- no entry unpacks to more than the size that it states, which nothing has been allocated for yet.

That an entry's data ends where it is stated is known when it was unpacked: `ZipEntry.content` or
`ZipEntry.verify` must be called for each before the ZIP is believed.
"""

from __future__ import annotations

import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from registry.errors import LimitError
from registry.limits import DEFAULT_LIMITS
from registry.sources.zip_descriptor import (
    DESCRIPTOR_BYTES,
    is_streamed_nothing,
    require_descriptor,
)
from registry.sources.zip_end import End, read_end
from registry.sources.zip_fields import ZipFields, entry_name, read_fields, widened
from registry.sources.zip_records import (
    CENTRAL,
    CENTRAL_SIGNATURE,
    DEFLATED,
    DESCRIPTOR,
    LOCAL,
    LOCAL_SIGNATURE,
    STORED,
    UTF8,
    ArchiveError,
    ZipHeader,
)

__all__ = ["Archive", "ArchiveError", "ZipEntry", "read_archive"]

_LEVEL = 0b110  # how hard the packer tried
_FLAG_FAULTS = {
    1 << 0: "it is encrypted",
    1 << 5: "it is a patch",
    1 << 6: "it is encrypted",
    1 << 13: "its header is masked",
}
_DOS_DIRECTORY, _DOS_VOLUME = 0x10, 0x08
_SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX
_NEEDED = 45
_PIECE = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class ZipEntry:
    """One entry. ``size`` and ``packed`` are bytes, as the headers state them.

    ``damage`` says why nobody can say what it holds; then its content must not be asked for.
    ``kind`` says why a release may not have it, such as a symbolic link.
    ``is_directory`` entries have no content.
    """

    name: str
    size: int
    packed: int
    is_directory: bool
    damage: str
    kind: str
    _data: memoryview
    _header: ZipHeader

    @property
    def fault(self) -> str:
        """The reason why it cannot be part of a release; empty when it can."""
        return self.damage or self.kind

    def content(self) -> bytes:
        """Its bytes; raises ArchiveError unless they are of the size and checksum stated."""
        return b"".join(self._checked())

    def verify(self) -> None:
        """As `content`, and keep nothing."""
        for _ in self._checked():
            pass

    def _checked(self) -> Iterator[bytes]:
        size, crc = 0, 0
        for piece in self._pieces():
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            if size > self.size:
                break
            yield piece
        if size != self.size or crc != self._header.crc:
            raise ArchiveError("it does not unpack to what its header states")

    def _pieces(self) -> Iterator[bytes]:
        if self._header.method == STORED:
            yield bytes(self._data)
            return
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for start in range(0, len(self._data), _PIECE):
                left: bytes | memoryview = self._data[start : start + _PIECE]
                while left and not inflater.eof:
                    yield inflater.decompress(left, _PIECE)
                    left = inflater.unconsumed_tail
                if left or inflater.unused_data:
                    raise ArchiveError("its packed data does not end where its header states")
            yield inflater.decompress(b"", _PIECE) if not inflater.eof else b""
        except zlib.error as error:
            raise ArchiveError(f"it cannot be unpacked: {error}") from error
        if not inflater.eof:
            raise ArchiveError("its packed data does not end where its header states")


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """A ZIP whose framing is sound: its entries in the order of the directory, and its comment.

    The comment is data of a stranger; it is shown nowhere.
    """

    entries: tuple[ZipEntry, ...]
    comment: bytes


def read_archive(raw: bytes, *, most: int = DEFAULT_LIMITS.archive_entries) -> Archive:
    """The entries of a ZIP in memory; raises ArchiveError for what is wrong with the whole.

    Raises LimitError for more than ``most`` entries, before any of them is looked at.
    """
    end = read_end(raw)
    if end.entries > most:
        raise LimitError(
            f"the ZIP has {end.entries:,} entries", next_step=f"What is right: at most {most:,}"
        )
    placed = sorted(_central_entries(raw, end), key=lambda one: one.offset)
    expected = 0
    entries: dict[int, ZipEntry] = {}
    for index, one in enumerate(placed):
        if one.offset != expected:
            what = "overlap" if one.offset < expected else "have bytes between or before them"
            raise ArchiveError(f"its entries {what} (at byte {min(one.offset, expected):,})")
        following = placed[index + 1].offset if index + 1 < len(placed) else end.directory
        entry, expected = _entry(raw, one, following, end.directory)
        entries[one.place] = entry
    if expected != end.directory:
        raise ArchiveError(f"there are bytes between its entries and its directory ({expected:,})")
    listed = tuple(entries[place] for place in range(len(entries)))
    return Archive(entries=listed, comment=end.comment)


class _Placed(NamedTuple):
    """An entry of the central directory: its number there, and where its local header is."""

    place: int
    offset: int
    header: ZipHeader
    fields: ZipFields
    damage: str
    kind: str


def _central_entries(raw: bytes, end: End) -> Iterator[_Placed]:
    position = end.directory
    for place in range(end.entries):
        if position + CENTRAL.size > end.directory_end:
            raise ArchiveError(
                f"its directory has fewer than the {end.entries:,} entries it states"
            )
        values = CENTRAL.unpack_from(raw, position)
        signature, _, needed, flags, method, _, _, crc, packed, size = values[:10]
        name_size, extra_size, comment_size, disk, _, attributes, offset = values[10:]
        if signature != CENTRAL_SIGNATURE:
            raise ArchiveError(f"its directory is damaged at byte {position:,}")
        start = position + CENTRAL.size
        position = start + name_size + extra_size + comment_size
        if position > end.directory_end:
            raise ArchiveError("its directory runs into its end record")
        if disk:
            raise ArchiveError("it is a part of a ZIP in several files")
        name = raw[start : start + name_size]
        fields = read_fields(raw[start + name_size : start + name_size + extra_size])
        size, packed, offset = widened(fields.zip64, (size, packed, offset))
        header = ZipHeader(flags, method, crc, packed, size, name)
        damage = _header_fault(header) or fields.fault or _version_fault(needed)
        yield _Placed(place, offset, header, fields, damage, _kind_fault(header, attributes))
    if position != end.directory_end:
        raise ArchiveError(f"its directory has more than the {end.entries:,} entries it states")


def _entry(raw: bytes, placed: _Placed, following: int, limit: int) -> tuple[ZipEntry, int]:
    """The entry with its data, and where it ends.

    ``following`` is where the next entry begins, and ``limit`` where the directory does.
    """
    header, start = placed.header, placed.offset + LOCAL.size
    if start > limit:
        raise ArchiveError("an entry runs into its directory")
    values = LOCAL.unpack_from(raw, placed.offset)
    signature, needed, flags, method, _, _, crc, packed, size, name_size, extra_size = values
    if signature != LOCAL_SIGNATURE:
        raise ArchiveError(f"there is no entry at byte {placed.offset:,}, where one is stated")
    data = start + name_size + extra_size
    end = data + header.packed
    if end > limit:
        raise ArchiveError("an entry runs into its directory")
    fields = read_fields(raw[start + name_size : data])
    size, packed = widened(fields.zip64, (size, packed))
    local = ZipHeader(flags, method, crc, packed, size, raw[start : start + name_size])
    if local not in _allowed(header) and not is_streamed_nothing(header, local):
        raise ArchiveError(
            f"an entry's two headers differ (at byte {placed.offset:,}, {header.shown})"
        )
    content = memoryview(raw)[data:end]
    if local.flags & DESCRIPTOR:
        is_wide = fields.zip64 is not None
        # Less is copied than there may be: a gap can be as large as the file.
        behind = raw[end : min(following, end + DESCRIPTOR_BYTES + 1)]
        require_descriptor(header, content, behind, is_wide=is_wide)
        end = following
    name, damage = _name(header, placed.fields, fields)
    entry = ZipEntry(
        name=name,
        size=header.size,
        packed=header.packed,
        is_directory=name.endswith("/"),
        damage=placed.damage or damage or _version_fault(needed) or fields.fault,
        kind=placed.kind,
        _data=content,
        _header=header,
    )
    return entry, end


def _allowed(header: ZipHeader) -> tuple[ZipHeader, ...]:
    """Return the headers allowed before the data: the same, or zeros for what stands behind it."""
    if not header.flags & DESCRIPTOR:
        return (header,)
    return tuple(
        header._replace(crc=crc, packed=packed, size=size)
        for crc in {header.crc, 0}
        for packed in {header.packed, 0}
        for size in {header.size, 0}
    )


def _name(header: ZipHeader, central: ZipFields, local: ZipFields) -> tuple[str, str]:
    """The name as text, and what is wrong with it, in either of the two headers."""
    is_utf8 = bool(header.flags & UTF8)
    name, fault = entry_name(header.name, central.unicode_path, is_utf8=is_utf8)
    if local.unicode_path not in {None, central.unicode_path}:
        fault = fault or "it has two names that differ"
    return name, fault


def _version_fault(needed: int) -> str:
    """Deflate needs 2.0 and ZIP64 4.5; what says that it needs more, other readers refuse."""
    number = needed & 0xFF
    if number <= _NEEDED:
        return ""
    return f"it needs version {number / 10} of the format, and only what {_NEEDED / 10} has is read"


def _header_fault(header: ZipHeader) -> str:
    for flag, fault in _FLAG_FAULTS.items():
        if header.flags & flag:
            return fault
    if header.flags & ~(UTF8 | _LEVEL | DESCRIPTOR):
        return f"its header has unknown flags ({header.flags:#06x})"
    if header.method not in {STORED, DEFLATED}:
        return f"it is packed by method {header.method}; only stored and deflate are read"
    if header.method == STORED and header.packed != header.size:
        return "it is stored, and its two sizes differ"
    if header.name.endswith(b"/") and header.size:
        return "it is a directory with content"
    return ""


def _kind_fault(header: ZipHeader, attributes: int) -> str:
    """Say how the attributes contradict the kind of entry that the name says."""
    mode, is_directory = attributes >> 16, header.name.endswith(b"/")
    kind = stat.S_IFMT(mode)
    if stat.S_ISLNK(kind):
        return "symbolic links are not allowed"
    if kind not in {0, stat.S_IFDIR if is_directory else stat.S_IFREG}:
        return "this is not a regular file"
    if mode & _SPECIAL_BITS and not is_directory:
        return "it would run with the rights of its owner"
    if attributes & _DOS_VOLUME or bool(attributes & _DOS_DIRECTORY) > is_directory:
        return "it is marked as something else than a file"
    return ""
