"""The demo: a registry made from the examples, its catalogue and a server over both."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from rich.console import Console

from registry.files.shipped import ROOT, shipped
from registry.names import CORE, LibraryName
from registry.processes.lifeline import lifeline
from registry.processes.program import program, start_program
from registry.publishing.add import add_release
from registry.publishing.create_registry import init_registry
from registry.publishing.release import release
from registry.snapshots.cache_place import cache_directory
from registry.snapshots.registry import Registry
from registry.sources.release_source import read_source
from registry.transactions.transaction import Actor, follow_head
from registry.versions import Version, parse_version
from registry.words.counting import counted
from server.asgi.addresses import web_address
from server.errors import CheckError, ListenError
from server.observing.log_setup import configure_logging
from server.running import free_port, serve_registry
from server.settings import Settings
from server.site.background_build import build_command

# Only a checkout has it.
_CHECKOUT = ROOT / "Makefile"
_OTHER_PORTS = (*range(3411, 3420), 0)
_ACTOR = "demo"
_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.05
_OK = 200


def example_releases() -> list[tuple[LibraryName, Version, Path]]:
    """Every example release: names sorted, each name's versions in order."""
    found = [
        (LibraryName(release.parent.name), parse_version(release.name), release)
        for release in (shipped("examples/registry") / "libraries").glob("*/*")
        if (release / "manifest.json").is_file()
    ]
    return sorted(found)


def make_demo_registry(path: Path) -> tuple[Registry, int]:
    """The demo registry at ``path`` and how many releases were missing from it until now."""
    if (path / ".git").exists():
        registry = Registry.open(path)
    else:
        registry = init_registry(path, name="demo", title="Demo registry", by=Actor(name=_ACTOR))
    snapshot = registry.snapshot()
    released = {
        (library.name, record.version)
        for library in snapshot.libraries()
        for record in library.releases
        if record.is_served and library.name != CORE
    }
    made = 0
    for name, version, source in example_releases():
        if (name, version) not in released:
            add_release(registry, read_source(source), by=Actor(name=_ACTOR))
            release(registry, name, version, by=Actor(name=_ACTOR))
            made += 1
    follow_head(registry)
    return registry, made


def run_demo(directory: Path, settings: Settings, *, check: bool) -> None:
    """Make what is missing, serve it, and print where; with ``check``, ask and end.

    Raises CheckError if an answer is wrong or a build fails, and ListenError, before any work,
    if the port is taken.
    """
    port = settings.port if check else _free_port(settings)
    # A path is copied from the terminal: no line is broken in it.
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    path = directory / "registry"
    with console.status("Making the demo registry …"):
        registry, made = make_demo_registry(path)
    console.print(f"[green]✓[/] registry  {path}  ({counted(made, 'release')} made)")
    with console.status("Building catalogue and search index …"):
        command = build_command(
            path,
            cache_directory(registry),
            settings.instance,
            public=settings.public_url,
            listening=web_address(settings.host, port),
        )
        with lifeline() as end:
            status = start_program(command, end=end).wait()
    registry.close()
    if status != 0:
        raise CheckError("the catalogue was not built", next_step="Read what is said above")
    console.print("[green]✓[/] catalogue and search index")
    if check:
        _check(path, settings, console)
        return
    configure_logging("warning", settings.log_format)
    settings = replace(settings, port=port)
    serve_registry(path, settings, ready=lambda facts, port: _show(console, facts.host, port))


def _free_port(settings: Settings) -> int:
    """Return the demo's port; if it is taken, raises ListenError, which names a free one."""
    try:
        return free_port(settings.host, settings.port)
    except ListenError as error:
        free = next(filter(None, (_if_free(settings.host, port) for port in _OTHER_PORTS)), 0)
        commands = f"OPSTEPS_PORT={free} make demo, or opsteps demo --port {free}"
        raise ListenError(error.message, next_step=f"Take another: {commands}") from error


def _if_free(host: str, port: int) -> int:
    with contextlib.suppress(ListenError):
        return free_port(host, port)
    return 0


def _show(console: Console, host: str, port: int) -> None:
    address = web_address(host, port)
    console.print("[green]✓[/] server\n")
    for title, place in (
        ("Catalogue", "/"),
        ("Steps", "/api/v1/steps"),
        ("One step", "/api/v1/steps/file-operations-basic.file.copy"),
        ("Search", "/api/v1/search?q=copy"),
        ("API", "/openapi.json"),
        ("Health", "/health"),
    ):
        console.print(f"  {title:<10} {address}{place}")
    if _CHECKOUT.is_file():
        console.print("\n  The command is .venv/bin/opsteps here; 'make install' makes it opsteps.")
    console.print("\n  Ctrl+C ends it.")


def _check(path: Path, settings: Settings, console: Console) -> None:
    port = free_port(settings.host, 0)
    with _serving(path, settings, port):
        health = _wait_for(settings.host, port, "/health", lambda body: body["commit"] is not None)
        if health["libraries"] < len({name for name, _, _ in example_releases()}):
            raise CheckError("not every example is served", next_step="Look at /health")
        steps = _get(settings.host, port, "/api/v1/steps")
        first = next(step["id"] for step in steps["steps"] if step["library"] != CORE)
        one = _get(settings.host, port, f"/api/v1/steps/{first}")
        _expect(one["id"] == first, "one step")
        found = _wait_for(settings.host, port, "/api/v1/search?q=copy", lambda body: body["total"])
        _expect(found["total"] > 0, "search")
        status, page = _ask(settings.host, port, "/")
        _expect(status == _OK and b"<html" in page, "the catalogue")
    console.print(f"[green]✓[/] health, {steps['total_count']} steps, search and catalogue answer")


@contextmanager
def _serving(path: Path, settings: Settings, port: int) -> Iterator[None]:
    serve = program("opsteps", "serve", "--registry", str(path))
    options = ["--host", settings.host, "--port", str(port), "--log-level", "warning"]
    process = start_program([*serve, *options], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        code = process.wait(_WAIT_SECONDS)
    _expect(code == 0, "a clean stop")


def _expect(truth: object, what: str) -> None:
    if not truth:
        raise CheckError(f"{what} did not answer as it should", next_step="Run 'opsteps demo'")


def _wait_for(host: str, port: int, path: str, good: Any) -> dict[str, Any]:
    """Ask until the answer is good; raises CheckError when that takes too long."""
    until = monotonic() + _WAIT_SECONDS
    while monotonic() < until:
        try:
            status, body = _ask(host, port, path)
        except (OSError, HTTPException):
            status, body = 0, b""
        if status == _OK and good(answer := json.loads(body)):
            return dict(answer)
        sleep(_POLL_SECONDS)
    raise CheckError(
        f"{path} did not answer in {_WAIT_SECONDS:g} s", next_step="Run 'opsteps demo'"
    )


def _get(host: str, port: int, path: str) -> dict[str, Any]:
    status, body = _ask(host, port, path)
    _expect(status == _OK, path)
    return dict(json.loads(body))


def _ask(host: str, port: int, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection(host, port, timeout=_WAIT_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
