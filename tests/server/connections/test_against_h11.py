"""What is taken of a request is what another strict reader, h11, takes: nothing can be smuggled.

Where this server answers, h11 reads the same method, target, headers and body, and agrees where
the next request begins. The other way round need not be: more is refused here.
"""

from __future__ import annotations

import h11
from hypothesis import example, given
from hypothesis import strategies as st

from server.connections.framing import Framing
from server.connections.request_heads import Head, read_fields, read_head
from server.errors import AnswerError

_END = b"\r\n\r\n"
_LINES = st.sampled_from(
    (
        b"GET / HTTP/1.1", b"POST /api/v1/resolve HTTP/1.1", b"POST /a HTTP/1.0",
        b"PUT http://a.example/x HTTP/1.1", b"GET  / HTTP/1.1", b"GET / HTTP/1.2",
        b"GET /\tHTTP/1.1", b"POST /%0d%0a HTTP/1.1", b"OPTIONS * HTTP/1.1",
        b"G\xc3\xa9T / HTTP/1.1", b"GET / http/1.1",
    )
)  # fmt: skip
_FIELDS = st.sampled_from(
    (
        b"Host: a.example", b"host:a.example", b"Host: a.example\t", b"Host : a.example",
        b"Content-Length: 5", b"Content-Length: 05", b"Content-Length: +5",
        b"Content-Length: 5, 5", b"Content-Length: 5_0", b"Content-Length: \xb2",
        b"Content-Length:", b"content-length: 0", b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: Chunked", b"Transfer-Encoding:\tchunked",
        b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: \x0bchunked", b"Transfer_Encoding: chunked",
        b"Transfer-Encoding : chunked", b" folded: 1", b"\tfolded", b"X: a\x00b", b"X: a\rb",
        b"X: a\nb", b"X:", b": x", b"X", b"Connection: close", b"Connection: keep-alive",
        b"Expect: 100-continue", b"X: \xff", b"Content-Length: 5\r\nContent-Length: 6",
    )
)  # fmt: skip
_CHUNKS = st.lists(
    st.sampled_from(
        (
            b"5\r\nhello\r\n", b"0005\r\nhello\r\n", b"5;x=1\r\nhello\r\n", b"5 \r\nhello\r\n",
            b"0x5\r\nhello\r\n", b"-1\r\nx\r\n", b"5\nhello\n", b"5\r\nhello", b"5\r\nhelloXX",
            b"A\r\n0123456789\r\n", b"\r\n", b"ffffffffffffffffff\r\n", b"5;a\x00\r\nhello\r\n",
            b" 5\r\nhello\r\n", b"+5\r\nhello\r\n", b"5_0\r\n",
        )
    ),
    max_size=4,
)  # fmt: skip
_ENDS = st.sampled_from(
    (b"0\r\n\r\n", b"0\r\nX: 1\r\n\r\n", b"00\r\n\r\n", b"0\n\n", b"0\r\n", b"")
)
_NEXT = b"GET /next HTTP/1.1\r\nHost: a.example\r\n\r\n"
_CUTS = st.lists(st.integers(min_value=1, max_value=40), max_size=20)


def _here(raw: bytes) -> Head | None:
    """As this server reads a head; None where it refuses it."""
    line, _, block = raw.removesuffix(_END).partition(b"\r\n")
    try:
        return read_head(line, read_fields(block))
    except AnswerError:
        return None


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    found, at = [], 0
    for cut in cuts:
        found.append(data[at : at + cut])
        at += cut
    return [piece for piece in (*found, data[at:]) if piece]


def _body_here(length: int, data: bytes, cuts: list[int]) -> tuple[bytes, bytes] | None:
    """The body and what comes after it, however the bytes arrive; None: refused, or not whole."""
    framing, body, rest = Framing(length), b"", b""
    try:
        for piece in _pieces(data, cuts):
            part, left = framing.take(piece)
            body, rest = body + part, rest + left
    except AnswerError:
        return None
    return (body, rest) if framing.is_over else None


def _there(raw: bytes, data: bytes) -> tuple[h11.Request, bytes | None, bytes]:
    """As h11 reads it: the request, its body (None: refused or not whole), and what comes after."""
    reader = h11.Connection(h11.SERVER)
    reader.receive_data(raw)
    request = reader.next_event()
    assert isinstance(request, h11.Request)
    reader.receive_data(data)
    body = b""
    try:
        while not isinstance(event := reader.next_event(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                return request, None, b""
            body += bytes(event.data)
    except h11.RemoteProtocolError:
        return request, None, b""
    return request, body, bytes(reader.trailing_data[0])


@given(line=_LINES, fields=st.lists(_FIELDS, max_size=5))
@example(line=b"GET / HTTP/1.1", fields=[b"Host: a.example", b"X: a\nContent-Length: 5"])
def test_a_head_that_is_taken_says_the_same_to_another_reader(
    line: bytes, fields: list[bytes]
) -> None:
    raw = b"\r\n".join((line, *fields)) + _END
    head = _here(raw)
    if head is None:
        return
    request, body, _ = _there(raw, b"" if head.fields.length == 0 else b"5\r\nhello\r\n0\r\n\r\n")
    assert request.method == head.method.encode()
    assert request.target.partition(b"?")[0].endswith(head.raw_path)
    assert [(name, value) for name, value in request.headers] == head.fields.headers
    if head.fields.length == 0:
        assert body == b""
    elif head.fields.length > 0:
        assert dict(request.headers)[b"content-length"] == b"%d" % head.fields.length or body
    else:
        assert body == b"hello"


@given(chunks=_CHUNKS, end=_ENDS, cuts=_CUTS)
def test_chunks_that_are_taken_hold_the_same_for_another_reader(
    chunks: list[bytes], end: bytes, cuts: list[int]
) -> None:
    raw = b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = b"".join(chunks) + end + _NEXT
    head = _here(raw)
    assert head is not None
    found = _body_here(head.fields.length, data, cuts)
    if found is not None:
        _, body, rest = _there(raw, data)
        assert found == (body, rest)


@given(length=st.integers(min_value=0, max_value=60), cuts=_CUTS, data=st.binary(max_size=60))
def test_a_body_with_a_length_ends_there_however_it_arrives(
    length: int, cuts: list[int], data: bytes
) -> None:
    found = _body_here(length, data, cuts)
    if len(data) < length:
        assert found is None
    elif found is not None or length:
        assert found == (data[:length], data[length:])
