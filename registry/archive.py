"""A ZIP by the letter: its framing is checked before any of it is believed.

Readers of ZIP files disagree about files that are put together in unusual ways, and a library for
all of them must be lenient. A release needs none of that. Here a ZIP is what "APPNOTE.TXT", version
6.3.10, calls local headers with their data, the central directory and its end record, and nothing
before, between or after them. Everything that the format allows beyond is refused (`ArchiveError`
for the whole, `Entry.fault` for one file).

Invariants of what `read_archive` returns:
- every byte of the ZIP belongs to exactly one header, one entry's data, or the end record;
- a local header says what the central directory says of its entry;
- no entry unpacks to more than the size that it states, which nothing has been allocated for yet.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from registry.errors import RegistryError

_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_EXTRA = struct.Struct("<2H")
_END_SIGNATURE = b"PK\x05\x06"
_CENTRAL_SIGNATURE = b"PK\x01\x02"
_LOCAL_SIGNATURE = b"PK\x03\x04"
_STORED, _DEFLATED = 0, 8
_UTF8 = 1 << 11
_DESCRIPTOR = 1 << 3
_LEVEL = 0b110  # how hard the packer tried
_FLAG_FAULTS = {
    1 << 0: "it is encrypted",
    1 << 5: "it is a patch",
    1 << 6: "it is encrypted",
    1 << 13: "its header is masked",
}
# Times and owners, which Info-ZIP, Windows and Java note. Others change names, sizes or content.
_HARMLESS_EXTRAS = frozenset({0x000A, 0x5455, 0x5855, 0x7855, 0x7875, 0xCAFE})
_ZIP64 = 0x0001
_DOS_DIRECTORY, _DOS_VOLUME = 0x10, 0x08
_SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX
_NEEDED = 20
_MOST_16, _MOST_32 = 0xFFFF, 0xFFFFFFFF


class ArchiveError(RegistryError):
    """A ZIP that is damaged, or put together as no release needs it."""

    exit_code = 2


class _Header(NamedTuple):
    """What a local header repeats of the central directory."""

    flags: int
    method: int
    crc: int
    packed: int
    size: int
    name: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One entry. ``size`` and ``packed`` are bytes, as the headers state them.

    ``fault`` says why it cannot be part of a release; then `content` must not be asked for.
    ``is_directory`` entries have no content.
    """

    name: str
    size: int
    packed: int
    is_directory: bool
    fault: str
    _data: memoryview
    _header: _Header

    def content(self) -> bytes:
        """Its bytes; raises ArchiveError unless they are of the size and checksum stated."""
        raw = bytes(self._data) if self._header.method == _STORED else self._inflated()
        if len(raw) != self.size or zlib.crc32(raw) != self._header.crc:
            raise ArchiveError("it does not unpack to what its header states")
        return raw

    def _inflated(self) -> bytes:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            raw = inflater.decompress(self._data, self.size + 1)
        except zlib.error as error:
            raise ArchiveError(f"it cannot be unpacked: {error}") from error
        if not inflater.eof or inflater.unused_data or inflater.unconsumed_tail:
            raise ArchiveError("its packed data does not end where its header states")
        return raw


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """A ZIP whose framing is sound: its entries in the order of the directory, and its comment."""

    entries: tuple[Entry, ...]
    comment: bytes


class _End(NamedTuple):
    """The end record: where it is, how many entries there are, where their directory begins."""

    position: int
    entries: int
    directory: int
    comment: bytes


def _end(raw: bytes) -> _End:
    """The end record; it ends with the file, and the directory ends where it begins."""
    position = raw.rfind(_END_SIGNATURE)
    if position < 0 or position + _END.size > len(raw):
        raise ArchiveError("it has no end record: it is no ZIP, or its end is missing")
    found = _END.unpack_from(raw, position)
    _, disk, first_disk, here, count, size, directory, comment_size = found
    if _MOST_16 in {disk, here, count} or _MOST_32 in {size, directory}:
        raise ArchiveError("it is a ZIP64, which is for larger files")
    if position + _END.size + comment_size != len(raw):
        raise ArchiveError("there are bytes behind its end, or its comment is cut off")
    if disk or first_disk or here != count:
        raise ArchiveError("it is a part of a ZIP in several files")
    if directory + size != position:
        raise ArchiveError("its directory does not lie right before its end record")
    return _End(position, count, directory, raw[position + _END.size :])


def read_archive(raw: bytes) -> Archive:
    """The entries of a ZIP in memory; raises ArchiveError for what is wrong with the whole."""
    end = _end(raw)
    placed = sorted(_central_entries(raw, end), key=lambda one: one.offset)
    expected = 0
    entries: dict[int, Entry] = {}
    for one in placed:
        if one.offset != expected:
            what = "overlap" if one.offset < expected else "have bytes between or before them"
            raise ArchiveError(f"its entries {what} (at byte {min(one.offset, expected):,})")
        entry, expected = _entry(raw, one, end.directory)
        entries[one.place] = entry
    if expected != end.directory:
        raise ArchiveError(f"there are bytes between its entries and its directory ({expected:,})")
    listed = tuple(entries[place] for place in range(len(entries)))
    return Archive(entries=listed, comment=end.comment)


class _Placed(NamedTuple):
    """An entry of the central directory: its number there, and where its local header is."""

    place: int
    offset: int
    header: _Header
    attributes: int
    fault: str


def _central_entries(raw: bytes, end: _End) -> Iterator[_Placed]:
    position = end.directory
    for place in range(end.entries):
        if position + _CENTRAL.size > end.position:
            raise ArchiveError(
                f"its directory has fewer than the {end.entries:,} entries it states"
            )
        fields = _CENTRAL.unpack_from(raw, position)
        signature, _, needed, flags, method, _, _, crc, packed, size = fields[:10]
        name_size, extra_size, comment_size, disk, _, attributes, offset = fields[10:]
        if signature != _CENTRAL_SIGNATURE:
            raise ArchiveError(f"its directory is damaged at byte {position:,}")
        start = position + _CENTRAL.size
        position = start + name_size + extra_size + comment_size
        if position > end.position:
            raise ArchiveError("its directory runs into its end record")
        if disk or _MOST_32 in {packed, size, offset}:
            raise ArchiveError("it is a ZIP64, or a part of a ZIP in several files")
        name = raw[start : start + name_size]
        header = _Header(flags, method, crc, packed, size, name)
        extra = raw[start + name_size : start + name_size + extra_size]
        fault = _header_fault(header) or _extra_fault(extra) or _kind_fault(header, attributes)
        fault = fault or _version_fault(needed)
        if comment_size:
            fault = fault or "it has a comment"
        yield _Placed(place, offset, header, attributes, fault)
    if position != end.position:
        raise ArchiveError(f"its directory has more than the {end.entries:,} entries it states")


def _entry(raw: bytes, placed: _Placed, limit: int) -> tuple[Entry, int]:
    """The entry with its data, and where it ends; ``limit`` is where the directory begins."""
    header, start = placed.header, placed.offset + _LOCAL.size
    if start > limit:
        raise ArchiveError("an entry runs into its directory")
    fields = _LOCAL.unpack_from(raw, placed.offset)
    signature, needed, flags, method, _, _, crc, packed, size, name_size, extra_size = fields
    if signature != _LOCAL_SIGNATURE:
        raise ArchiveError(f"there is no entry at byte {placed.offset:,}, where one is stated")
    data = start + name_size + extra_size
    end = data + header.packed
    if end > limit:
        raise ArchiveError("an entry runs into its directory")
    if header.flags & _DESCRIPTOR:
        # Where such data ends shows only when it is unpacked: two readers may see two ends.
        raise ArchiveError(
            "its sizes stand behind its data (data descriptors), as in a ZIP that was streamed",
            next_step="Pack it into a file, with 'opsteps package' or 'zip -r'",
        )
    local = _Header(flags, method, crc, packed, size, raw[start : start + name_size])
    if local != header:
        raise ArchiveError(f"an entry's two headers differ (at byte {placed.offset:,})")
    name, name_fault = _decoded(header)
    fault = placed.fault or name_fault or _version_fault(needed)
    fault = fault or _extra_fault(raw[start + name_size : data])
    return (
        Entry(
            name=name,
            size=header.size,
            packed=header.packed,
            is_directory=name.endswith("/"),
            fault=fault,
            _data=memoryview(raw)[data:end],
            _header=header,
        ),
        end,
    )


def _version_fault(needed: int) -> str:
    """Deflate and directories need 2.0; what says that it needs more, other readers refuse."""
    number = needed & 0xFF
    if number <= _NEEDED:
        return ""
    return f"it needs version {number / 10} of the format, and only what {_NEEDED / 10} has is read"


def _header_fault(header: _Header) -> str:
    for flag, fault in _FLAG_FAULTS.items():
        if header.flags & flag:
            return fault
    if header.flags & ~(_UTF8 | _LEVEL):
        return f"its header has unknown flags ({header.flags:#06x})"
    if header.method not in {_STORED, _DEFLATED}:
        return f"it is packed by method {header.method}; only stored and deflate are read"
    if header.method == _STORED and header.packed != header.size:
        return "it is stored, and its two sizes differ"
    return ""


def _extra_fault(extra: bytes) -> str:
    position = 0
    while position < len(extra):
        if position + _EXTRA.size > len(extra):
            return "its extra fields are damaged"
        kind, size = _EXTRA.unpack_from(extra, position)
        if kind == _ZIP64:
            return "it has ZIP64 sizes, which are for larger files"
        if kind not in _HARMLESS_EXTRAS:
            return f"it has an extra field that is not known here ({kind:#06x})"
        position += _EXTRA.size + size
    return "" if position == len(extra) else "its extra fields are damaged"


def _kind_fault(header: _Header, attributes: int) -> str:
    """What the attributes say it is, against what its name says."""
    mode, is_directory = attributes >> 16, header.name.endswith(b"/")
    kind = stat.S_IFMT(mode)
    if stat.S_ISLNK(kind):
        return "symbolic links are not allowed"
    if kind not in {0, stat.S_IFDIR if is_directory else stat.S_IFREG}:
        return "this is no regular file"
    if mode & _SPECIAL_BITS:
        return "it would run with the rights of its owner"
    if attributes & _DOS_VOLUME or bool(attributes & _DOS_DIRECTORY) > is_directory:
        return "it is marked as something else than a file"
    if is_directory and header.size:
        return "it is a directory with content"
    return ""


def _decoded(header: _Header) -> tuple[str, str]:
    """The name as text, and what is wrong with its encoding."""
    name, is_utf8 = header.name, bool(header.flags & _UTF8)
    try:
        return name.decode("utf-8" if is_utf8 else "ascii"), ""
    except UnicodeDecodeError:
        fault = "its name is not UTF-8" if is_utf8 else "its name is not marked as UTF-8"
        return name.decode("utf-8", errors="backslashreplace"), fault
