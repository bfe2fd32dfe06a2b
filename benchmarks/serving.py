"""``opsteps serve`` as a process of its own, over a registry of this run's."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import processes
from benchmarks.commands import OPSTEPS
from benchmarks.errors import BenchmarkError
from server.database.engine import Database, database_url
from server.database.tokens import create_token

_READY_SECONDS = 120.0
_STEADY_WINDOW = 1.0
_STEADY_SHARE = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Steady:
    """Whether a server came to rest in time, and its greatest resident memory until then (MB)."""

    reached: bool
    peak_mb: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A server that answers. ``ready_seconds`` counts from the start of its process."""

    port: int
    pid: int
    token: str | None
    ready_seconds: float

    def get(self, path: str) -> bytes:
        """The body of one answer; raises OSError (urllib.error.HTTPError) for an error."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        if self.token is not None:
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            body: bytes = answer.read()
        return body

    def request(self, path: str) -> bytes:
        """The bytes of a request, for load generators."""
        return processes.get_request(path, token=self.token)

    def wait_until_steady(self, *, seconds: float) -> Steady:
        """Wait until nothing is built in the background and its processes are idle."""
        deadline = time.monotonic() + seconds
        peak = 0.0
        while time.monotonic() < deadline:
            before = processes.processor_seconds(self.pid)
            started = time.monotonic()
            time.sleep(_STEADY_WINDOW)  # the window that is looked at, not a guess
            used = processes.processor_seconds(self.pid) - before
            peak = max(peak, processes.resident_mb(self.pid))
            is_idle = 0 <= used < _STEADY_SHARE * (time.monotonic() - started)
            if is_idle and not self.is_building():
                return Steady(reached=True, peak_mb=peak)
        return Steady(reached=False, peak_mb=peak)

    def is_building(self) -> bool:
        """Whether catalogue and search index are being brought up to date."""
        health = json.loads(self.get("/health"))
        return health.get("catalogue", {}).get("status") in {"waiting", "building"}


@contextlib.contextmanager
def serving(
    registry: Path,
    workdir: Path,
    *,
    probe: str = "/health",
    require_token: bool = False,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Serve a registry with one worker; ready means that ``probe`` is answered with 200."""
    port = processes.free_port()
    environment = {key: value for key, value in os.environ.items() if not _is_foreign(key)}
    environment |= {f"OPSTEPS_{key.upper()}": value for key, value in (settings or {}).items()}
    token = None
    if require_token:
        token, told = _token_settings(workdir)
        environment |= told
    log = workdir / "serve.log"
    command = [str(OPSTEPS), "serve", "--registry", str(registry)]
    command += ["--port", str(port)]
    started = time.monotonic()
    with processes.running(command, log=log, env=environment) as process:
        request = processes.get_request(probe, token=token)
        ready = processes.wait_until_answers(
            process, port, request, seconds=_READY_SECONDS, log=log
        )
        yield Server(port=port, pid=process.pid, token=token, ready_seconds=ready - started)


def _token_settings(workdir: Path) -> tuple[str, dict[str, str]]:
    """A new token, and what tells the server of it."""
    url = f"sqlite:///{workdir / 'rows.db'}"
    with Database(database_url(url, workdir)) as database:
        token = create_token(
            database, secrets.token_hex(8), ["read"], by="benchmark", expires_at=None
        )
    return token, {"OPSTEPS_REQUIRE_READ_TOKEN": "true", "OPSTEPS_DATABASE_URL": url}


def _is_foreign(key: str) -> bool:
    """Settings of somebody else, and what would measure coverage instead of speed."""
    return key.startswith(("OPSTEPS_", "COVERAGE_"))


def refuses_strangers(server: Server, path: str) -> None:
    """Raise BenchmarkError unless a read without the token is refused."""
    connection = processes.get_request(path)
    with contextlib.suppress(OSError):
        if processes.status_of(server.port, connection) == 401:
            return
    raise BenchmarkError(
        "the server answered a read without a token", next_step="Look at require_read_token"
    )
