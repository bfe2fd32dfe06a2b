"""``opsteps toggle`` and ``uninstall``: what the server does, without a server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from registry.commands.options import (
    ActorOption,
    JsonOption,
    KeyOption,
    NewInstanceOption,
    RegistryOption,
    RemoteOption,
    RequestOption,
)
from registry.commands.writing import writing
from registry.installing.installer import Installer, InstallResult
from registry.installing.library_change import LibraryTransition
from registry.locating.hints import command_line
from registry.names import LibraryName, parse_library_name
from registry.versions import Version, parse_version

InstanceOption = Annotated[str, typer.Option(help="The instance whose libraries change.")]
CascadeOption = Annotated[
    bool, typer.Option("--cascade", help="Also what needs it, or what it needs.")
]
_HERE = Path()


class OnOff(StrEnum):
    """The state that a library is turned to."""

    ON = "on"
    OFF = "off"


def toggle(
    name: Annotated[str, typer.Argument(help="The library.")],
    to: Annotated[
        OnOff | None, typer.Argument(metavar="on|off", help="As --on or --off.", show_default=False)
    ] = None,
    on: Annotated[bool | None, typer.Option("--on/--off", help="Serve its steps, or not.")] = None,
    registry: RegistryOption = _HERE,
    instance: InstanceOption = "production",
    new_instance: NewInstanceOption = False,
    cascade: CascadeOption = False,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a library on or off; what others need stays on without --cascade."""
    enabled = _wanted(name, to, on=on)
    library = parse_library_name(name)
    with writing(
        registry, actor, request, key, remote, instance=instance, new_instance=new_instance
    ) as (opened, by):
        done = Installer(opened).set_enabled(library, enabled=enabled, cascade=cascade, by=by)
    _tell(done, library, "enabled" if enabled else "disabled", as_json=as_json)


def _wanted(name: str, to: OnOff | None, *, on: bool | None) -> bool:
    """True if the library is turned on; raises BadParameter when that is not said exactly once."""
    if (to is None) == (on is None):
        on_, off = (command_line("toggle", name, f"--{word}") for word in OnOff)
        raise typer.BadParameter(f"say on or off, once: {on_}, or {off}")
    return bool(on) if to is None else to is OnOff.ON


def uninstall(
    name: Annotated[str, typer.Argument(help="The library.")],
    versions: Annotated[
        list[str] | None, typer.Argument(help="Only these versions; all when left out.")
    ] = None,
    registry: RegistryOption = _HERE,
    instance: InstanceOption = "production",
    new_instance: NewInstanceOption = False,
    cascade: CascadeOption = False,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Uninstall a library, or remove versions of it; its name, ledger and tags stay.

    A version that is removed is written down in library.yaml; the same release can come back,
    another one under its number never. One that went before that was done can be named again.
    """
    library = parse_library_name(name)
    numbers = [parse_version(text) for text in versions or ()]
    with writing(
        registry, actor, request, key, remote, instance=instance, new_instance=new_instance
    ) as (opened, by):
        done = Installer(opened).uninstall(library, numbers, cascade=cascade, by=by)
    if numbers and not as_json:
        _tell_removed(done, library, numbers)
    else:
        _tell(done, library, "uninstalled", as_json=as_json)


def _tell_removed(done: InstallResult, name: LibraryName, versions: Sequence[Version]) -> None:
    """Print the removed versions, and the answer that callers get now."""
    step = done.step(name)
    there = [version for version in versions if version in step.before.trees]
    noted = [version for version in versions if version not in step.before.trees]
    if there:
        typer.echo(f"{name} {_listed(there)} removed; {_now_active(step)}")
    if noted:
        gone = ", ".join(map(str, noted))
        typer.echo(f"{name} {gone}: removed before; library.yaml says so from now on")
    if step.before.instance.pin in there:
        typer.echo(f"  its pin to {step.before.instance.pin} is gone with it")
    _tell_others(done, name)


def _listed(versions: Sequence[Version]) -> str:
    is_one = len(versions) == 1
    return f"{', '.join(map(str, versions))} {'is' if is_one else 'are'}"


def _now_active(step: LibraryTransition) -> str:
    if step.after.facts.state == "uninstalled":
        return "nothing of it is left, so the library is uninstalled"
    active = step.after.active
    if active is None:
        return "nothing is active any more"
    return f"{active} is active{'' if step.after.is_enabled else ', and the library disabled'}"


def _tell(done: InstallResult, name: LibraryName, what: str, *, as_json: bool) -> None:
    if as_json:
        _print_json(done, libraries=[step.change.name for step in done.steps])
        return
    typer.echo(f"{name} is {what}" if done.changed else f"{name} was {what} already")
    _tell_others(done, name)


def _tell_others(done: InstallResult, name: LibraryName) -> None:
    for step in done.steps:
        if step.change.name != name and step.writes:
            word = "disabled"
            if step.after.is_enabled:
                word = "enabled" if step.after.active is not None else "uninstalled"
            typer.echo(f"  {step.change.name} is {word} with it")


def _print_json(done: InstallResult, **more: Any) -> None:
    typer.echo(json.dumps({"commit": done.commit, "changed": done.changed, **more}))
