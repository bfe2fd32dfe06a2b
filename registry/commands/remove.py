"""``opsteps remove``: take a candidate back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from registry.commands.options import (
    ActorOption,
    JsonOption,
    KeyOption,
    RegistryOption,
    RemoteOption,
    RequestOption,
)
from registry.commands.writing import let_follow, writing
from registry.names import parse_library_name
from registry.publishing.take_back import take_back
from registry.versions import parse_version

_HERE = Path()


def remove(
    name: Annotated[str, typer.Argument(help="The library.")],
    version: Annotated[str, typer.Argument(help="The candidate's version.")],
    registry: RegistryOption = _HERE,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a candidate back, in one commit: it was never released, so nobody misses it.

    A release stays: 'opsteps yank' withdraws it, 'opsteps uninstall' removes its files.
    """
    library, number = parse_library_name(name), parse_version(version)
    with writing(registry, actor, request, key, remote, follow=let_follow) as (opened, by):
        done = take_back(opened, library, number, by=by)
    if as_json:
        answer = {"name": done.name, "version": str(done.version), "commit": done.commit}
        typer.echo(json.dumps({**answer, "name_is_free": done.is_name_free}))
        return
    typer.echo(f"Removed the candidate {done.name} {done.version}")
    if done.is_name_free:
        typer.echo("  nothing else was there: the name is free again")
