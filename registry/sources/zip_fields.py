"""The extra fields of an entry: which may be there, and what those say that change its meaning."""

from __future__ import annotations

import re
import struct
import sys
import zlib
from dataclasses import dataclass

from registry.sources.zip_records import EXTRA, MOST_32, ArchiveError

_ZIP64 = 0x0001
_UNICODE_PATH = 0x7075
# What ordinary tools note of a file, and padding. None of them changes a name, a size or content.
_HARMLESS = frozenset(
    {
        0x000A,  # times of NTFS: 7-Zip, Windows
        0x4453,  # who may read it on Windows: Info-ZIP there
        0x5455,  # times: Info-ZIP, Go, Node, bsdtar
        0x5855,  # times and owner, the older form: macOS
        0x6375,  # the entry's comment in UTF-8: Info-ZIP
        0x7855,  # owner, the older form
        0x7875,  # owner: Info-ZIP, macOS, bsdtar
        0x1986,  # padding: Universal Scene Description
        0xA220,  # padding: Microsoft's office formats
        0xCAFE,  # "this is a JAR": jar, Ant
        0xD935,  # padding: Android
    }
)
_ESCAPED = re.compile(r"#U([0-9A-Fa-f]{4})|#L([0-9A-Fa-f]{6})")
_ASCII = 0x7F
# What the name in the header may be written in where the true one stands in a field.
_CODE_PAGES = ("utf-8", "cp437", "cp850", "cp1252", "latin-1")


@dataclass(frozen=True, kw_only=True, slots=True)
class ZipFields:
    """The extra fields of an entry; ``fault`` says why it cannot be part of a release."""

    fault: str = ""
    zip64: bytes | None = None
    unicode_path: bytes | None = None


def read_fields(extra: bytes) -> ZipFields:
    """Take the fields apart; one that is unknown or there twice is a fault."""
    found: dict[int, bytes] = {}
    position = 0
    while len(extra) - position >= EXTRA.size:
        kind, size = EXTRA.unpack_from(extra, position)
        start, position = position, position + EXTRA.size + size
        if kind == size == 0 and not any(extra[start:]):
            return _fields(found)  # padding, which aligns the data: Android's tools
        if position > len(extra):
            return ZipFields(fault="its extra fields are damaged")
        if kind in {_ZIP64, _UNICODE_PATH}:
            if kind in found:
                return ZipFields(fault=f"it has the extra field {kind:#06x} twice")
            found[kind] = extra[start + EXTRA.size : position]
        elif kind not in _HARMLESS:
            return ZipFields(fault=f"it has an extra field that is not known here ({kind:#06x})")
    if any(extra[position:]):
        return ZipFields(fault="its extra fields are damaged")
    return _fields(found)


def _fields(found: dict[int, bytes]) -> ZipFields:
    return ZipFields(zip64=found.get(_ZIP64), unicode_path=found.get(_UNICODE_PATH))


def widened(zip64: bytes | None, stated: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes that hold: ``stated`` by the header, or where it says so, by its ZIP64 field.

    That field lists only the sizes that the header leaves out; some tools list them all, and some
    readers take them by their position. It is read both ways, and both must give the same. Raises
    ArchiveError.
    """
    if zip64 is None:
        held = stated
    else:
        count, rest = divmod(len(zip64), 8)
        if count > len(stated) or any(zip64[count * 8 :]) or rest not in {0, 4}:
            raise ArchiveError("its ZIP64 field has another form than is read here")
        values = struct.unpack_from(f"<{count}Q", zip64)
        held = values + stated[count:]
        listed = iter(values)
        if held != tuple(next(listed, one) if one == MOST_32 else one for one in stated):
            raise ArchiveError("its ZIP64 sizes and the others differ")
    if any(value >= MOST_32 for value in held):
        raise ArchiveError("it is a ZIP64 that lacks a size, or is far too large")
    return held


def entry_name(name: bytes, field: bytes | None, *, is_utf8: bool) -> tuple[str, str]:
    """The name as text, and what is wrong with it.

    UTF-8 is taken whether it is marked or not; a field with the name in UTF-8 counts where it was
    made for this name and does not contradict it.
    """
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if field is None:
        if text or not name:
            return text, ""
        fault = "its name is not UTF-8"
        return name.decode("utf-8", errors="backslashreplace"), fault
    found, fault = _unicode_path(name, field)
    if not fault and not (found == text or (not is_utf8 and found in _readings(name))):
        fault = "it has two names that differ"
    return (found, "") if not fault else (text or repr(name), fault)


def _unicode_path(name: bytes, field: bytes) -> tuple[str, str]:
    if len(field) < 5 or field[0] != 1 or int.from_bytes(field[1:5], "little") != zlib.crc32(name):  # noqa: PLR2004 - one byte of version, four of the checksum
        return "", "its second name was not made for its name"
    try:
        return field[5:].decode("utf-8"), ""
    except UnicodeDecodeError:
        return "", "its second name is not UTF-8"


def _readings(name: bytes) -> set[str]:
    """Return the meanings of an unmarked name: in a usual code page, or with Info-ZIP's escapes."""
    readings = {name.decode(page, errors="replace") for page in _CODE_PAGES}
    if name.isascii():
        readings.add(_ESCAPED.sub(_unescaped, name.decode("ascii")))
    return readings


def _unescaped(found: re.Match[str]) -> str:
    """Return the character of an escape: never ASCII, which needs none and could be a slash."""
    number = int(found[1] or found[2], 16)
    return chr(number) if _ASCII < number <= sys.maxunicode else found[0]
