"""http.check: whether a web address answers as it should."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from _hosts import timeout_of, tls_context
from _http import Answer, Call, origin, parse_url, send
from _params import choice, flag, number, optional_text, status_codes, text
from _step import Done, Run, StepError, perform

MAX_BODY = 1024 * 1024
MAX_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Request ``url`` and hold the answer against what is expected."""
    return perform(_check, parameters, context, "The check failed.")


def _check(parameters: Mapping[str, Any], run: Run) -> Done:
    url = text(parameters, "url")
    parse_url(url, "url")
    method = choice(parameters, "method", ("GET", "HEAD"), "GET")
    expected = status_codes(parameters, "expected_status") or [200]
    limit = number(parameters, "max_duration_ms", 60_000, 1, 60_000)
    contains = optional_text(parameters, "contains")
    if contains and method == "HEAD":
        raise StepError("contains needs the method GET: an answer to HEAD has no body")
    hops = MAX_REDIRECTS if flag(parameters, "follow_redirects", default=False) else 0
    tls = tls_context(parameters)
    timeout = timeout_of(parameters, run, 10)
    answer, redirects, elapsed = _request(Call(url, method), run, timeout, tls, hops)
    output: dict[str, Any] = {
        "status": answer.status,
        "duration_ms": round(elapsed * 1000, 3),
        "redirects": redirects,
        "content_type": answer.headers.get("content-type", ""),
        "size_bytes": len(answer.body),
    }
    _judge(answer, expected, contains, output)
    if output["duration_ms"] > limit:
        took = f"{output['duration_ms']:.0f} ms, more than {limit:g} ms"
        raise StepError(f"the answer took {took}", output)
    return Done(f"Answered {answer.status} in {output['duration_ms']:.0f} ms.", output)


def _judge(
    answer: Answer, expected: list[int], contains: str | None, output: dict[str, Any]
) -> None:
    if answer.status not in expected:
        wanted = " or ".join(map(str, expected))
        raise StepError(f"the answer's status is {answer.status}, not {wanted}", output)
    if contains and contains.encode() not in answer.body:
        raise StepError("the answer does not contain the text that was expected", output)


def _request(
    call: Call, run: Run, timeout: float, tls: ssl.SSLContext, hops: int
) -> tuple[Answer, int, float]:
    """Send the request; follow redirects only to the very origin that the run may reach."""
    elapsed = 0.0
    for redirects in range(hops + 1):
        left = timeout - elapsed
        if left <= 0:
            raise StepError(f"the redirects took longer than {timeout:g} s")
        answer = send(call, run, timeout=left, max_bytes=MAX_BODY, tls=tls)
        elapsed += answer.seconds
        target = answer.headers.get("location")
        if not hops or answer.status not in REDIRECTS or not target:
            return answer, redirects, elapsed
        url = urljoin(call.url, target)
        parse_url(url, "the redirect's target")
        if origin(url) != origin(call.url):
            raise StepError("the answer redirects to another origin, which is not followed")
        call = Call(url, call.method)
    raise StepError(f"the answer redirects more than {hops} times")
