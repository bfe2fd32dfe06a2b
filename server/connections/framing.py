"""Finds the end of a request's body: after so many bytes, or after its last chunk."""

from __future__ import annotations

import re

from server.connections.request_heads import CHUNKED, read_field
from server.errors import AnswerError

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?\Z")
_LINE_BYTES = 256
_TRAILER_BYTES = 8_192
# Reading a chunk costs the same whatever is in it: many that hold next to nothing are refused.
_CHUNKS = 1_000
_CHUNK_BYTES = 64


class Framing:
    """Takes the bytes that come, and says which of them are the body's."""

    def __init__(self, length: int) -> None:
        """``length`` as in `Fields`."""
        self.is_over = length == 0
        self._left = 0 if length == CHUNKED else length
        self._is_chunked = length == CHUNKED
        self._at_line = True
        self._at_end = False
        """True if only the line break after a chunk is left."""
        self._at_trailers = False
        self._trailers = 0
        self._chunks = 0
        self._received = 0
        self._held = b""

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """Split bytes into those of the body and those after it; raises AnswerError (400)."""
        if self.is_over:
            return b"", data
        if not self._is_chunked:
            part, rest = data[: self._left], data[self._left :]
            self._left -= len(part)
            self.is_over = self._left == 0
            return part, rest
        data, self._held = self._held + data, b""
        return self._take_chunks(data)

    def _take_chunks(self, data: bytes) -> tuple[bytes, bytes]:
        parts: list[bytes] = []
        at = 0
        while at < len(data) and not self.is_over:
            if not self._at_line:
                part = data[at : at + self._left]
                parts.append(part)
                at += len(part)
                self._left -= len(part)
                self._at_line = self._at_end = self._left == 0
                continue
            end = data.find(b"\r\n", at)
            if end < 0:
                if len(data) - at > _LINE_BYTES:
                    raise _broken()
                self._held = data[at:]
                at = len(data)
                break
            self._read_line(data[at:end])
            at = end + 2
        return b"".join(parts), data[at:]

    def _read_line(self, line: bytes) -> None:
        if self._at_end:
            if line:
                raise _broken()
            self._at_end = False
        elif self._at_trailers:
            self._trailers += len(line)
            if self._trailers > _TRAILER_BYTES:
                raise _broken()
            if line:
                read_field(line)
            self.is_over = not line
        else:
            match = _SIZE_LINE.match(line)
            if match is None or len(line) > _LINE_BYTES:
                raise _broken()
            self._left = int(match[1], 16)
            self._chunks += 1
            self._received += self._left
            if self._chunks > _CHUNKS + self._received // _CHUNK_BYTES:
                raise AnswerError(400, "the body comes in chunks that hold next to nothing")
            self._at_trailers = self._left == 0
            self._at_line = self._at_trailers


def _broken() -> AnswerError:
    return AnswerError(400, "the chunks of the body are not as HTTP/1.1 has them")
