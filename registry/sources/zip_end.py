"""Find the end of a ZIP: its end record, the ZIP64 one beside it, and no other."""

from __future__ import annotations

import operator
from typing import NamedTuple

from registry.sources.zip_records import (
    END,
    END_64,
    END_64_SIGNATURE,
    END_SIGNATURE,
    LOCATOR_64,
    LOCATOR_64_SIGNATURE,
    MOST_16,
    MOST_32,
    ArchiveError,
)

_BLOCK = 512
_UNKNOWN = (MOST_16, MOST_16, MOST_16, MOST_16, MOST_32, MOST_32)  # what ZIP64 says instead
_SIZE_64 = END_64.size - 12  # it counts what follows its first two fields


class End(NamedTuple):
    """The number of entries, where their directory begins and ends, and the comment."""

    entries: int
    directory: int
    directory_end: int
    comment: bytes


class _Stated(NamedTuple):
    """An end record's statement about the directory; ZIP64 says the same in larger fields."""

    disk: int
    first_disk: int
    here: int
    entries: int
    size: int
    directory: int


def read_end(raw: bytes) -> End:
    """The one end record, at the end of the file; raises ArchiveError."""
    position = raw.rfind(END_SIGNATURE)
    if position < 0 or position + END.size > len(raw):
        raise ArchiveError("it has no end record: it is not a ZIP, or its end is missing")
    _, disk, first_disk, here, count, size, directory, comment_size = END.unpack_from(raw, position)
    if position + END.size + comment_size != len(raw) and not _is_padded(raw, position):
        raise ArchiveError("there are bytes behind its end, or its comment is cut off")
    said = _Stated(disk, first_disk, here, count, size, directory)
    stated, directory_end = _widened(raw, position, said)
    if stated.disk or stated.first_disk or stated.here != stated.entries:
        raise ArchiveError("it is a part of a ZIP in several files")
    if stated.directory + stated.size != directory_end:
        raise ArchiveError("its directory does not lie right before its end record")
    _require_only(raw, position)
    comment = raw[position + END.size :][:comment_size]
    return End(stated.entries, stated.directory, directory_end, comment)


def _is_padded(raw: bytes, position: int) -> bool:
    """True if nothing follows but what fills a tape's last block: bsdtar does so in a pipe."""
    behind = raw[position + END.size - 2 :]
    return len(raw) % _BLOCK == 0 and len(behind) < MOST_16 and not any(behind)


def _require_only(raw: bytes, position: int) -> None:
    """Refuse an earlier record whose comment would hold the true one: some readers search forward.

    A later one is what was found.
    """
    start = max(0, len(raw) - END.size - MOST_16)
    other = raw.find(END_SIGNATURE, start, position)
    while other >= 0:
        comment_size = END.unpack_from(raw, other)[-1]
        if other + comment_size >= position:
            raise ArchiveError("it has two end records, and readers may take either")
        other = raw.find(END_SIGNATURE, other + 1, position)


def _widened(raw: bytes, position: int, stated: _Stated) -> tuple[_Stated, int]:
    """Return the valid statement, and where the directory must end: before a ZIP64 record.

    Readers look for its locator before the end record, whatever the fields of that say. So it is
    looked for always, and both must say the same.
    """
    locator = position - LOCATOR_64.size
    if locator < 0 or not raw.startswith(LOCATOR_64_SIGNATURE, locator):
        if any(map(operator.eq, stated, _UNKNOWN)):
            raise ArchiveError("it says that it is a ZIP64, and has no ZIP64 end record")
        return stated, position
    _, disk, record, disks = LOCATOR_64.unpack_from(raw, locator)
    if disk or disks > 1:
        raise ArchiveError("it is a part of a ZIP in several files")
    if record + END_64.size != locator or not raw.startswith(END_64_SIGNATURE, record):
        raise ArchiveError("its ZIP64 end record does not lie right before its locator")
    _, size, _, _, *fields = END_64.unpack_from(raw, record)
    if size != _SIZE_64:
        raise ArchiveError("its ZIP64 end record has another form than is read here")
    wide = _Stated(*fields)
    if any(
        small not in {large, unknown}
        for small, large, unknown in zip(stated, wide, _UNKNOWN, strict=True)
    ):
        raise ArchiveError("its end record and its ZIP64 end record differ")
    return wide, record
