"""Real registries and real server processes on free loopback ports."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any

from registry.git.repository import isolated_environment
from registry.names import LibraryName
from registry.publishing.add import add_release
from registry.publishing.create_registry import init_registry
from registry.publishing.release import release
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from registry.versions import parse_version
from server.database.engine import Database, database_url
from server.database.tokens import create_token, revoke_token
from server.readmodel.writer import ReadModel
from tests.installed import OPSTEPS
from tests.server.leaks import refuse_leaks, rows_of, secret

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(kw_only=True, slots=True)
class Client:
    """Asks one server; a connection for each question, so that headers are exactly those given."""

    port: int
    process: subprocess.Popen[bytes]
    token: str = ""

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Reply:
        given = dict(headers or {})
        if body:
            given["Content-Length"] = str(len(body))
        return self.ask_raw(method, path, given, body)

    def ask_raw(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """As `ask`; how long the body is, or how it comes, is in the headers that are given."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        given = {"Host": f"127.0.0.1:{self.port}", **headers}
        if self.token:
            given.setdefault("Authorization", f"Bearer {self.token}")
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in given.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Reply(status=response.status, headers=fields, body=response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("GET", path, named)

    def health(self) -> Any:
        return self.get("/health").json()

    def until_served(self, commit: str) -> None:
        until(lambda: self.health()["commit"] == commit)


def processes_of(client: Client) -> list[int]:
    """All processes that a server has started, and those that these have."""
    found, waiting = [], [client.process.pid]
    while waiting:
        children = _children(waiting.pop())
        found += children
        waiting += children
    return found


def _children(process: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):  # it has ended meanwhile
            found += [int(child) for child in task.read_text(encoding="ascii").split()]
    return found


def running_module(client: Client, module: str) -> list[int]:
    """Those of a server's own processes that run a module of ours.

    What these start has the same command line for a moment, before it is another program.
    """
    children = _children(client.process.pid)
    return [pid for pid in children if module.encode() in command_of(pid).split(b"\0")]


def command_of(pid: int) -> bytes:
    """A process's command line; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def workers_of(client: Client) -> list[int]:
    """The processes that answer lookups."""
    return running_module(client, "server.worker.program")


def keeper_of(client: Client) -> int:
    """The process that follows the registry and does all that is no lookup."""
    (pid,) = running_module(client, "server.keeper.program")
    return pid


def until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for a condition; what it raises while the server starts counts as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def step(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "display_name": name.replace(".", " ").title(),
        "category": "file",
        "description": f"Does {name}.",
        "icon": "📄",
        "color": "#007bff",
        "inputs": 1,
        "outputs": 1,
        "parameters": {
            "path": {"type": "string", "required": True, "description": "Which one."},
        },
        "platform_support": ["linux", "windows", "macos"],
        "required_permissions": [],
        "examples": [],
        "tags": [],
        **fields,
    }


def release_files(
    name: str, version: str, steps: list[dict[str, Any]] | None = None, **manifest: Any
) -> dict[str, bytes]:
    """A release without executors."""
    steps = [step("file.copy"), step("file.move")] if steps is None else steps
    described = {
        "name": name,
        "version": version,
        "display_name": name.title(),
        "description": f"The library {name}.",
        "author": "Ada",
        "license": "MIT",
        "categories": ["file"],
        "platform_support": ["linux", "windows", "macos"],
        "steps": [{"file": f"steps/{one['name'].replace('.', '_')}.json"} for one in steps],
        **manifest,
    }
    files = {f"steps/{one['name'].replace('.', '_')}.json": as_json(one) for one in steps}
    return {
        "manifest.json": as_json(described),
        "docs/README.md": f"# {name}\n".encode(),
        "docs/CHANGELOG.md": f"# Changelog\n\n## {version}\n\nNew.\n".encode(),
        **files,
    }


def as_json(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode()


@dataclass(kw_only=True, slots=True)
class Place:
    """A registry that a test may change, through the write path or with plain Git."""

    path: Path
    registry: Registry = field(repr=False)

    def publish(
        self, name: str, version: str, steps: list[dict[str, Any]] | None = None, **manifest: Any
    ) -> str:
        add_release(
            self.registry, release_files(name, version, steps, **manifest), by=Actor(name="ada")
        )
        done = release(
            self.registry, LibraryName(name), parse_version(version), by=Actor(name="ada")
        )
        follow_head(self.registry)
        return done.commit

    def git(self, *arguments: str) -> str:
        who = {
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.com",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.com",
        }
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments],
            env=isolated_environment() | who,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit_file(self, path: str, content: str) -> str:
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        self.git("add", path)
        self.git("commit", "--quiet", "--no-verify", "-m", f"Change {path}")
        return self.git("rev-parse", "HEAD")

    def operator_says(self, library: str, text: str) -> str:
        return self.commit_file(f"instances/production/{library}.yaml", text)

    def edit_facts(self, library: str, change: Callable[[str], str]) -> str:
        path = f"libraries/{library}/library.yaml"
        return self.commit_file(path, change((self.path / path).read_text(encoding="utf-8")))


@contextmanager
def making_place(path: Path) -> Iterator[Place]:
    """A new registry, closed at the end."""
    with init_registry(path, name="test", title="Test", by=Actor(name="tester")) as registry:
        yield Place(path=path, registry=registry)


def make_token(path: Path, *scopes: str, name: str = "", seconds: float | None = None) -> str:
    """A token for a server over the registry at this path."""
    expires = datetime.now(UTC) + timedelta(seconds=seconds) if seconds is not None else None
    with Database(database_url("", path / ".git/opsteps")) as database:
        named = name or "-".join(scopes)
        return secret(create_token(database, named, scopes, by="tester", expires_at=expires))


def revoke(path: Path, name: str) -> None:
    with Database(database_url("", path / ".git/opsteps")) as database:
        revoke_token(database, name)


def read_model_in(directory: Path) -> ReadModel:
    """A read model of its own, for parts of a server that a test puts together."""
    made = directory / "readmodel"
    made.mkdir(mode=0o700)
    return ReadModel(made, code="test", instance="production", run="test")


@contextmanager
def serving(
    path: Path,
    *options: str,
    token: str = "",
    is_killed: bool = False,
    before: Sequence[str] = (),
    **settings: object,
) -> Iterator[Client]:
    """A server process, from when it answers lookups until it has stopped cleanly.

    It is the installed command with default settings, but for those that a test is about.
    ``before`` are the words of a program that starts it, such as one that mounts something.
    ``is_killed``: the test kills it, and all that it started; it leads a process group.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("OPSTEPS_") or key == "OPSTEPS_CACHE"
    }
    environment |= {f"OPSTEPS_{name.upper()}": str(value) for name, value in settings.items()}
    command = [*before, str(OPSTEPS), "serve", "--registry", str(path)]
    log = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as the server
    process = subprocess.Popen(
        [*command, "--port", str(port), *options],
        env=environment,
        stdout=log,
        stderr=log,
        start_new_session=is_killed,
    )
    client = Client(port=port, process=process, token=token)

    def answers() -> bool:
        assert process.poll() is None, "the server ended at its start"
        # Workers may answer a moment before the keeper does.
        health = client.health()
        return bool(health["commit"]) and health["read_model"]["status"] != "unattended"

    try:
        until(answers)
        yield client
    finally:
        if is_killed:
            os.killpg(process.pid, signal.SIGKILL)
        process.send_signal(signal.SIGTERM)
        code = process.wait(PATIENCE_SECONDS)
        said = _read_back(log)
    assert code == (-signal.SIGKILL if is_killed else 0)
    url = str(settings.get("database_url", ""))
    refuse_leaks(said + rows_of(url), path / ".git/opsteps", path / "opsteps", path, Path.cwd())


def _read_back(log: IO[bytes]) -> bytes:
    """What a server said; pytest shows it where a test fails."""
    with log:
        log.seek(0)
        said = log.read()
    sys.stderr.write(said.decode(errors="replace"))
    return said
