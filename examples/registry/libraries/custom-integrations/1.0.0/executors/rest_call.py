"""rest.call: call a JSON API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from _http import Answer, Call, parse_url
from _params import choice, integer, optional_text, status_codes, table, text
from _requests import (
    SUCCESS,
    header_value,
    headers_of,
    milliseconds,
    policy_of,
    to_json,
    visible_headers,
)
from _retry import IDEMPOTENT, send_patiently
from _step import Done, Run, StepError, perform

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Send a request to ``url`` and return the decoded answer."""
    return perform(_call, parameters, context, "The call failed.")


def _call(parameters: Mapping[str, Any], run: Run) -> Done:
    method = choice(parameters, "method", METHODS, "GET")
    expected = status_codes(parameters, "expected_status")
    key = optional_text(parameters, "idempotency_key")
    limit = integer(parameters, "max_response_bytes", 1_048_576, 1, 16_777_216)
    body = None if parameters.get("body") is None else to_json(table(parameters, "body"), "body")
    call = Call(_url(parameters), method, _headers(parameters, key, body), body)
    repeatable = method in IDEMPOTENT or key is not None
    policy = policy_of(parameters, repeatable=repeatable, max_bytes=limit)
    answer, attempts = send_patiently(call, policy, run)
    output = {
        "status": answer.status,
        "headers": visible_headers(answer),
        "body": _decoded(answer),
        "text": answer.body.decode("utf-8", "replace"),
        "truncated": answer.truncated,
        "attempts": attempts,
        "duration_ms": milliseconds(answer),
    }
    _judge(answer, expected, output)
    return Done(f"Answered {answer.status} after {attempts} attempts.", output)


def _url(parameters: Mapping[str, Any]) -> str:
    """Return the URL with the query added to it."""
    url = text(parameters, "url")
    parts = parse_url(url, "url")
    pairs: list[tuple[str, str]] = []
    for name, value in table(parameters, "query").items():
        values = value if isinstance(value, list) else [value]
        pairs += [(name, _query_value(name, item)) for item in values]
    query = "&".join(filter(None, [parts.query, urlencode(pairs)]))
    return urlunsplit(urlsplit(url)._replace(query=query, fragment=""))


def _query_value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise StepError(f"query: {name} must be a string, a number, a boolean or a list of these")


def _headers(parameters: Mapping[str, Any], key: str | None, body: bytes | None) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    headers |= headers_of(parameters, "headers")
    token = optional_text(parameters, "bearer_token")
    if token is not None:
        headers["Authorization"] = header_value(f"Bearer {token}", "bearer_token")
    if key is not None:
        headers["Idempotency-Key"] = header_value(key, "idempotency_key")
    return headers


def _decoded(answer: Answer) -> Any:
    """Return the JSON in an answer, or None where there is none."""
    if answer.truncated or "json" not in answer.headers.get("content-type", ""):
        return None
    try:
        return json.loads(answer.body, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


def _judge(answer: Answer, expected: list[int], output: dict[str, Any]) -> None:
    if answer.status not in (expected or SUCCESS):
        wanted = " or ".join(map(str, expected)) or "one from 200 to 299"
        raise StepError(f"the answer's status is {answer.status}, not {wanted}", output)
