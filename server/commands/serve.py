"""The server's commands: ``opsteps serve`` and ``opsteps demo``."""

from __future__ import annotations

import signal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from registry.commands.options import NamedRegistryOption, RegistryArgument, whole_registry
from registry.problems import printable
from server.access.token_marker import GONE, MENDS
from server.asgi.addresses import listening_address
from server.observing.log_setup import configure_logging
from server.processes.launch import ServerFacts
from server.running import serve_registry
from server.settings import Settings
from server.settings_reading import mistyped, settings_from

_DEMO = Path(".demo")


class LogFormat(StrEnum):
    """The format of logged events."""

    TEXT = "text"
    JSON = "json"


def serve(
    place: RegistryArgument = None,
    registry: NamedRegistryOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one. [3011]")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that answer lookups. [1]")
    ] = None,
    instance: Annotated[str | None, typer.Option(help="The instance. [production]")] = None,
    new_instance: Annotated[
        bool | None,
        typer.Option(
            "--new-instance", help="The instance is a new one: nothing is switched off in it yet."
        ),
    ] = None,
    site: Annotated[
        Path | None, typer.Option(help="Serve this built catalogue, and build none.")
    ] = None,
    catalogue: Annotated[
        bool, typer.Option(help="Keep catalogue and search index up to date in the background.")
    ] = True,
    remote: Annotated[
        str | None, typer.Option(help="A Git remote to follow; changes move there first.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="Least important events logged: debug, info, warning, error.")
    ] = None,
    log_format: Annotated[
        LogFormat | None,
        typer.Option(help="The format of the log; when left out text on a terminal, else JSON."),
    ] = None,
) -> None:
    """Serve a registry over HTTP, and follow its head.

    Every setting can also be given by the environment: see docs/operators.md.
    """
    path = whole_registry(place, registry)
    settings = _read_settings(
        host=host,
        port=port,
        workers=workers,
        instance=instance,
        new_instance=new_instance,
        remote=remote,
        log_level=log_level,
        log_format=log_format.value if log_format is not None else None,
    )
    configure_logging(settings.log_level, settings.log_format)

    def ready(facts: ServerFacts, listening: int) -> None:
        address = listening_address(settings.host, listening)
        typer.echo(f"Serving {printable(str(path))} on {address}")
        if facts.tokens_are_gone:
            typer.echo(f"  WARNING: {GONE}: nobody may change anything.", err=True)
            typer.echo(f"  {MENDS}.", err=True)
        elif facts.is_open:
            typer.echo("  No token is configured: only callers on this machine may write.")
        if facts.clone_problem:
            typer.echo(f"  Not to be used as it is: {facts.clone_problem}.", err=True)
            typer.echo(f"  {facts.clone_next_step}", err=True)
        if facts.warning:
            typer.echo(f"  WARNING: {facts.warning}.", err=True)

    serve_registry(path, settings, site=site, builds=catalogue and site is None, ready=ready)


def demo(
    directory: Annotated[Path, typer.Option(help="The directory of the demo registry.")] = _DEMO,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one. [3011]")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Ask the server a few questions, then end.")
    ] = False,
) -> None:
    """Make and serve a registry with examples in it."""
    from server.demo import run_demo

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run_demo(directory, _read_settings(host=host, port=0 if check else port), check=check)


def _read_settings(**given: Any) -> Settings:
    """Settings as `settings_from` has them; a variable that is mistyped is told, not refused."""
    for said in mistyped():
        typer.echo(f"  WARNING: {said}", err=True)
    return settings_from(**given)
