"""wrk: requests a second over connections that each ask as soon as they are answered."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from benchmarks import processes
from benchmarks.errors import BenchmarkError

_RATE = re.compile(r"^Requests/sec:\s+([0-9.]+)", re.MULTILINE)
_FAILED = re.compile(r"^\s+(?:Non-2xx or 3xx responses|Socket errors):.*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class WrkResult:
    """One run: requests a second."""

    rate: float


def parse(output: str) -> WrkResult:
    """Read what wrk prints; raises BenchmarkError when requests failed or nothing was counted."""
    failed = _FAILED.search(output)
    if failed is not None:
        raise BenchmarkError(
            f"wrk counted failures: {failed.group().strip()}",
            next_step="Look at the server's answers, a figure with failures says nothing",
        )
    rate = _RATE.search(output)
    if rate is None:
        raise BenchmarkError(f"wrk printed no rate: {output[-500:]}", next_step="Run it by hand")
    return WrkResult(rate=float(rate.group(1)))


def run(
    port: int,
    path: str,
    *,
    seconds: float,
    connections: int = 16,
    token: str | None = None,
    cores: frozenset[int] | None = None,
) -> WrkResult:
    """Drive one address with one wrk thread, on the given processors, and return its figures."""
    program = processes.program("wrk", "wrk")
    command = [program, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
    if token is not None:
        command += ["-H", f"Authorization: Bearer {token}"]
    command.append(f"http://127.0.0.1:{port}{path}")
    if cores is not None:
        pinned = ",".join(str(core) for core in sorted(cores))
        command = [processes.program("taskset", "util-linux"), "-c", pinned, *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchmarkError(f"wrk failed: {done.stderr[-500:]}", next_step="Run it by hand")
    return parse(done.stdout)
