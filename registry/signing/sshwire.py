"""SSH's binary encoding (RFC 4251, section 5), read strictly: one way to write each value."""

from __future__ import annotations

_LENGTH_BYTES = 4


class WireError(ValueError):
    """Bytes that are not what they should be."""


class TruncatedError(WireError):
    """A value ends after the bytes do."""


class TrailingError(WireError):
    """Bytes are left over."""


def string(content: bytes) -> bytes:
    """``string``: a length of four bytes, then the bytes.

    >>> string(b"testing").hex(" ", 4)
    '000000 07746573 74696e67'
    """
    return len(content).to_bytes(_LENGTH_BYTES, "big") + content


def mpint(number: int) -> bytes:
    """``mpint`` of a number that is not negative: two's complement, big-endian, no spare bytes.

    >>> mpint(0x80).hex(" "), mpint(0).hex(" ")
    ('00 00 00 02 00 80', '00 00 00 00')
    """
    # One bit more than the number has: the first bit is the sign.
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b"")


class BlobReader:
    """Takes values off the front of some bytes; raises WireError where they are not there."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._position = 0

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        end = self._position + count
        if end > len(self._raw):
            raise TruncatedError(f"it ends {end - len(self._raw)} bytes too early")
        taken = self._raw[self._position : end]
        self._position = end
        return taken

    def uint32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.uint32())

    def text(self) -> str:
        """A ``string`` of printable ASCII: a name of SSH's."""
        raw = self.string()
        try:
            text = raw.decode("ascii")
        except UnicodeDecodeError as error:
            raise WireError("a name in it is not ASCII") from error
        if not text.isprintable():
            raise WireError("a name in it has control characters")
        return text

    def mpint(self) -> int:
        """A number that is not negative, written with as few bytes as it takes."""
        raw = self.string()
        number = int.from_bytes(raw, "big", signed=True)
        if number < 0 or mpint(number) != string(raw):
            raise WireError("a number in it is not in its shortest form")
        return number

    def end(self) -> None:
        left = len(self._raw) - self._position
        if left:
            raise TrailingError(f"{left} bytes are left over")
