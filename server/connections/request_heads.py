"""Reads the head of a request (RFC 9112); what could be understood in two ways is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from server.asgi.answer import Header
from server.errors import AnswerError

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_LINE = re.compile(rb"(" + _TOKEN + rb"{1,32}) ([\x21-\x7e]+) HTTP/1\.([01])\Z")
_NAME = re.compile(_TOKEN + rb"+\Z")
_NOT_IN_A_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)
_FIELDS = 100
_LENGTH_DIGITS = 18
# If one of these stood there twice, a proxy could believe one value and this server the other, or
# two parts of it two. Every field that is read here and is not a list is among them.
_ONCE = frozenset(
    {
        b"host", b"authorization", b"content-length", b"transfer-encoding", b"content-type",
        b"idempotency-key", b"origin", b"sec-fetch-site", b"last-event-id", b"expect",
    }
)  # fmt: skip
CHUNKED = -1
"""The length of a body that says itself where it ends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadFields:
    """The header fields of a request, and what they say of the connection and of the body."""

    headers: list[Header]
    host: bytes | None
    token: bytes | None
    is_plain: bool
    """Nothing in them changes the answer to a lookup, beside the host and the token."""
    length: int
    """Of the body, bytes, or `CHUNKED`."""
    closes: bool
    expects: bool
    """The client waits for ``100 Continue`` before it sends its body."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The head of one request."""

    method: str
    path: str
    raw_path: bytes
    query: bytes
    minor: int
    """Of the version: 0 or 1."""
    fields: HeadFields

    @property
    def keeps_open(self) -> bool:
        """True if the client may ask again on this connection."""
        return self.minor == 1 and not self.fields.closes


def read_head(line: bytes, fields: HeadFields) -> Head:
    """A request line and its fields; raises AnswerError (400)."""
    match = _LINE.match(line)
    if match is None:
        raise AnswerError(400, "the request does not begin with a line as HTTP/1.1 has it")
    method, target, minor = match[1].decode(), match[2], int(match[3])
    if minor and fields.host is None:
        raise AnswerError(400, "the request has no Host")
    if not minor and fields.length == CHUNKED:
        raise AnswerError(400, "HTTP/1.0 knows no Transfer-Encoding")
    path, _, query = _origin_form(target, fields.host).partition(b"?")
    return Head(
        method=method,
        path=unquote_to_bytes(path).decode("utf-8", "replace"),
        raw_path=path,
        query=query,
        minor=minor,
        fields=fields,
    )


def _origin_form(target: bytes, host: bytes | None) -> bytes:
    """The target without what proxies are told; it must not name another host than ``Host``."""
    target = target.partition(b"#")[0]
    match = _ABSOLUTE.match(target)
    if match is None:
        if target.startswith(b"/") or target == b"*":
            return target
        raise AnswerError(400, "the target of the request must be a path")
    if host is None or match[1].lower() != host.lower():
        raise AnswerError(400, "the target of the request names another host than its Host")
    rest = target[match.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest


def read_fields(block: bytes) -> HeadFields:
    """The lines after the request line; raises AnswerError (400, 431, 501)."""
    lines = block.split(b"\r\n") if block else []
    if len(lines) > _FIELDS:
        raise AnswerError(431, f"the request has more than {_FIELDS} header fields")
    headers = [read_field(line) for line in lines]
    once: dict[bytes, bytes] = {}
    closes = False
    is_plain = True
    for name, value in headers:
        if name in _ONCE:
            if name in once:
                raise AnswerError(400, f"the request has two fields {name.decode().title()}")
            once[name] = value
        elif name == b"connection":
            closes = closes or b"close" in value.lower()
        elif name == b"if-none-match":
            is_plain = False
    length = _length(once)
    return HeadFields(
        headers=headers,
        host=once.get(b"host"),
        token=once.get(b"authorization"),
        is_plain=is_plain and _is_plain(once) and not closes and length == 0,
        length=length,
        closes=closes,
        expects=once.get(b"expect", b"").lower() == b"100-continue",
    )


def _is_plain(once: dict[bytes, bytes]) -> bool:
    """False if a field changes the answer, or the one that each request needs is missing."""
    return b"origin" not in once and b"host" in once


def read_field(line: bytes) -> Header:
    """One line of header or trailer fields; raises AnswerError (400)."""
    name, colon, value = line.partition(b":")
    # A name must not begin or end with a blank: so folded lines are refused as well.
    if not colon or _NAME.match(name) is None or _NOT_IN_A_VALUE.search(value):
        raise AnswerError(400, "a header field of the request is not as HTTP/1.1 has it")
    return name.lower(), value.strip(b" \t")


def _length(once: dict[bytes, bytes]) -> int:
    coding, said = once.get(b"transfer-encoding"), once.get(b"content-length")
    if coding is not None:
        if said is not None:
            raise AnswerError(400, "the request has both Transfer-Encoding and Content-Length")
        if coding.lower() != b"chunked":
            raise AnswerError(501, "of transfer codings only chunked is known here")
        return CHUNKED
    if said is None:
        return 0
    if not said.isdigit() or len(said) > _LENGTH_DIGITS:
        raise AnswerError(400, "the Content-Length of the request must be a number of bytes")
    return int(said)
