"""Lookups while strangers hold 600 slow sockets: against the same without them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import openloop, processes, serving, synthetic, wrk
from benchmarks.content import library
from benchmarks.crowd import SLOW_BODY, Crowd, crowd
from benchmarks.errors import BenchmarkError
from benchmarks.rows import Bound, Promise, Row, against, plain
from benchmarks.session import STEPS_EACH, Session

RATE = Promise(
    key="lookups under attack",
    what="step lookups while 600 sockets send a byte twice a second, default settings",
    bound=Bound.AT_LEAST,
    limit=0.9,
    unit="×",
    peer="the same without these sockets",
)
TAIL = Promise(
    key="latency under attack",
    what="99.9th percentile of lookups meanwhile, open loop at half of capacity",
    bound=Bound.AT_MOST,
    limit=2,
    unit="×",
    peer="the same without these sockets",
)
PROMISES = (RATE, TAIL)
_LIBRARIES = 200
# From the address that lookups come from more than one client may have, and from six others.
_NEIGHBOURS = 300
_OTHERS = {f"127.0.0.{number}": 50 for number in range(2, 8)}


def measure(session: Session) -> list[Row]:
    """With the attack and without it in turn, the server on one processor, all else on another."""
    work = session.directory("slow-sockets")
    registry = synthetic.copied_registry(work / "registry", libraries=_LIBRARIES, steps=STEPS_EACH)
    known = library(7, steps=STEPS_EACH)
    path = f"/api/v1/steps/{known.name}.{known.steps[0]}"
    rates = _Pairs()
    tails = _Pairs()
    with serving.serving(registry, work, probe=path) as server:
        server.wait_until_steady(seconds=60)
        cores = processes.split_cores()
        processes.bind(server.pid, cores.server)
        rate = _rate(session, server, path, cores)
        for turn in range(session.choose(3, 1) + 1):
            calm = _rate(session, server, path, cores), _load(session, server, path, rate / 2)
            if math.isinf(calm[1].percentile(99.9)):
                raise BenchmarkError(
                    "lookups failed without any attack",
                    next_step="Measure when the machine is calm",
                )
            with _attack(server, cores) as strangers:
                amid = _rate(session, server, path, cores), _load(session, server, path, rate / 2)
                held = strangers.alive()
            if turn:
                rates.add(amid[0], calm[0])
                tails.add(amid[1].percentile(99.9), calm[1].percentile(99.9))
                tails.failures += amid[1].failures
    told = f"{held} of the 600 held at the end, new ones come for those that are ended"
    late = (
        f"at {plain(rate / 2)} requests/s; {tails.failures} lookups failed; "
        f"generator itself late by {plain(amid[1].late_ms)} ms"
    )
    return [
        against(RATE, rates.ours, rates.peers, unit="requests/s", notes=told),
        against(TAIL, tails.ours, tails.peers, unit="ms", notes=late),
    ]


class _Pairs:
    """Figures with the attack, and those without it that were taken just before."""

    def __init__(self) -> None:
        self.ours: list[float] = []
        self.peers: list[float] = []
        self.failures = 0

    def add(self, mine: float, other: float) -> None:
        """One of each."""
        self.ours.append(mine)
        self.peers.append(other)


@contextmanager
def _attack(server: serving.Server, cores: processes.Cores) -> Iterator[Crowd]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores.client)  # the crowd's thread is where the other clients are
    try:
        with crowd(server.port, b" ", returns=True) as strangers:
            strangers.open(_NEIGHBOURS, SLOW_BODY)
            for source, count in _OTHERS.items():
                strangers.open(count, SLOW_BODY, source)
            yield strangers
    finally:
        os.sched_setaffinity(0, before)


def _rate(session: Session, server: serving.Server, path: str, cores: processes.Cores) -> float:
    return wrk.run(
        server.port, path, seconds=session.choose(4, 1), token=server.token, cores=cores.client
    ).rate


def _load(session: Session, server: serving.Server, path: str, rate: float) -> openloop.Load:
    plan = openloop.Plan(
        port=server.port,
        requests=(server.request(path),),
        rate=rate,
        seconds=session.choose(8, 1),
        cores=processes.split_cores().client,
    )
    return openloop.start(plan).finish()
