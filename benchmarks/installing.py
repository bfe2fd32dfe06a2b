"""Installs at 10,000 libraries: inside the process, over HTTP, and many at once under lookups."""

from __future__ import annotations

import http.client
import io
import itertools
import json
import statistics
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue

from benchmarks import content, nginx, openloop, processes, serving, wrk
from benchmarks.errors import BenchmarkError
from benchmarks.rows import Bound, Promise, Row, absolute, against, plain
from benchmarks.session import STEPS_EACH, Session
from registry.installing.incoming import check_incoming
from registry.installing.installer import Installer
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head

INSTALL = Promise(
    key="install",
    what="install of a 5-step library at 10,000 libraries, durable, inside the process (p50)",
    bound=Bound.AT_MOST,
    limit=60,
    unit="ms",
)
SERVED = Promise(
    key="install served",
    what="from an upload's first byte until its steps are served, on the same instance",
    bound=Bound.AT_MOST,
    limit=200,
    unit="ms",
)
THROUGHPUT = Promise(
    key="installs at once",
    what="32 clients installing 500 different libraries at once, at 10,000: all land, in one line",
    bound=Bound.AT_LEAST,
    limit=27,
    unit="installs/s",
)
LATENCY = Promise(
    key="latency during installs",
    what="99.9th percentile of lookups during another 500, open loop at half of capacity",
    bound=Bound.AT_MOST,
    limit=20,
    unit="ms",
    peer="nginx at the same rate beside the same",
    or_times=2,
)
BESIDE = Promise(
    key="installs beside lookups",
    what="these installs",
    bound=Bound.AT_LEAST,
    limit=0.8,
    unit="×",
    peer="the same without lookups",
)
FAILURES = Promise(
    key="failures during installs",
    what="failed lookups during these installs",
    bound=Bound.AT_MOST,
    limit=0,
    unit="requests",
)
PROMISES = (INSTALL, SERVED, THROUGHPUT, LATENCY, BESIDE, FAILURES)
_FIRST = 20_000
_CLIENTS = 32
_PATHS = 64
_STEADY_SECONDS = 180.0
_BOUNDARY = "benchmark"
_MANIFEST = "manifest.json"


def measure(session: Session) -> list[Row]:
    """First one after the other, then many at once."""
    rows = [_in_process(session)]
    work = session.directory("installing")
    known = [content.library(number, steps=STEPS_EACH) for number in range(_PATHS)]
    paths = [f"/api/v1/steps/{one.name}.{one.steps[0]}" for one in known]
    with serving.serving(session.large_registry, work, probe=paths[0]) as server:
        server.wait_until_steady(seconds=_STEADY_SECONDS)
        rows.append(_served(session, server))
        server.wait_until_steady(seconds=_STEADY_SECONDS)
        return [*rows, *_at_once(session, server, paths)]


def _libraries(first: int, count: int) -> Iterator[content.SyntheticLibrary]:
    """New libraries that cost nothing: the others need a licence key."""
    free = (
        library
        for number in itertools.count(first)
        if not json.loads((library := content.library(number, steps=STEPS_EACH)).files[_MANIFEST])[
            "is_premium"
        ]
    )
    return itertools.islice(free, count)


def _in_process(session: Session) -> Row:
    taken = []
    with Registry.open(session.large_registry) as registry:
        installer = Installer(registry)
        for library in _libraries(_FIRST, session.choose(30, 4)):
            started = time.perf_counter()
            installer.install([check_incoming(library.files)], by=Actor(name="benchmark"))
            taken.append((time.perf_counter() - started) * 1000)
            follow_head(registry)
    notes = f"p95 {plain(statistics.quantiles(taken, n=20)[-1])} ms"
    return absolute(INSTALL, taken[2:], notes=notes)


def _served(session: Session, server: serving.Server) -> Row:
    taken = []
    for library in _libraries(_FIRST + 1_000, session.choose(20, 2)):
        body = _form(library)
        started = time.perf_counter()
        _install(server.port, body)
        found = server.get(f"/api/v1/steps/{library.name}.{library.steps[0]}")
        taken.append((time.perf_counter() - started) * 1000)
        assert library.version.encode() in found
    return absolute(SERVED, taken)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Beside:
    """A burst of installs beside lookups: installs a second, and the lookups meanwhile."""

    rate: float
    all_lookups: openloop.Load
    lookups: openloop.Load


def _at_once(session: Session, server: serving.Server, paths: Sequence[str]) -> list[Row]:
    """Alone; beside lookups at half of capacity; beside as many lookups that nginx answers."""
    count = session.choose(500, 20)
    with Registry.open(session.large_registry) as registry:
        alone = _burst(registry, server, _FIRST + 2_000, count)
        server.wait_until_steady(seconds=_STEADY_SECONDS)
        cores = processes.split_cores()
        capacity = wrk.run(
            server.port, paths[0], seconds=session.choose(3, 1), token=None, cores=cores.client
        ).rate
        plan = openloop.Plan(
            port=server.port,
            requests=tuple(server.request(path) for path in paths),
            rate=capacity / 2,
            seconds=session.choose(60, 8),
        )
        ours = _beside(registry, server, plan, _FIRST + 4_000, count)
        server.wait_until_steady(seconds=_STEADY_SECONDS)
        work = session.directory("installing-nginx")
        with nginx.serving(work, server.get(paths[0])) as peer:
            asked = (processes.get_request(peer.path),)
            floor = _beside(
                registry,
                server,
                replace(plan, port=peer.port, requests=asked),
                _FIRST + 6_000,
                count,
            )
    near = ours.lookups
    notes = (
        f"{plain(plan.rate)} lookups/s of {plain(capacity)}; "
        f"p50 {plain(near.percentile(50))}, p99 {plain(near.percentile(99))}, worst "
        f"{plain(near.worst)} ms; nginx p50 {plain(floor.lookups.percentile(50))} ms; "
        f"generator itself late by {plain(ours.all_lookups.late_ms)} ms"
    )
    tail, other = near.percentile(99.9), floor.lookups.percentile(99.9)
    failures = f"of {ours.all_lookups.sent:,} requests; of nginx: {floor.all_lookups.failures}"
    return [
        absolute(THROUGHPUT, [alone], notes="no lookups at the same time"),
        against(LATENCY, [tail], [other], unit="ms", notes=notes),
        against(
            BESIDE,
            [ours.rate],
            [alone],
            unit="installs/s",
            notes=f"{plain(floor.rate)} installs/s while nginx answers the lookups",
        ),
        absolute(FAILURES, [float(ours.all_lookups.failures)], notes=failures),
    ]


def _beside(
    registry: Registry, server: serving.Server, plan: openloop.Plan, first: int, count: int
) -> _Beside:
    with openloop.start(plan) as run:
        time.sleep(1)  # the load has come up to its rate
        started = time.monotonic()
        rate = _burst(registry, server, first, count)
    load = run.finish()
    near = load.around([started], before=0, after=count / rate)
    return _Beside(rate=rate, all_lookups=load, lookups=near)


def _burst(registry: Registry, server: serving.Server, first: int, count: int) -> float:
    """Installs a second, of so many libraries by all clients at once; all must have landed."""
    bodies: SimpleQueue[bytes] = SimpleQueue()
    for library in _libraries(first, count):
        bodies.put(_form(library))
    before = registry.head()
    started = time.monotonic()
    _drain(server.port, bodies)
    took = time.monotonic() - started
    commits = registry.repository.run("rev-list", "--count", f"{before}..HEAD")
    merges = registry.repository.run("rev-list", "--merges", "--count", f"{before}..HEAD")
    if int(commits) != count or int(merges):
        raise BenchmarkError(
            f"{count} installs made {commits.decode().strip()} commits",
            next_step="Look at the history of the large registry",
        )
    return count / took


def _drain(port: int, bodies: SimpleQueue[bytes]) -> None:
    """Install all of them from so many clients at once; raises what the first of them raised."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while not failures:
                _install(port, bodies.get_nowait())
        except Empty:
            return
        except BaseException as error:  # noqa: BLE001 - raised below, in the benchmark's thread
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _form(library: content.SyntheticLibrary) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, raw in library.files.items():
            archive.writestr(path, raw)
    head = 'Content-Disposition: form-data; name="file"; filename="x.zip"'
    return (
        f"--{_BOUNDARY}\r\n{head}\r\n\r\n".encode()
        + stream.getvalue()
        + f"\r\n--{_BOUNDARY}--\r\n".encode()
    )


def _install(port: int, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        connection.request("POST", "/api/v1/libraries/install", body, headers)
        reply = connection.getresponse()
        answer = reply.read()
        if reply.status != 200:
            raise BenchmarkError(
                f"an install was answered with {reply.status}: {answer[:300]!r}",
                next_step="Look at the server's log",
            )
    finally:
        connection.close()
