"""webhook.send: deliver a signed event."""

from __future__ import annotations

import hashlib
import hmac
import time
import uuid
from collections.abc import Mapping
from typing import Any

from _http import Call, parse_url
from _params import optional_text, table, text
from _requests import SUCCESS, header_value, headers_of, milliseconds, policy_of, to_json
from _retry import send_patiently
from _step import Done, Run, StepError, perform

MAX_ANSWER = 64 * 1024


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Send ``payload`` to ``url``, signed where there is a ``signing_secret``."""
    return perform(_send, parameters, context, "The event was not delivered.")


def _send(parameters: Mapping[str, Any], run: Run) -> Done:
    url = text(parameters, "url")
    parse_url(url, "url")
    body = to_json(table(parameters, "payload"), "payload")
    delivery = optional_text(parameters, "delivery_id") or str(uuid.uuid4())
    headers = {
        **headers_of(parameters, "headers"),
        "Content-Type": "application/json",
        "X-Event": header_value(text(parameters, "event"), "event"),
        "X-Delivery-Id": header_value(delivery, "delivery_id"),
        **_signature(parameters, body),
    }
    # Every attempt carries the same delivery id, so a receiver can tell a repetition.
    policy = policy_of(parameters, repeatable=True, max_bytes=MAX_ANSWER)
    answer, attempts = send_patiently(Call(url, "POST", headers, body), policy, run)
    output = {
        "status": answer.status,
        "delivery_id": delivery,
        "attempts": attempts,
        "duration_ms": milliseconds(answer),
    }
    if answer.status not in SUCCESS:
        raise StepError(f"the receiver answered {answer.status}", output)
    return Done(f"Delivered after {attempts} attempts.", output)


def _signature(parameters: Mapping[str, Any], body: bytes) -> dict[str, str]:
    """Return the headers by which a receiver verifies origin and age of an event."""
    secret = optional_text(parameters, "signing_secret")
    if secret is None:
        return {}
    if not secret:
        raise StepError("signing_secret must not be empty")
    moment = str(int(time.time()))
    signed = moment.encode() + b"." + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return {"X-Timestamp": moment, "X-Signature-256": f"sha256={digest}"}
