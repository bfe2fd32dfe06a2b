"""One step by its id: against nginx serving the same bytes as a file."""

from __future__ import annotations

from benchmarks import nginx, processes, serving, synthetic, wrk
from benchmarks.content import library
from benchmarks.rows import Bound, Promise, Row, against
from benchmarks.session import STEPS_EACH, Session

LOOKUP = Promise(
    key="step lookup",
    what="`GET /api/v1/steps/{id}`, one worker, 16 connections, read token required, metrics on",
    bound=Bound.AT_LEAST,
    limit=0.4,
    unit="×",
    peer="nginx, one worker, the same bytes as a file",
)
PROMISES = (LOOKUP,)
_LIBRARIES = 200


def measure(session: Session) -> list[Row]:
    """Drive both in turn, A B A B, each on the same processor, wrk on another."""
    work = session.directory("lookup")
    registry = synthetic.copied_registry(work / "registry", libraries=_LIBRARIES, steps=STEPS_EACH)
    known = library(7, steps=STEPS_EACH)
    path = f"/api/v1/steps/{known.name}.{known.steps[0]}"
    with serving.serving(registry, work, probe=path, require_token=True) as server:
        serving.refuses_strangers(server, path)
        body = server.get(path)
        server.wait_until_steady(seconds=30)
        with nginx.serving(work, body) as peer:
            ours, theirs = compare(session, server, path, peer)
    notes = f"{len(body):,} bytes; {nginx.version()}"
    return [against(LOOKUP, ours, theirs, unit="requests/s", notes=notes)]


def compare(
    session: Session, server: serving.Server, path: str, peer: nginx.Nginx
) -> tuple[list[float], list[float]]:
    """Requests a second of the server and of nginx, run in turn after a warm-up of each."""
    cores = processes.split_cores()
    processes.bind(server.pid, cores.server)
    processes.bind(peer.pid, cores.server)
    ours: list[float] = []
    theirs: list[float] = []
    seconds = session.choose(3, 1)
    for turn in range(session.choose(5, 1) + 1):
        mine = wrk.run(server.port, path, seconds=seconds, token=server.token, cores=cores.client)
        other = wrk.run(peer.port, peer.path, seconds=seconds, cores=cores.client)
        if turn:
            ours.append(mine.rate)
            theirs.append(other.rate)
    return ours, theirs
