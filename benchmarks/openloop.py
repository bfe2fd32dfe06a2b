"""Open-loop load: requests leave at a constant rate, whether or not earlier ones were answered.

A latency counts from the moment a request was due, so a server that stalls is charged for every
request that it kept waiting (no coordinated omission). The generator is a process of its own:
`start` runs it, `Run.finish` returns what it saw.
"""

from __future__ import annotations

import array
import json
import math
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from benchmarks.errors import BenchmarkError
from registry.processes.program import program, start_program

_GRACE_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What to send: the requests in turn, ``rate`` a second, for ``seconds``."""

    port: int
    requests: tuple[bytes, ...]
    rate: float
    seconds: float
    connections: int = 32
    timeout_seconds: float = 5.0
    cores: frozenset[int] | None = None

    def encode(self) -> bytes:
        """As the generator's process reads it."""
        fields = {
            "port": self.port,
            "requests": [request.decode("latin-1") for request in self.requests],
            "rate": self.rate,
            "seconds": self.seconds,
            "connections": self.connections,
            "timeout_seconds": self.timeout_seconds,
            "cores": sorted(self.cores) if self.cores else [],
        }
        return json.dumps(fields).encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What a run saw. Latencies in milliseconds, those of failed requests are infinite.

    ``due`` are moments of ``time.monotonic``; ``late_ms`` is how late the generator itself was at
    its 99.9th percentile: a figure below it says more of the generator than of the server.
    """

    due: tuple[float, ...]
    latencies_ms: tuple[float, ...]
    late_ms: float

    @property
    def sent(self) -> int:
        """Requests that were due; every one of them is counted."""
        return len(self.due)

    @property
    def failures(self) -> int:
        """Requests without an answer of 200 within the time allowed."""
        return sum(1 for latency in self.latencies_ms if math.isinf(latency))

    def percentile(self, percent: float) -> float:
        """The latency that ``percent`` of the requests did not exceed (nearest rank)."""
        return percentile(self.latencies_ms, percent)

    @property
    def worst(self) -> float:
        """The greatest latency."""
        return max(self.latencies_ms)

    def around(self, moments: Iterable[float], *, before: float, after: float) -> Load:
        """Only the requests due within these seconds of one of the moments."""
        return self._picked(moments, before, after, near=True)

    def away_from(self, moments: Iterable[float], *, before: float, after: float) -> Load:
        """The others."""
        return self._picked(moments, before, after, near=False)

    def _picked(self, moments: Iterable[float], before: float, after: float, *, near: bool) -> Load:
        spans = [(moment - before, moment + after) for moment in moments]
        kept = [
            (due, latency)
            for due, latency in zip(self.due, self.latencies_ms, strict=True)
            if any(low <= due <= high for low, high in spans) is near
        ]
        return Load(
            due=tuple(due for due, _ in kept),
            latencies_ms=tuple(latency for _, latency in kept),
            late_ms=self.late_ms,
        )


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest-rank percentile; raises ValueError when there are no values."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("there are no values")
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


class Run:
    """A generator at work."""

    def __init__(self, plan: Plan, process: subprocess.Popen[bytes]) -> None:
        """Made by `start`."""
        self._plan = plan
        self._process = process

    def finish(self) -> Load:
        """Wait for the end and return what was seen; raises BenchmarkError."""
        allowed = self._plan.seconds + self._plan.timeout_seconds + _GRACE_SECONDS
        try:
            out, err = self._process.communicate(timeout=allowed)
        except subprocess.TimeoutExpired:
            self.cancel()
            raise BenchmarkError(
                "the load generator did not end", next_step="Lower the rate"
            ) from None
        if self._process.returncode != 0:
            raise BenchmarkError(
                f"the load generator failed: {err.decode(errors='replace')[-1000:]}",
                next_step="Check that the server is up",
            )
        numbers = array.array("d")
        numbers.frombytes(out)
        return Load(
            due=tuple(numbers[1::2]),
            latencies_ms=tuple(value * 1000 for value in numbers[2::2]),
            late_ms=numbers[0] * 1000,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """After an error nobody waits for the load."""
        if kind is not None:
            self.cancel()

    def cancel(self) -> None:
        """Stop it."""
        self._process.kill()
        self._process.communicate()


def start(plan: Plan) -> Run:
    """Start the generator; return once its connections are open and the first request is due."""
    process = start_program(
        program("benchmarks.openloop_process"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    run = Run(plan, process)
    if process.stdin is None or process.stdout is None:
        raise BenchmarkError("the load generator has no pipes", next_step="Report this as a bug")
    process.stdin.write(plan.encode() + b"\n")
    process.stdin.flush()
    if process.stdout.read(1) != b"+":  # it is connected
        _, said = process.communicate()
        raise BenchmarkError(
            f"the load generator could not start: {said.decode(errors='replace')[-1000:]}",
            next_step="Check that the server is up",
        )
    return run
