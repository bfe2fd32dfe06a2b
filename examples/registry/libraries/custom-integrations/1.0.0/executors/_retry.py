"""Sending again after a failure, but only what may arrive twice.

A request that may have been carried out is repeated only where that does no harm: its method is
idempotent, or it carries a key by which the receiver knows it again. One that certainly was not
carried out (refused connection, unknown name, status 429) is repeated in any case.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from _http import Answer, Call, UnreachableError, send
from _step import Run, StepError

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
TOO_MANY = 429
TEMPORARY = frozenset({TOO_MANY, 502, 503, 504})
MAX_DELAY = 60.0


@dataclass(frozen=True)
class Policy:
    """How often to try, how long to wait, and whether the request may arrive twice."""

    attempts: int
    backoff: float
    repeatable: bool
    timeout: float
    max_bytes: int


def send_patiently(call: Call, policy: Policy, run: Run) -> tuple[Answer, int]:
    """Send a request until it is answered for good; return the answer and the attempts."""
    for attempt in range(1, policy.attempts + 1):
        last = attempt == policy.attempts
        wanted = 0.0
        try:
            answer = send(call, run, timeout=policy.timeout, max_bytes=policy.max_bytes)
        except UnreachableError as problem:
            hopeless = problem.lasting or not (policy.repeatable or problem.unsent)
            if last or hopeless:
                raise StepError(f"{problem} (attempts: {attempt})") from None
            reason = str(problem)
        else:
            if last or not _worthwhile(answer, repeatable=policy.repeatable):
                return answer, attempt
            reason = f"status {answer.status}"
            wanted = requested_delay(answer)
        _wait(max(_delay(policy.backoff, attempt), wanted), run, reason, attempt)
    raise StepError("no attempt was allowed")


def _worthwhile(answer: Answer, *, repeatable: bool) -> bool:
    """Return whether the same request may do better a little later."""
    if answer.status == TOO_MANY:
        return True
    return repeatable and answer.status in TEMPORARY


def _delay(backoff: float, attempt: int) -> float:
    """Return a growing delay, spread so that many clients do not come back at once."""
    longest = min(backoff * 2.0 ** (attempt - 1), MAX_DELAY)
    return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads load, keeps no secret


def requested_delay(answer: Answer) -> float:
    """Return the seconds that the server asked to wait, within reason."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:6]), MAX_DELAY)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), MAX_DELAY)


def _wait(seconds: float, run: Run, reason: str, attempt: int) -> None:
    """Wait, unless the run would be over by then."""
    if seconds >= run.left():
        raise StepError(f"{reason}; no time is left to try again (attempts: {attempt})")
    run.log("trying again", reason=reason, attempt=attempt, wait_seconds=round(seconds, 3))
    if seconds:
        time.sleep(seconds)
