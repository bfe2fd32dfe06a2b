"""From a worker to the keeper and back, over a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from server.asgi.answer import Message, Receive, Scope, Send
from server.relay.answering import Application, RelayServer
from server.relay.asking import KeeperEndedError, KeeperGoneError, Relay

_SCOPE: Scope = {
    "type": "http",
    "method": "POST",
    "path": "/ä",
    "raw_path": b"/%C3%A4",
    "query_string": b"a=b",
    "headers": [(b"host", b"localhost"), (b"x-bytes", b"\xff")],
    "client": ("10.0.0.7", 1234),
    "server": ("127.0.0.1", 3011),
}


def _listening(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(str(path))
    made.listen()
    return made


@asynccontextmanager
async def _answering(listening: socket.socket, app: Application) -> AsyncIterator[RelayServer]:
    used: dict[int, float] = {}
    server = RelayServer(app, used.update)
    await server.start(listening)
    try:
        yield server
    finally:
        await server.stop(5.0)


class _Client:
    """What a worker's connection is for a request: parts of a body, and what was sent."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = list(parts)
        self.asked = 0
        self.sent: list[Message] = []
        self.begun = asyncio.Event()
        self.gone = asyncio.Event()

    async def receive(self) -> Message:
        self.asked += 1
        if not self._parts:
            await self.gone.wait()
            return {"type": "http.disconnect"}
        part = self._parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(self._parts)}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        if message.get("body"):
            self.begun.set()

    @property
    def body(self) -> bytes:
        return b"".join(one["body"] for one in self.sent if one["type"] == "http.response.body")


def _run(work: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await work()

    asyncio.run(bounded())


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    assert scope == _SCOPE
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 201, "headers": [(b"x", b"\xfe")]})
    await send({"type": "http.response.body", "body": body[:10], "more_body": True})
    await send({"type": "http.response.body", "body": body[10:]})


def test_a_request_and_its_answer_travel_as_they_are(tmp_path: Path) -> None:
    async def work() -> None:
        client = _Client(b"a" * 300_000, b"", b"b" * 2_000_000)
        async with _answering(_listening(tmp_path / "s"), _echo):
            status = await Relay(tmp_path / "s", 5.0).ask(_SCOPE, client.receive, client.send)
        assert status == 201
        assert client.sent[0]["headers"] == [(b"x", b"\xfe")]
        assert client.body == b"a" * 300_000 + b"b" * 2_000_000
        assert client.sent[-1]["more_body"] is False

    _run(work)


def test_a_body_is_asked_for_only_when_it_is_wanted(tmp_path: Path) -> None:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 413, "headers": []})
        await send({"type": "http.response.body", "body": b"too large"})

    async def work() -> None:
        client = _Client(b"body")
        async with _answering(_listening(tmp_path / "s"), refuse):
            assert await Relay(tmp_path / "s", 5.0).ask(_SCOPE, client.receive, client.send) == 413
        assert client.asked == 0

    _run(work)


def test_a_request_that_was_given_up_is_never_carried_out(tmp_path: Path) -> None:
    asked: list[str] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["path"])
        await _echo(scope, receive, send)

    async def work() -> None:
        listening = _listening(tmp_path / "s")
        client = _Client(b"body")
        relay = Relay(tmp_path / "s", 0.05)
        with pytest.raises(KeeperGoneError) as refused:
            await relay.ask(_SCOPE, client.receive, client.send)
        assert refused.value.status == 503
        assert refused.value.retry_after > 0
        async with _answering(listening, note):
            assert await Relay(tmp_path / "s", 5.0).ask(_SCOPE, client.receive, client.send) == 201
        assert asked == ["/ä"]

    _run(work)


def test_a_client_that_goes_is_told_of_while_it_is_waited_for(tmp_path: Path) -> None:
    told = asyncio.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        for _ in range(3):  # one that is given up is not lost
            waiting = asyncio.create_task(_received(receive))
            await asyncio.wait([waiting], timeout=0.01)
            if not waiting.done():
                waiting.cancel()
        assert await receive() == {"type": "http.disconnect"}
        told.set()
        await send({"type": "http.response.body", "body": b""})

    async def work() -> None:
        client = _Client()
        async with _answering(_listening(tmp_path / "s"), stream):
            relay = Relay(tmp_path / "s", 5.0)
            asking = asyncio.create_task(relay.ask(_SCOPE, client.receive, client.send))
            await client.begun.wait()
            assert not told.is_set()
            client.gone.set()
            assert await asking == 200
        assert told.is_set()

    _run(work)


async def _received(receive: Receive) -> Any:
    return await receive()


def test_a_keeper_that_ends_amid_an_answer_leaves_it_unfinished(tmp_path: Path) -> None:
    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("it failed")

    async def ends(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send

    async def work() -> None:
        client = _Client()
        async with _answering(_listening(tmp_path / "a"), fail):
            assert await Relay(tmp_path / "a", 5.0).ask(_SCOPE, client.receive, client.send) == 200
        assert client.sent[-1]["more_body"] is True
        async with _answering(_listening(tmp_path / "b"), ends):
            relay = Relay(tmp_path / "b", 5.0)
            # It may have been done: nobody is told to ask again.
            with pytest.raises(KeeperEndedError) as unfinished:
                await relay.ask(_SCOPE, client.receive, client.send)
            assert unfinished.value.status == 502
            with pytest.raises(KeeperGoneError):
                await relay.ask({**_SCOPE, "method": "GET"}, client.receive, client.send)

    _run(work)
