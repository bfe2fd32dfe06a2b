"""A real PostgreSQL on a free port of the loopback, in a directory of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from scripts.system_packages import find_program
from tests.server.leaks import secret
from tests.server.real_server import until

_PASSWORD = secret("a-password-of-this-test")
_LOOPBACK = "127.0.0.1"


@dataclass(kw_only=True, slots=True)
class PostgresServer:
    """``start`` and ``stop`` may follow each other; what is stored stays."""

    programs: Path
    directory: Path
    port: int
    user: str | None
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _made: int = 0

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://opsteps:{_PASSWORD}@{_LOOPBACK}:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of an empty one."""
        self._made += 1
        name = f"test_{self._made}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self.programs / "postgres", "-D", self.directory / "data", "-p", str(self.port),
             "-k", self.directory, "-c", f"listen_addresses={_LOOPBACK}", "-c", "fsync=off"],
            user=self.user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until(self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(3)  # at once, with all connections
            self._process.wait(30)
            self._process = None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Meanwhile it hangs: it holds its connections and says nothing."""
        assert self._process is not None
        first = self._process.pid
        children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii")
        processes = [first, *map(int, children.split())]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=1).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A new one. It refuses to run as root: then it runs as nobody."""
    found = find_program("postgres")
    assert found is not None
    user = "nobody" if os.geteuid() == 0 else None
    directory = Path(tempfile.mkdtemp(prefix="opsteps-postgres-"))
    password = directory / "password"
    password.write_text(_PASSWORD)
    if user is not None:
        person = pwd.getpwnam(user)
        for path in (directory, password):
            os.chown(path, person.pw_uid, person.pw_gid)
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port = probe.getsockname()[1]
    programs = Path(found).resolve().parent
    subprocess.run(
        [programs / "initdb", "-D", directory / "data", "-U", "opsteps", "-A", "scram-sha-256",
         "--pwfile", password, "-E", "UTF8", "--locale=C", "--no-sync"],
        user=user, check=True, stdout=subprocess.DEVNULL, cwd=directory,
    )  # fmt: skip
    server = PostgresServer(programs=programs, directory=directory, port=port, user=user)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)
