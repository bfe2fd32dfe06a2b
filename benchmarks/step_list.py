"""The list of 1,000 steps, about 1 MB: against nginx serving the same bytes as a file."""

from __future__ import annotations

from benchmarks import nginx, serving, synthetic
from benchmarks.lookup import compare
from benchmarks.rows import Bound, Promise, Row, against
from benchmarks.session import STEPS_EACH, Session

STEP_LIST = Promise(
    key="step list",
    what="`GET /api/v1/steps`, 1,000 steps (about 1 MB), not compressed, 16 connections",
    bound=Bound.AT_LEAST,
    limit=0.55,
    unit="×",
    peer="nginx, one worker, the same bytes as a file",
)
PROMISES = (STEP_LIST,)
_LIBRARIES = 200
_PATH = "/api/v1/steps"


def measure(session: Session) -> list[Row]:
    """Drive both in turn, as for the lookup."""
    work = session.directory("step-list")
    registry = synthetic.copied_registry(work / "registry", libraries=_LIBRARIES, steps=STEPS_EACH)
    with serving.serving(registry, work, probe=_PATH, require_token=True) as server:
        body = server.get(_PATH)
        server.wait_until_steady(seconds=30)
        with nginx.serving(work, body) as peer:
            ours, theirs = compare(session, server, _PATH, peer)
    notes = f"{len(body):,} bytes; {nginx.version()}"
    return [against(STEP_LIST, ours, theirs, unit="requests/s", notes=notes)]
