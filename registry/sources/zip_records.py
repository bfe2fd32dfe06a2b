"""The parts of a ZIP in bytes ("APPNOTE.TXT", version 6.3.10)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from registry.errors import RegistryError

END = struct.Struct("<4s4H2LH")
END_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR_64 = struct.Struct("<4sLQL")
CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
EXTRA = struct.Struct("<2H")
END_SIGNATURE = b"PK\x05\x06"
END_64_SIGNATURE = b"PK\x06\x06"
LOCATOR_64_SIGNATURE = b"PK\x06\x07"
CENTRAL_SIGNATURE = b"PK\x01\x02"
LOCAL_SIGNATURE = b"PK\x03\x04"
DESCRIPTOR_SIGNATURE = b"PK\x07\x08"
STORED, DEFLATED = 0, 8
UTF8 = 1 << 11
DESCRIPTOR = 1 << 3
MOST_16, MOST_32 = 0xFFFF, 0xFFFFFFFF


class ArchiveError(RegistryError):
    """A ZIP that is damaged, or that two readers could read in two ways."""

    exit_code = 2


class ZipHeader(NamedTuple):
    """The part of the central directory that a local header repeats."""

    flags: int
    method: int
    crc: int
    packed: int
    size: int
    name: bytes

    @property
    def shown(self) -> str:
        """The name as a message may hold it, however hostile it is."""
        return repr(self.name.decode("utf-8", errors="backslashreplace")[:200])
