"""Processes that a benchmark starts: free ports, waiting for an answer, processors, memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkError

_ATTEMPT_SECONDS = 0.002
_STOP_SECONDS = 10.0


def program(name: str, package: str) -> str:
    """The path of a program; raises BenchmarkError that names its package."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        raise BenchmarkError(f"{name} is not installed", next_step=f"apt install {package}")
    return found


def free_port() -> int:
    """A TCP port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, kw_only=True, slots=True)
class Cores:
    """Which processors the side that serves and the side that asks are bound to."""

    server: frozenset[int]
    client: frozenset[int]


def split_cores() -> Cores:
    """One processor for each side where there are two; else both share what there is."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) == 1:
        return Cores(server=frozenset(available), client=frozenset(available))
    return Cores(server=frozenset(available[:1]), client=frozenset(available[1:2]))


def bind(pid: int, cores: frozenset[int]) -> None:
    """Keep every thread of a process and of its children on these processors."""
    for process in family(pid):
        for thread in _listed(Path(f"/proc/{process}/task")):
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread), cores)


def _listed(directory: Path) -> list[str]:
    try:
        return [entry.name for entry in directory.iterdir()]
    except FileNotFoundError:  # the process ended meanwhile
        return []


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found, waiting = [], [pid]
    while waiting:
        process = waiting.pop()
        found.append(process)
        for thread in _listed(Path(f"/proc/{process}/task")):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                children = Path(f"/proc/{process}/task/{thread}/children").read_text("ascii")
                waiting.extend(int(child) for child in children.split())
    return found


def resident_mb(pid: int) -> float:
    """Resident memory of a process and its children together, in MB (pages shared count twice)."""
    pages = 0
    for process in family(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            pages += int(Path(f"/proc/{process}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def private_mb(pid: int) -> float:
    """Private memory of one process in MB: resident pages that are no file's (``RssAnon``)."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii", errors="replace").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def running_module(pid: int, module: str) -> list[int]:
    """The processes of a family that were started as ``python -m <module>``."""
    found = []
    for process in family(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            command = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
            if module.encode() in command:
                found.append(process)
    return found


def processor_seconds(pid: int) -> float:
    """Processor time that a process and its children have used so far."""
    ticks = 0
    for process in family(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{process}/stat").read_text("ascii").rsplit(") ", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running(
    command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process of its own group; at the end it and its children are stopped."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_answers(
    process: subprocess.Popen[bytes], port: int, request: bytes, *, seconds: float, log: Path
) -> float:
    """Ask until the answer is a 200; return the moment of it (time.monotonic).

    Raises BenchmarkError with the end of the log when the process ends or the time is up.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if status_of(port, request) == 200:
                return time.monotonic()
        if process.poll() is not None:
            break
        time.sleep(_ATTEMPT_SECONDS)  # between two attempts, never instead of one
    tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise BenchmarkError(
        f"the process on port {port} did not answer within {seconds:.0f} s: {tail.strip()}",
        next_step="Start it by hand and look at what it says",
    )


def status_of(port: int, request: bytes) -> int:
    """The status that a request on a connection of its own is answered with; raises OSError."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        words = connection.recv(64).split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def get_request(path: str, *, token: str | None = None) -> bytes:
    """The bytes of a GET request on a connection that is kept open."""
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n"
    if token is not None:
        head += f"Authorization: Bearer {token}\r\n"
    return f"{head}\r\n".encode()
