"""``opsteps toggle`` and ``uninstall``: what the server does, without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from registry.commands import (
    ActorOption,
    JsonOption,
    KeyOption,
    RegistryOption,
    RemoteOption,
    RequestOption,
    let_follow,
    make_actor,
)
from registry.installing.installer import Installer, Outcome
from registry.names import LibraryName, parse_library_name
from registry.snapshot import Registry
from registry.versions import parse_version

InstanceOption = Annotated[str, typer.Option(help="The instance whose libraries change.")]
CascadeOption = Annotated[
    bool, typer.Option("--cascade", help="Also what needs it, or what it needs.")
]
_HERE = Path()


def toggle(
    name: Annotated[str, typer.Argument(help="The library.")],
    on: Annotated[bool, typer.Option("--on/--off", help="Whether its steps are served.")],
    registry: RegistryOption = _HERE,
    instance: InstanceOption = "production",
    cascade: CascadeOption = False,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a library on or off; what others need stays on without --cascade."""
    library, by = parse_library_name(name), make_actor(actor, request, key)
    with Registry.open(registry, instance=instance, remote=remote) as opened:
        done = Installer(opened).set_enabled(library, enabled=on, cascade=cascade, by=by)
        let_follow(opened)
    _tell(done, library, "enabled" if on else "disabled", as_json=as_json)


def uninstall(
    name: Annotated[str, typer.Argument(help="The library.")],
    versions: Annotated[
        list[str] | None, typer.Argument(help="Only these versions; all when left out.")
    ] = None,
    registry: RegistryOption = _HERE,
    instance: InstanceOption = "production",
    cascade: CascadeOption = False,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Uninstall a library, or versions of it; its name, ledger and tags stay."""
    library, by = parse_library_name(name), make_actor(actor, request, key)
    numbers = [parse_version(text) for text in versions or ()]
    with Registry.open(registry, instance=instance, remote=remote) as opened:
        done = Installer(opened).uninstall(library, numbers, cascade=cascade, by=by)
        let_follow(opened)
    _tell(done, library, "uninstalled", as_json=as_json)


def _tell(done: Outcome, name: LibraryName, what: str, *, as_json: bool) -> None:
    if as_json:
        _print_json(done, libraries=[step.change.name for step in done.steps])
        return
    typer.echo(f"{name} is {what}" if done.changed else f"{name} was {what} already")
    for step in done.steps:
        if step.change.name != name and step.writes:
            typer.echo(f"  and so is {step.change.name}")


def _print_json(done: Outcome, **more: Any) -> None:
    typer.echo(json.dumps({"commit": done.commit, "changed": done.changed, **more}))
