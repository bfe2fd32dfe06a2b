"""slack.message: post to a channel through an incoming webhook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from _http import Call, parse_url
from _params import items, text
from _requests import SUCCESS, milliseconds, policy_of, to_json
from _retry import send_patiently
from _step import Done, Run, StepError, perform

MAX_TEXT = 40_000
MAX_BLOCKS = 50
MAX_ANSWER = 4096


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Post ``text``, and ``blocks`` where there are any."""
    return perform(_post, parameters, context, "The message was not posted.")


def _post(parameters: Mapping[str, Any], run: Run) -> Done:
    url = text(parameters, "webhook_url")
    parse_url(url, "webhook_url")
    headers = {"Content-Type": "application/json; charset=utf-8"}
    call = Call(url, "POST", headers, to_json(_message(parameters), "blocks"))
    # Nothing tells the receiver that a message is one it has: what may have arrived is not resent.
    policy = policy_of(parameters, repeatable=False, max_bytes=MAX_ANSWER)
    answer, attempts = send_patiently(call, policy, run)
    output = {
        "status": answer.status,
        "attempts": attempts,
        "duration_ms": milliseconds(answer),
    }
    if answer.status not in SUCCESS:
        reason = answer.body[:200].decode("utf-8", "replace").strip().replace(url, "…")
        raise StepError(f"the message was refused with status {answer.status}: {reason}", output)
    return Done("Posted the message.", output)


def _message(parameters: Mapping[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"text": text(parameters, "text")}
    if not message["text"].strip():
        raise StepError("text must not be empty")
    if len(message["text"]) > MAX_TEXT:
        raise StepError(f"text must not be longer than {MAX_TEXT} characters")
    blocks = items(parameters, "blocks")
    if len(blocks) > MAX_BLOCKS or not all(isinstance(block, dict) for block in blocks):
        raise StepError(f"blocks must be a list of at most {MAX_BLOCKS} objects")
    return {**message, "blocks": blocks} if blocks else message
