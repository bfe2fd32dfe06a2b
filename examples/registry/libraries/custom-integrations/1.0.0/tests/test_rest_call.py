"""rest.call, and when a request is sent again."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "executors"))

from _http import Answer
from _retry import requested_delay
from receiver import Receiver, Reply, receiving
from support import call, ok, refused

JSON = {"Content-Type": "application/json; charset=utf-8"}
BUSY = Reply(503)


@pytest.fixture
def api() -> Iterator[Receiver]:
    """A server to call."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, which are noted and not waited for."""
    seen: list[float] = []
    monkeypatch.setattr(time, "sleep", seen.append)
    return seen


def test_an_answer_is_decoded(api: Receiver) -> None:
    api.answers(Reply(200, b'{"items": [1]}', {**JSON, "Set-Cookie": "a=b", "X-Page": "1"}))
    output = ok("rest.call", {"url": api.url})
    assert output["body"] == {"items": [1]}
    assert output["text"] == '{"items": [1]}'
    assert output["headers"]["x-page"] == "1"
    assert "set-cookie" not in output["headers"]
    assert output["attempts"] == 1


def test_a_request_is_built_from_its_parameters(api: Receiver) -> None:
    parameters = {
        "url": f"{api.url}?a=1#part",
        "method": "POST",
        "query": {"tag": ["x y", "ü"], "full": True, "n": 2},
        "headers": {"X-Trace": "t1"},
        "body": {"name": "größe"},
        "bearer_token": "t0ken",
        "idempotency_key": "k1",
    }
    ok("rest.call", parameters)
    (request,) = api.requests
    assert request.method == "POST"
    assert request.path == "/hook?a=1&tag=x+y&tag=%C3%BC&full=true&n=2"
    assert request.json == {"name": "größe"}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer t0ken"
    assert request.headers["idempotency-key"] == "k1"
    assert request.headers["x-trace"] == "t1"


def test_a_status_that_was_not_expected_fails_with_the_answer(api: Receiver) -> None:
    api.answers(Reply(404, b'{"detail": "no such host"}', JSON))
    result = call("rest.call", {"url": api.url})
    assert result["error"] == "the answer's status is 404, not one from 200 to 299"
    assert result["output"]["body"] == {"detail": "no such host"}
    assert ok("rest.call", {"url": api.url, "expected_status": [404]})["status"] == 404
    assert "404, not 201" in refused("rest.call", {"url": api.url, "expected_status": [201]})


@pytest.mark.parametrize("body", [b"<html>", b"{", b"[" * 100_000, b"\xff"])
def test_what_is_not_json_has_no_body(api: Receiver, body: bytes) -> None:
    api.answers(Reply(200, body, JSON))
    assert ok("rest.call", {"url": api.url})["body"] is None


def test_numbers_that_json_does_not_know_do_not_get_through(api: Receiver) -> None:
    api.answers(Reply(200, b'{"a": NaN}', JSON))
    assert ok("rest.call", {"url": api.url})["body"] == {"a": None}


def test_a_long_answer_is_cut(api: Receiver) -> None:
    api.answers(Reply(200, b'"' + b"x" * 100 + b'"', JSON))
    output = ok("rest.call", {"url": api.url, "max_response_bytes": 10})
    assert (len(output["text"]), output["truncated"], output["body"]) == (10, True, None)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_may_arrive_twice_is_sent_again(
    api: Receiver, waits: list[float], method: str, status: int
) -> None:
    api.answers(Reply(status), Reply(status), Reply(200))
    output = ok("rest.call", {"url": api.url, "method": method, "backoff_seconds": 2})
    assert (output["attempts"], len(api.requests)) == (3, 3)
    assert 1 <= waits[0] <= 2 <= waits[1] <= 4


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_must_not_arrive_twice_is_not(api: Receiver, waits: list[float], method: str) -> None:
    api.answers(BUSY, Reply(200))
    parameters = {"url": api.url, "method": method, "body": {}}
    assert "503" in refused("rest.call", parameters)
    assert (len(api.requests), waits) == (1, [])
    api.answers(Reply(0), Reply(200))
    assert "attempts: 1" in refused("rest.call", parameters)
    assert len(api.requests) == 2


def test_a_key_makes_a_post_repeatable(api: Receiver, waits: list[float]) -> None:
    api.answers(BUSY, Reply(0), Reply(201))
    output = ok("rest.call", {"url": api.url, "method": "POST", "idempotency_key": "k1"})
    assert (output["status"], output["attempts"], len(waits)) == (201, 3, 2)
    assert {request.headers["idempotency-key"] for request in api.requests} == {"k1"}


def test_a_post_that_was_turned_away_is_sent_again(api: Receiver, waits: list[float]) -> None:
    api.answers(Reply(429, headers={"Retry-After": "7"}), Reply(200))
    parameters = {"url": api.url, "method": "POST", "backoff_seconds": 0}
    assert ok("rest.call", parameters)["attempts"] == 2
    assert waits == [7]


def test_a_post_that_reached_nobody_is_sent_again(waits: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
    error = refused("rest.call", {"url": url, "method": "POST"})
    assert error == "127.0.0.1 refused the connection (attempts: 3)"
    assert len(waits) == 2


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("99999999999", 60, 60),
        (format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True), 60, 60),
        (format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True), 0, 0),
        ("soon", 0, 0),
        ("", 0, 0),
        ("-5", 0, 0),
    ],
)
def test_what_a_server_asks_to_wait_is_bounded(value: str, low: float, high: float) -> None:
    answer = Answer(429, {"retry-after": value}, b"", truncated=False, seconds=0)
    assert low <= requested_delay(answer) <= high


def test_the_last_answer_counts(api: Receiver, waits: list[float]) -> None:
    api.answers(BUSY)
    result = call("rest.call", {"url": api.url, "max_attempts": 2})
    assert (result["output"]["attempts"], len(waits)) == (2, 1)
    assert "503" in result["error"]


def test_no_attempt_is_made_that_the_run_has_no_time_for(api: Receiver, waits: list[float]) -> None:
    api.answers(Reply(503, headers={"Retry-After": "50"}))
    error = refused("rest.call", {"url": api.url}, {"deadline": 20})
    assert error == "status 503; no time is left to try again (attempts: 1)"
    assert waits == []


def test_attempts_are_logged_without_secrets(api: Receiver, waits: list[float]) -> None:
    api.answers(BUSY, Reply(200))
    lines: list[dict[str, Any]] = []
    context = {"log": lambda message, **fields: lines.append({"message": message, **fields})}
    parameters = {"url": f"{api.url}?key=hunter2", "bearer_token": "hunter2"}
    result = call("rest.call", parameters, context)
    assert result["success"]
    assert lines[0]["reason"] == "status 503"
    assert "hunter2" not in json.dumps([lines, result])
    assert len(waits) == 1


def test_a_redirect_is_an_answer_and_carries_no_token_away(api: Receiver) -> None:
    with receiving() as other:
        api.answers(Reply(302, headers={"Location": other.url}))
        assert "302" in refused("rest.call", {"url": api.url, "bearer_token": "t0ken"})
        assert other.requests == []


def test_a_server_that_says_nothing_is_left(waits: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/?key=hunter2"
        error = refused("rest.call", {"url": url, "timeout_seconds": 0.05})
    assert error == "127.0.0.1 did not answer within 0.05 s (attempts: 3)"
    assert len(waits) == 2


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"url": "file:///etc/passwd"}, "begins with http"),
        ({"url": "http://user:hunter2@localhost/"}, "user name"),
        ({"method": "TRACE"}, "method must be one of"),
        ({"headers": {"X-A": "hunter2\r\nX-B: 1"}}, "one line"),
        ({"headers": {"X A": "1"}}, "must not hold the header"),
        ({"headers": {"Host": "other"}}, "must not hold the header"),
        ({"headers": {"X-A": 1}}, "one line"),
        ({"headers": "X"}, "must be an object"),
        ({"bearer_token": "hunter2\n"}, "bearer_token must be one line"),
        ({"body": [1]}, "body must be an object"),
        ({"body": {"a": float("nan")}}, "cannot be written as JSON"),
        ({"query": {"a": {}}}, "query: a must be"),
        ({"max_attempts": 11}, "max_attempts must be from 1 to 10"),
        ({"expected_status": ["ok"]}, "expected_status"),
    ],
)
def test_wrong_parameters_are_named_and_secrets_are_not(
    parameters: dict[str, Any], word: str
) -> None:
    error = refused("rest.call", {"url": "http://localhost/", **parameters})
    assert word in error
    assert "hunter2" not in error
