"""``opsteps update``: installed libraries go to the last version that fits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

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
from registry.commands.upstream_options import (
    HostOption,
    InstanceOption,
    LicenseKeyOption,
    OfflineOption,
    host_of,
)
from registry.commands.writing import let_follow_here, writing
from registry.installing.head_view import library_trees
from registry.installing.installer import Installer
from registry.terminal.fetch_bar import fetch_bar
from registry.upstreams.apply_plan import apply_plan
from registry.upstreams.fetched import Upstreams
from registry.upstreams.offers import updates
from registry.upstreams.planning import InstallPlan, plan, wish_of

_HERE = Path()


def update(
    libraries: Annotated[
        list[str] | None,
        typer.Argument(help="Names, or names with a range such as 'file-tools<3'; else all."),
    ] = None,
    registry: RegistryOption = _HERE,
    instance: InstanceOption = "production",
    new_instance: NewInstanceOption = False,
    host: HostOption = None,
    offline: OfflineOption = False,
    license_key: LicenseKeyOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be.")] = False,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Update libraries from their upstreams, with what they need; all or none.

    What others need in a version that is there already stays as it is.
    """
    version = host_of(host)
    with writing(
        registry, actor, request, key, remote,
        instance=instance, new_instance=new_instance, follow=None,
    ) as (opened, by):  # fmt: skip
        upstreams = Upstreams(opened)
        if not offline:
            fetch_all(upstreams)
        installer = Installer(opened, host=version)
        here = installer.view()
        names = sorted(library_trees(opened, opened.head())) if not libraries else []
        wishes = [
            wish_of(text) for text in libraries or updates(here, upstreams, names, host=version)
        ]
        found = plan(here, upstreams, wishes, host=version, update=True) if wishes else NOTHING
        commit = opened.head()
        if not dry_run and wishes:
            done = apply_plan(
                installer, upstreams, found, operation="update", by=by, license_key=license_key
            )
            commit = done.commit
            let_follow_here(opened)
        upstreams.close()
    show_plan(found, commit=commit, is_dry=dry_run, as_json=as_json)


NOTHING = InstallPlan(libraries=())


def fetch_all(upstreams: Upstreams) -> None:
    """Fetch every upstream; what cannot be had is told, and matters only to what it owns."""
    if not any(True for _ in upstreams):
        return
    with fetch_bar() as watch:
        failed = upstreams.refresh(watch=watch)
    for alias, error in failed.items():
        typer.echo(f"{alias}: {error}", err=True)


def show_plan(found: InstallPlan, *, commit: str, is_dry: bool, as_json: bool) -> None:
    """Print the installed libraries, or those that would be installed."""
    if as_json:
        rows = [
            {
                "name": one.name,
                "version": str(one.version),
                "was": str(one.was) if one.was is not None else None,
                "upstream": one.upstream,
                "digest": one.digest,
            }
            for one in found.libraries
        ]
        changed = any(one.changes for one in found.libraries)
        typer.echo(json.dumps({"commit": commit, "changed": changed, "libraries": rows}))
        return
    shown = [one for one in found.libraries if one.changes or one.is_wished]
    for one in shown:
        place = f" from {one.upstream}" if one.upstream is not None and not one.is_here else ""
        if not one.changes:
            typer.echo(f"Already there: {one.name} {one.version}")
        elif one.was is None:
            typer.echo(
                f"{'Would install' if is_dry else 'Installed'} {one.name} {one.version}{place}"
            )
        else:
            word = "Would update" if is_dry else "Updated"
            typer.echo(f"{word} {one.name} {one.was} → {one.version}{place}")
    if not shown:
        typer.echo("Everything is up to date")
