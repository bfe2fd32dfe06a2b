"""Sockets that a stranger holds open do not keep others from being answered; slow friends may."""

from __future__ import annotations

import io
import itertools
import socket
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from benchmarks.crowd import SLOW_BODY, crowd, head
from benchmarks.processes import resident_mb
from tests.attacks.slow_sockets import ANSWER_SECONDS, LOOKUP, assert_answers, status_of
from tests.server.real_server import Client, release_files, serving, until, workers_of

_LIST = head("GET", "/api/v1/steps")
_EVENTS = head("GET", "/api/v1/events")
_PROXY = "127.0.0.8"
_AHEAD = head("GET", "/health", "Content-Length: 60000") + b" " * 59_999
_BOUNDARY = "a-boundary-that-is-nowhere-else"


@pytest.fixture(scope="module")
def server(with_large: Path) -> Iterator[Client]:
    """Places and times that a test reaches soon."""
    with serving(
        with_large,
        "--no-catalogue",
        connections=120,
        client_connections=40,
        client_events=3,
        events_clients=10,
        events_heartbeat_seconds=0.3,
        head_seconds=1,
        keep_alive_seconds=1,
        body_seconds=1.5,
        stall_seconds=1,
        trusted_proxies=_PROXY,
    ) as client:
        yield client


def test_600_slow_bodies(with_large: Path) -> None:
    """With default settings: half of them from one address, the others from six more."""
    with serving(with_large, "--no-catalogue") as client, crowd(client.port, b" ") as strangers:
        strangers.open(300, SLOW_BODY)
        for number in range(6):
            strangers.open(50, SLOW_BODY, f"127.0.0.{number + 2}")
        assert_answers(client.port)
        assert_answers(client.port, "127.0.0.9")


@pytest.mark.parametrize(
    ("begin", "drip"),
    [
        pytest.param(SLOW_BODY, b" ", id="slow bodies"),
        pytest.param(b"GET /health HTTP/1.1\r\nX-Long: ", b"x", id="slow heads"),
        pytest.param(b"", b"", id="idle"),
        pytest.param(head("GET", "/health"), b"", id="idle after an answer"),
        pytest.param(_LIST * 40, b"", id="pipelined and never read"),
    ],
)
def test_what_keeps_the_server_waiting_ends(server: Client, begin: bytes, drip: bytes) -> None:
    before = resident_mb(_worker(server))
    with crowd(server.port, drip) as strangers:
        strangers.open(60, begin)
        strangers.open(60, begin, "127.0.0.2")
        assert_answers(server.port)
        assert_answers(server.port, "127.0.0.9")
        until(lambda: strangers.alive() == 0)
        # Also where the other side closes nothing.
        until(lambda: _open_sockets(server) < 20)
    # 120 clients that read nothing were owed a gigabyte.
    assert resident_mb(_worker(server)) - before < 100


def test_bodies_of_which_all_but_a_byte_came_at_once(server: Client) -> None:
    """What comes ahead pays for a moment only, and no kept place waits for a body."""
    with crowd(server.port) as strangers:
        strangers.open(110, _AHEAD)
        assert_answers(server.port)
        for number in range(3):
            strangers.open(40, _AHEAD, f"127.0.0.{number + 2}")
        strangers.open(70, _AHEAD, "127.0.0.2")
        assert_answers(server.port, "127.0.0.9")


def test_a_kept_place_waits_for_no_body(server: Client) -> None:
    """Those who hold the ordinary places send what they must, so that none of them goes."""
    with crowd(server.port, b" " * 4_000) as strangers:
        strangers.open(40, SLOW_BODY + b" " * 4_000)
        with socket.create_connection(("127.0.0.1", server.port), ANSWER_SECONDS) as one:
            one.sendall(head("GET", "/health", "Content-Length: 10"))
            assert one.recv(65_536).startswith(b"HTTP/1.1 503 ")
        assert_answers(server.port)


def test_half_blank_lines_begin_no_wait_anew(server: Client) -> None:
    with socket.create_connection(("127.0.0.1", server.port), ANSWER_SECONDS) as one:
        begun = time.monotonic()
        with suppress(ConnectionError):
            for number in range(40):
                one.sendall(b"\r\n"[number % 2 : number % 2 + 1])
                _wait_until(begun + 0.1 * (number + 1))
                if _is_closed(one):
                    break
    assert time.monotonic() - begun < 3


def _is_closed(one: socket.socket) -> bool:
    one.setblocking(False)  # noqa: FBT003 - of the standard library
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    finally:
        one.settimeout(ANSWER_SECONDS)


def test_a_body_has_its_rate(server: Client) -> None:
    """1,024 bytes a second in every second; it fails before the time of the whole is up."""
    with socket.create_connection(("127.0.0.1", server.port), ANSWER_SECONDS) as one:
        one.sendall(SLOW_BODY + b" " * 500)
        answer = b"".join(iter(lambda: one.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"slower than 1,024 bytes a second (the setting body_rate)" in answer


def _worker(server: Client) -> int:
    """The process that has the connections."""
    (pid,) = workers_of(server)
    return pid


def _open_sockets(server: Client) -> int:
    files = Path(f"/proc/{_worker(server)}/fd").iterdir()
    return sum(str(file.readlink()).startswith("socket:") for file in files)


def test_large_answers_that_are_sipped(server: Client) -> None:
    with crowd(server.port, sips=True) as strangers:
        strangers.open(40, _LIST * 40)
        assert_answers(server.port)
        until(lambda: strangers.alive() == 0)


def test_streams_of_events_from_one_address(server: Client) -> None:
    with crowd(server.port) as strangers:
        strangers.open(20, _EVENTS)
        answers = _statuses(strangers.sockets)
        assert (answers.count(200), answers.count(503)) == (3, 17)
        assert_answers(server.port)
        friends = [f"127.0.0.{number}" for number in range(2, 8)]
        for friend in friends:
            strangers.open(3, _EVENTS, friend)
        # All together: asking for a place and taking it are one step.
        assert _statuses(strangers.sockets[20:]).count(200) == 7
        assert_answers(server.port)
    until(lambda: _takes_a_stream(server))


def _takes_a_stream(server: Client) -> bool:
    with crowd(server.port) as strangers:
        strangers.open(1, _EVENTS)
        return _statuses(strangers.sockets) == [200]


def _statuses(sockets: list[socket.socket]) -> list[int]:
    found = []
    for one in sockets:
        one.settimeout(ANSWER_SECONDS)
        found.append(int(one.recv(64).split(b" ")[1]))
    return found


def test_behind_a_proxy_the_clients_are_counted(server: Client) -> None:
    # Until those of the tests before have left their places.
    until(lambda: _behind_a_proxy(server, 1, 1, 1, 1, 2) == [200, 200, 200, 503, 200])


def _behind_a_proxy(server: Client, *clients: int) -> list[int]:
    with crowd(server.port) as strangers:
        for number in clients:
            forwarded = f"X-Forwarded-For: 10.0.0.{number}"
            strangers.open(1, head("GET", "/api/v1/events", forwarded), _PROXY)
        return _statuses(strangers.sockets)


def _wait_until(moment: float) -> None:
    """Be slow: so late a client sends or reads its next part."""
    until(lambda: time.monotonic() >= moment)


def test_a_slow_upload_comes_through_among_slower_ones(server: Client) -> None:
    """It takes longer than other bodies may, from an address that also attacks."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, content in release_files("slow", "1.0.0").items():
            archive.writestr(path, content)
        archive.writestr("docs/large.txt", bytes(range(32, 127)) * 2_000)
    form = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    body = form.encode() + made.getvalue() + f"\r\n--{_BOUNDARY}--\r\n".encode()
    kind = f"Content-Type: multipart/form-data; boundary={_BOUNDARY}"
    host = f"Host: localhost:{server.port}"
    begin = f"POST /api/v1/libraries/install HTTP/1.1\r\n{host}\r\n{kind}\r\n"
    with crowd(server.port, b" ") as strangers, ExitStack() as stack:
        upload = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        upload.sendall(f"{begin}Content-Length: {len(body)}\r\n\r\n".encode())
        begun = time.monotonic()
        strangers.open(60, SLOW_BODY)
        size = len(body) // 25 + 1
        for number, at in enumerate(range(0, len(body), size)):
            upload.sendall(body[at : at + size])
            _wait_until(begun + 0.1 * number)
        upload.settimeout(ANSWER_SECONDS)
        answer = upload.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 200 "), answer


def test_a_stream_of_events_outlives_every_deadline(server: Client) -> None:
    with crowd(server.port) as friends:
        friends.open(1, _EVENTS)
        (one,) = friends.sockets
        one.settimeout(ANSWER_SECONDS)
        said = b""
        while said.count(b"still here") < 10:  # three seconds
            more = one.recv(65_536)
            assert more, said
            said += more


def test_a_long_download_is_not_broken_off(server: Client) -> None:
    """Slower than the network, faster than the least rate, for longer than a stall may take."""
    count = 60
    with crowd(server.port) as friends:
        friends.open(1, _LIST * count)
        (one,) = friends.sockets
        one.settimeout(ANSWER_SECONDS)
        begun, got, tail = time.monotonic(), 0, b""
        for number in itertools.count():
            piece = one.recv(100_000)
            got += (tail + piece).count(b"HTTP/1.1 200 ") - tail.count(b"HTTP/1.1 200 ")
            tail = piece[-12:]
            if got == count or not piece:
                break
            if number % 50 == 0:
                _wait_until(begun + number / 1_000)
    assert got == count


@pytest.fixture(scope="module")
def full(with_large: Path) -> Iterator[Client]:
    """A server that has no place for anything that needs one."""
    with serving(
        with_large,
        "--no-catalogue",
        backpressure=0,
        head_bytes=1_000,
        client_connections=40,
        trusted_proxies=_PROXY,
    ) as client:
        yield client


def test_lookups_and_health_need_no_place(full: Client) -> None:
    assert_answers(full.port)
    assert status_of(full.port, f"{LOOKUP}?a=b") == 503
    assert status_of(full.port, "/api/v1/libraries/alpha") == 200
    assert status_of(full.port, "/api/v1/search?q=a") == 503
    assert full.get("/api/v1/steps").headers["retry-after"] == "1"


def test_a_head_has_its_size(full: Client) -> None:
    assert full.get("/health", X_Long="x" * 800).status == 200
    assert full.get("/health", X_Long="x" * 1_000).status == 431


def test_the_kernel_holds_little_of_an_answer_that_nobody_reads(full: Client) -> None:
    """Not the megabytes that it takes of one for a client that reads."""
    answer = head("GET", "/api/v1/libraries/large") * 40
    with crowd(full.port) as strangers:
        strangers.open(10, answer)
        until(lambda: min(_queued(full.port)) > 0)
        assert_answers(full.port)
        assert max(_queued(full.port)) < 1_000_000


def _queued(port: int) -> list[int]:
    """Bytes that the kernel holds for each connection to this port, on the side of the server."""
    lines = Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
    found = [line.split() for line in lines]
    mine = [one for one in found if one[1].endswith(f":{port:04X}") and one[3] == "01"]
    return [int(one[4].partition(":")[0], 16) for one in mine] or [0]


def test_one_client_has_so_many_places_and_a_proxy_has_more(full: Client) -> None:
    with crowd(full.port) as one, crowd(full.port) as proxied:
        one.open(60, b"")
        proxied.open(60, b"", _PROXY)
        until(lambda: one.alive() <= 40)
        assert (one.alive(), proxied.alive()) == (40, 60)
        until(lambda: _open_sockets(full) < 120)
        assert_answers(full.port, "127.0.0.9")
