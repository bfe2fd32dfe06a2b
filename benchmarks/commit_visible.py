"""A commit to one of 10,000 libraries: how soon it is visible, and what readers feel of it."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import Self

from benchmarks import nginx, openloop, processes, publishing, serving, wrk
from benchmarks.content import library
from benchmarks.errors import BenchmarkError
from benchmarks.rows import Bound, Promise, Row, absolute, against, plain
from benchmarks.session import STEPS_EACH, Session
from registry.snapshots.registry import Registry

VISIBLE = Promise(
    key="commit visible",
    what="a one-library commit at 10,000 libraries until it is served, without the poll interval",
    bound=Bound.AT_MOST,
    limit=100,
    unit="ms",
)
LATENCY = Promise(
    key="latency around the swap",
    what="99.9th percentile of lookups around these swaps, open loop at half of capacity",
    bound=Bound.AT_MOST,
    limit=20,
    unit="ms",
    peer="nginx at the same rate",
    or_times=2,
)
FAILURES = Promise(
    key="failures around the swap",
    what="failed lookups during that load",
    bound=Bound.AT_MOST,
    limit=0,
    unit="requests",
)
PROMISES = (VISIBLE, LATENCY, FAILURES)
# Looks at the head this often, so that what is measured is the work and not the wait.
_POLL_SECONDS = 0.005
_FIRST_PATCH = 101
_LOOK_SECONDS = 0.001
_VISIBLE_SECONDS = 30.0
_BEFORE, _AFTER = 0.1, 1.0
_PATHS = 64
_STEADY_SECONDS = 180.0
# A commit each so many seconds: the background build of the one before has ended by then.
_RHYTHM_SECONDS = 3.0


def measure(session: Session) -> list[Row]:
    """First commits to an idle server, then the same under load."""
    work = session.directory("commit-visible")
    registry = Registry.open(session.tokened_registry)
    known = [library(number, steps=STEPS_EACH) for number in range(_PATHS)]
    paths = [f"/api/v1/steps/{one.name}.{one.steps[0]}" for one in known]
    settings = {"poll_seconds": str(_POLL_SECONDS)}
    try:
        with serving.serving(
            registry.path, work, probe=paths[0], require_token=True, settings=settings
        ) as server:
            server.wait_until_steady(seconds=_STEADY_SECONDS)
            idle = _Commits(session, registry, server, first=_FIRST_PATCH)
            for _ in range(session.choose(10, 2)):
                idle.make()
            return [_visible_row(idle), *_loaded_rows(session, registry, server, paths)]
    finally:
        registry.close()


class _Commits:
    """Commits to libraries in turn, each watched until it is served."""

    def __init__(
        self, session: Session, registry: Registry, server: serving.Server, *, first: int
    ) -> None:
        self._session = session
        self._registry = registry
        self._server = server
        self._patch = first
        self.moments: list[float] = []
        self.milliseconds: list[float] = []

    def make(self) -> None:
        """Release another version of a library and wait until a lookup answers with it."""
        self._patch += 1
        released = self._session.new_version(self._patch, self._patch)
        prepared = publishing.prepare(self._registry, released)
        request = self._server.request(f"/api/v1/steps/{released.name}.{released.steps[0]}")
        wanted = f'"version":"{released.version}"'.encode()
        with _Watcher.connect(self._server.port, request) as watcher:
            started = time.monotonic()
            prepared.publish(self._registry)
            seen = watcher.wait_for(wanted)
        self.moments.append(started)
        self.milliseconds.append((seen - started) * 1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Watcher:
    """Asks for one step over one connection, again and again."""

    connection: socket.socket
    request: bytes

    @classmethod
    def connect(cls, port: int, request: bytes) -> _Watcher:
        connection = socket.create_connection(("127.0.0.1", port), timeout=_VISIBLE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(connection=connection, request=request)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def wait_for(self, wanted: bytes) -> float:
        """The moment at which an answer with these bytes was there; raises BenchmarkError."""
        deadline = time.monotonic() + _VISIBLE_SECONDS
        while time.monotonic() < deadline:
            self.connection.sendall(self.request)
            if wanted in self.connection.recv(1 << 16):
                return time.monotonic()
            time.sleep(_LOOK_SECONDS)  # between two looks, so as not to be the load
        raise BenchmarkError(
            f"the commit was not served within {_VISIBLE_SECONDS:.0f} s",
            next_step="Look at the server's log",
        )


def _visible_row(idle: _Commits) -> Row:
    notes = f"server otherwise idle, head looked at every {_POLL_SECONDS * 1000:.0f} ms"
    return absolute(VISIBLE, idle.milliseconds, notes=notes)


def _floor(session: Session, server: serving.Server, path: str, rate: float) -> openloop.Load:
    """The same load on nginx: what machine and generator add by themselves."""
    work = session.directory("commit-visible-nginx")
    with nginx.serving(work, server.get(path)) as peer:
        plan = openloop.Plan(
            port=peer.port,
            requests=(processes.get_request(peer.path),),
            rate=rate,
            seconds=session.choose(6, 2),
        )
        return openloop.start(plan).finish()


def _loaded_rows(
    session: Session, registry: Registry, server: serving.Server, paths: list[str]
) -> list[Row]:
    cores = processes.split_cores()
    # What the commits before have started in the background is no part of the capacity.
    server.wait_until_steady(seconds=_STEADY_SECONDS)
    seconds = session.choose(3, 1)
    capacity = wrk.run(
        server.port, paths[0], seconds=seconds, token=server.token, cores=cores.client
    ).rate
    plan = openloop.Plan(
        port=server.port,
        requests=tuple(server.request(path) for path in paths),
        rate=capacity / 2,
        seconds=session.choose(24, 6),
    )
    commits = _Commits(session, registry, server, first=_FIRST_PATCH + 100)
    with openloop.start(plan) as run:
        ends = time.monotonic() + plan.seconds
        time.sleep(_AFTER)
        while time.monotonic() + _AFTER < ends:
            commits.make()
            time.sleep(_RHYTHM_SECONDS)
    load = run.finish()
    near = load.around(commits.moments, before=_BEFORE, after=_AFTER)
    rest = load.away_from(commits.moments, before=_BEFORE, after=_AFTER)
    floor = _floor(session, server, paths[0], plan.rate)
    visible = sorted(commits.milliseconds)[len(commits.milliseconds) // 2]
    notes = (
        f"{len(commits.moments)} commits, visible after {plain(visible)} ms under load; "
        f"{plain(plan.rate)} requests/s of {plain(capacity)}; p50 {plain(near.percentile(50))}, "
        f"p99 {plain(near.percentile(99))}, worst {plain(near.worst)} ms; "
        f"p99.9 away from the commits {plain(rest.percentile(99.9))} ms; "
        f"generator itself late by {plain(load.late_ms)} ms"
    )
    return [
        against(
            LATENCY,
            [near.percentile(99.9)],
            [floor.percentile(99.9)],
            unit="ms",
            notes=notes,
        ),
        absolute(FAILURES, [float(load.failures)], notes=f"of {load.sent:,} requests"),
    ]
