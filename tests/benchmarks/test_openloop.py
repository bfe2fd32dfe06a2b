from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import openloop, processes
from benchmarks.errors import BenchmarkError


class Counting(ThreadingHTTPServer):
    """Counts requests; every ``fails_every``-th is a 500, the one numbered ``stalls_at`` waits."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *, fails_every: int = 0, hangs_up_every: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.numbers = itertools.count(1)
        self.answered = 0
        self.lock = threading.Lock()
        self.fails_every = fails_every
        self.hangs_up_every = hangs_up_every
        self.stalled = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # The answer leaves in one piece: in two, it waits 40 ms for the client's acknowledgement.
    wbufsize = -1
    server: Counting

    def do_GET(self) -> None:
        with self.server.lock:
            number = next(self.server.numbers)
            self.server.answered += 1
        if self.server.hangs_up_every and number % self.server.hangs_up_every == 0:
            self.close_connection = True
            return
        if self.path == "/stall":
            self.server.stalled.wait(1.0)
        failing = self.server.fails_every and number % self.server.fails_every == 0
        body = b"x" * 2_000
        self.send_response(500 if failing else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextmanager
def running(server: Counting) -> Iterator[Counting]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def plan_for(server: Counting, **changes: object) -> openloop.Plan:
    request = processes.get_request("/")
    fields = {"requests": (request,), "rate": 200.0, "seconds": 1.0, "connections": 4, **changes}
    return openloop.Plan(port=server.server_address[1], **fields)  # type: ignore[arg-type]


def test_every_request_is_sent_once_and_timed_from_when_it_was_due() -> None:
    with running(Counting()) as server:
        load = openloop.start(plan_for(server)).finish()
    assert load.sent == 200
    assert server.answered == 200
    assert load.failures == 0
    steps = [later - earlier for earlier, later in itertools.pairwise(load.due)]
    assert steps == pytest.approx([0.005] * 199, abs=1e-6)
    assert 0 < load.percentile(50) <= load.percentile(99.9) <= load.worst < 5_000


def test_errors_are_counted_as_failures() -> None:
    with running(Counting(fails_every=10)) as server:
        load = openloop.start(plan_for(server)).finish()
    assert load.sent == 200
    assert load.failures == 20
    assert math.isinf(load.worst)


def test_a_connection_that_is_closed_fails_one_request_and_is_opened_again() -> None:
    with running(Counting(hangs_up_every=50)) as server:
        load = openloop.start(plan_for(server)).finish()
    assert load.sent == 200
    assert load.failures == 4


def test_a_stall_is_charged_to_all_requests_that_were_due_meanwhile() -> None:
    with running(Counting()) as server:
        stall, quick = processes.get_request("/stall"), processes.get_request("/")
        plan = plan_for(server, requests=(stall, *[quick] * 199), connections=1)
        load = openloop.start(plan).finish()
    assert load.failures == 0
    # One connection waits for one second: a request due t seconds later still waits 1 - t.
    assert sum(latency > 500 for latency in load.latencies_ms) >= 95
    assert load.latencies_ms[0] >= 990


def test_no_answer_in_time_is_a_failure() -> None:
    with running(Counting()) as server:
        plan = plan_for(
            server,
            requests=(processes.get_request("/stall"),),
            rate=10.0,
            seconds=0.2,
            timeout_seconds=0.2,
        )
        load = openloop.start(plan).finish()
        server.stalled.set()
    assert load.sent == 2
    assert load.failures == 2


def test_around_keeps_what_was_due_near_a_moment() -> None:
    load = openloop.Load(due=(0.0, 1.0, 2.0, 3.0), latencies_ms=(1.0, 2.0, 3.0, 4.0), late_ms=0)
    assert load.around([2.05], before=0.1, after=1.0).latencies_ms == (3.0, 4.0)
    assert load.away_from([2.05], before=0.1, after=1.0).latencies_ms == (1.0, 2.0)


def test_a_server_that_is_not_there_is_an_error() -> None:
    plan = openloop.Plan(
        port=processes.free_port(), requests=(b"GET / HTTP/1.1\r\n\r\n",), rate=1, seconds=1
    )
    with pytest.raises(BenchmarkError, match="refused"):
        openloop.start(plan)


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 50.0), (99, 99.0), (99.9, 100.0), (100, 100.0), (0, 1.0)]
)
def test_percentiles_are_the_nearest_rank(percent: float, expected: float) -> None:
    assert openloop.percentile([float(n) for n in range(100, 0, -1)], percent) == expected
