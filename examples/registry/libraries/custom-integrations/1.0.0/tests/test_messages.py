"""webhook.send and slack.message."""

# ruff: noqa: S106 - the secrets are made up

from __future__ import annotations

import hashlib
import hmac
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from receiver import Receiver, Reply, receiving
from support import call, ok, refused


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server to send to."""
    with receiving() as receiver:
        yield receiver


def event(receiver: Receiver, **more: Any) -> dict[str, Any]:
    """Return a webhook's parameters, without waits."""
    payload = {"service": "größe"}
    fixed = {"url": receiver.url, "event": "deployment.finished", "payload": payload}
    return {**fixed, "backoff_seconds": 0, **more}


def message(receiver: Receiver, **more: Any) -> dict[str, Any]:
    """Return a message's parameters, without waits."""
    return {"webhook_url": receiver.url, "text": "done", "backoff_seconds": 0, **more}


def test_an_event_is_delivered(receiver: Receiver) -> None:
    output = ok("webhook.send", event(receiver, headers={"X-Team": "ops"}))
    (request,) = receiver.requests
    assert (request.method, request.json) == ("POST", {"service": "größe"})
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-event"] == "deployment.finished"
    assert request.headers["x-delivery-id"] == output["delivery_id"]
    assert request.headers["x-team"] == "ops"
    assert "x-signature-256" not in request.headers


def test_a_receiver_can_verify_the_signature(receiver: Receiver) -> None:
    ok("webhook.send", event(receiver, signing_secret="hunter2"))
    (request,) = receiver.requests
    signed = request.headers["x-timestamp"].encode() + b"." + request.body
    digest = hmac.new(b"hunter2", signed, hashlib.sha256).hexdigest()
    assert request.headers["x-signature-256"] == f"sha256={digest}"


def test_every_attempt_is_the_same_delivery(receiver: Receiver) -> None:
    receiver.answers(Reply(503), Reply(0), Reply(204))
    output = ok("webhook.send", event(receiver))
    assert output["attempts"] == 3
    assert {request.headers["x-delivery-id"] for request in receiver.requests} == {
        output["delivery_id"]
    }


def test_a_delivery_can_have_an_id_of_ones_own(receiver: Receiver) -> None:
    assert ok("webhook.send", event(receiver, delivery_id="shop-1"))["delivery_id"] == "shop-1"


def test_a_refused_event_fails_without_the_secret(receiver: Receiver) -> None:
    receiver.answers(Reply(400, b"bad signature hunter2"))
    result = call("webhook.send", event(receiver, signing_secret="hunter2"))
    assert result["error"] == "the receiver answered 400"
    assert "hunter2" not in json.dumps(result)
    assert len(receiver.requests) == 1


def test_an_event_needs_a_name_and_a_real_secret(receiver: Receiver) -> None:
    assert "event is required" in refused("webhook.send", event(receiver, event=None))
    assert "one line" in refused("webhook.send", event(receiver, event="a\nb"))
    error = refused("webhook.send", event(receiver, signing_secret=""))
    assert "must not be empty" in error
    assert receiver.requests == []


def test_a_message_is_posted(receiver: Receiver) -> None:
    receiver.answers(Reply(200, b"ok"))
    block = {"type": "divider"}
    ok("slack.message", message(receiver, text="*done* ✅"))
    ok("slack.message", message(receiver, blocks=[block]))
    assert [request.json for request in receiver.requests] == [
        {"text": "*done* ✅"},
        {"text": "done", "blocks": [block]},
    ]


def test_a_refusal_is_passed_on_without_the_address(receiver: Receiver) -> None:
    receiver.answers(Reply(400, f"invalid_payload at {receiver.url}".encode()))
    result = call("slack.message", message(receiver))
    assert "status 400: invalid_payload" in result["error"]
    assert receiver.url not in json.dumps(result)


def test_a_message_that_may_have_arrived_is_not_posted_again(receiver: Receiver) -> None:
    receiver.answers(Reply(0), Reply(200))
    error = refused("slack.message", message(receiver))
    assert "attempts: 1" in error
    assert "/hook" not in error
    receiver.answers(Reply(503), Reply(200))
    assert "503" in refused("slack.message", message(receiver))
    assert len(receiver.requests) == 2


def test_a_message_that_was_turned_away_is_posted_again(receiver: Receiver) -> None:
    receiver.answers(Reply(429), Reply(200, b"ok"))
    assert ok("slack.message", message(receiver))["attempts"] == 2


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"text": " "}, "must not be empty"),
        ({"text": None}, "text is required"),
        ({"text": "x" * 40_001}, "longer than 40000"),
        ({"blocks": ["x"]}, "blocks must be a list"),
        ({"blocks": [{}] * 51}, "blocks must be a list"),
        ({"webhook_url": "hunter2"}, "webhook_url must be a URL"),
        ({"webhook_url": "https://hunter2 .example/"}, "webhook_url must not hold spaces"),
    ],
)
def test_wrong_parameters_are_named_and_secrets_are_not(
    receiver: Receiver, parameters: dict[str, Any], word: str
) -> None:
    error = refused("slack.message", message(receiver, **parameters))
    assert word in error
    assert "hunter2" not in error
    assert receiver.requests == []
