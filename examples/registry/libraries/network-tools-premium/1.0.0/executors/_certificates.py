"""Reading of the few fields of an X.509 certificate that an operator asks about.

The standard library decodes a certificate only once it trusts it, and an expired one, which is the
one to report, is not trusted. So the outer layers of the DER encoding (X.690) are read here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

COMMON_NAME = bytes([0x55, 0x04, 0x03])
ORGANIZATION = bytes([0x55, 0x04, 0x0A])
OID, UTC_TIME, VERSION = 0x06, 0x17, 0xA0
WIDE_TEXT = {0x1E: "utf-16-be", 0x1C: "utf-32-be", 0x14: "latin-1"}


@dataclass(frozen=True)
class Certificate:
    """What a certificate says about itself."""

    subject: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    sha256: str


def decode(der: bytes) -> Certificate:
    """Decode a certificate; raise ValueError where it is not one."""
    try:
        ((_, certificate),) = _values(der)
        _, body = next(_values(certificate))
        fields = [value for tag, value in _values(body) if tag != VERSION]
        serial, _, issuer, validity, subject = fields[:5]
        not_before, not_after = (_time(tag, value) for tag, value in _values(validity))
    except (IndexError, StopIteration, UnicodeDecodeError) as problem:
        raise ValueError("not a certificate") from problem
    fingerprint = hashlib.sha256(der).hexdigest()
    number = f"{int.from_bytes(serial, 'big'):x}"
    return Certificate(_name(subject), _name(issuer), number, not_before, not_after, fingerprint)


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each value in a sequence."""
    position = 0
    while position < len(data):
        tag, length = data[position], data[position + 1]
        position += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[position : position + size], "big")
            position += size
        if position + length > len(data):
            raise ValueError("a value is cut short")
        yield tag, data[position : position + length]
        position += length


def _time(tag: int, value: bytes) -> datetime:
    text = value.decode("ascii").removesuffix("Z")
    if tag == UTC_TIME:  # two digits of the year, from 1950 to 2049 (RFC 5280)
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _name(data: bytes) -> str:
    """Return the common name, or else the organisation, of a distinguished name."""
    found: dict[bytes, str] = {}
    for _, part in _values(data):
        for _, attribute in _values(part):
            (tag, oid), (kind, value) = _values(attribute)
            if tag == OID:
                found.setdefault(oid, value.decode(WIDE_TEXT.get(kind, "utf-8"), "replace"))
    return found.get(COMMON_NAME) or found.get(ORGANIZATION) or ""
