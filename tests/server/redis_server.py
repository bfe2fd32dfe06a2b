"""A real Redis on a free port of the loopback."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from redis import Redis
from redis.exceptions import RedisError

from scripts.system_packages import find_program
from tests.server.leaks import secret
from tests.server.real_server import until

_LOOPBACK = "127.0.0.1"
_PASSWORD = secret("a-password-of-this-redis")


@dataclass(kw_only=True, slots=True)
class RedisServer:
    """``start`` and ``stop`` may follow each other."""

    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"redis://:{_PASSWORD}@{_LOOPBACK}:{self.port}/0"

    @property
    def process_id(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        program = find_program("redis")
        assert program is not None
        self._process = subprocess.Popen(
            [program, "--port", str(self.port), "--bind", _LOOPBACK, "--save", "",
             "--appendonly", "no", "--requirepass", _PASSWORD],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        until(self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def _answers(self) -> bool:
        try:
            with Redis.from_url(self.url) as client:
                return bool(client.ping())
        except RedisError:
            return False


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port = probe.getsockname()[1]
    server = RedisServer(port=port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
