"""Files as a ZIP that is the same bytes on every machine.

Entries are sorted bytewise, have one time, one mode and one kind of system, no extra fields, and
are stored, not deflated, because builds of zlib deflate differently.
"""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Mapping

_FIRST_DOS_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_MODE = (stat.S_IFREG | 0o644) << 16


def zipped(files: Mapping[str, bytes], *, top: str, comment: bytes = b"") -> bytes:
    """The ZIP of these files, under one folder."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.comment = comment
        for path in sorted(files, key=str.encode):
            archive.writestr(_entry(f"{top}/{path}"), files[path])
    return packed.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _FIRST_DOS_TIME)
    entry.create_system = _UNIX
    entry.external_attr = _MODE
    entry.compress_type = zipfile.ZIP_STORED
    return entry
