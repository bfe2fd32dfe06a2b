"""Data descriptors: sizes that stand behind an entry's data, because they were not known before.

A reader of the whole file knows them from the directory. One that reads a stream finds the end of
deflated data by unpacking it, and of stored data by a search. A descriptor is taken where all of
them come to the same end.
"""

from __future__ import annotations

import struct

from registry.sources.zip_records import (
    CENTRAL_SIGNATURE,
    DEFLATED,
    DESCRIPTOR,
    DESCRIPTOR_SIGNATURE,
    LOCAL_SIGNATURE,
    STORED,
    ArchiveError,
    ZipHeader,
)

DESCRIPTOR_BYTES = 24
"""The longest one: a signature, a checksum and two sizes of eight bytes."""
_REPACK = "Pack it with 'opsteps package DIRECTORY', or into a file with 'zip -r'"
_SEARCHED = (DESCRIPTOR_SIGNATURE, LOCAL_SIGNATURE, CENTRAL_SIGNATURE)


def require_descriptor(
    header: ZipHeader, data: memoryview, behind: bytes, *, is_wide: bool
) -> None:
    """Refuse what lies ``behind`` an entry's data unless it is its descriptor and nothing else.

    ``header`` is what the directory says. ``is_wide`` entries have a ZIP64 field before their data,
    by which readers know that the descriptor's sizes have eight bytes. Raises ArchiveError.
    """
    fields = struct.pack("<L2Q" if is_wide else "<3L", header.crc, header.packed, header.size)
    is_signed = behind == DESCRIPTOR_SIGNATURE + fields
    if not is_signed and behind != fields:
        raise ArchiveError(
            f"the sizes behind the data of {header.shown} (data descriptor) are not those of its"
            " directory, or more lies there",
            next_step=_REPACK,
        )
    if not is_signed and fields.startswith(DESCRIPTOR_SIGNATURE):
        raise ArchiveError(
            f"the data descriptor of {header.shown} can be read in two ways", next_step=_REPACK
        )
    if header.method == STORED:
        # Of an empty file that was streamed, too, the descriptor must be signed.
        _require_one_end(header, data, is_signed=is_signed)


def _require_one_end(header: ZipHeader, data: memoryview, *, is_signed: bool) -> None:
    """Stored data ends where a search finds a signature: at its descriptor and not before."""
    raw = bytes(data)
    if not is_signed or any(signature in raw for signature in _SEARCHED):
        raise ArchiveError(
            f"{header.shown} is stored, its size stands behind it (data descriptor), and readers"
            " of a stream would not find its end",
            next_step=_REPACK,
        )


def is_streamed_nothing(header: ZipHeader, local: ZipHeader) -> bool:
    """True if this is an empty file as Info-ZIP streams it.

    It says "deflated, sizes behind the data" before the data, then packs nothing, and corrects
    itself in the directory. A reader of the stream finds the descriptor where deflated data should
    be. Its first bytes are not a deflate stream, so such a reader stops instead of reading anything
    else.
    """
    streamed = header._replace(flags=header.flags | DESCRIPTOR, method=DEFLATED)
    is_empty = header.method == STORED and not (header.size or header.packed or header.crc)
    return is_empty and local == streamed and not header.flags & DESCRIPTOR
