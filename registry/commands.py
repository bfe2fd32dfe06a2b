"""The registry's commands: ``opsteps init``, ``add`` and ``release``."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Annotated

import typer

from registry.creating import init_registry
from registry.names import parse_library_name
from registry.problems import InvalidLibraryError
from registry.service import add_release, let_worktree_follow
from registry.service import release as release_candidate
from registry.snapshot import Registry
from registry.sources import read_source
from registry.versions import parse_version

RegistryOption = Annotated[
    Path, typer.Option("--registry", "-r", help="The registry's directory.", show_default=True)
]
ActorOption = Annotated[
    str | None, typer.Option(help="Who does this; your user name when left out.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_HERE = Path()


def actor_or_user(actor: str | None) -> str:
    """Who an operation is recorded for."""
    try:
        return actor or getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def init(
    directory: Annotated[Path, typer.Argument(help="Where the registry will be.")],
    name: Annotated[
        str, typer.Option(help="A short name: lower-case letters, digits, hyphens.")
    ] = "steps",
    title: Annotated[str, typer.Option(help="The name that people read.")] = "Step libraries",
    url: Annotated[
        str, typer.Option(help="Where the catalogue is published.")
    ] = "http://127.0.0.1:3011",
    actor: ActorOption = None,
) -> None:
    """Make a new registry: a Git repository with a first commit."""
    registry = init_registry(directory, name=name, title=title, url=url, actor=actor_or_user(actor))
    registry.close()
    typer.echo(f"Made the registry {name!r} in {directory}")
    typer.echo(f"  Next: opsteps add LIBRARY --registry {directory}")


def add(
    source: Annotated[Path, typer.Argument(help="A library's directory or ZIP.")],
    registry: RegistryOption = _HERE,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a library into a registry, as a candidate: checked, not yet served."""
    opened = Registry.open(registry)
    before = opened.head()
    try:
        added = add_release(opened, read_source(source), actor=actor_or_user(actor))
    except InvalidLibraryError as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        raise
    _report_kept(let_worktree_follow(opened, before, added.commit))
    opened.close()
    for problem in added.problems:
        typer.echo(str(problem), err=True)
    if as_json:
        answer = {"name": added.name, "version": str(added.version), "commit": added.commit}
        typer.echo(json.dumps({**answer, "changed": added.changed}))
        return
    typer.echo(f"{'Added' if added.changed else 'Already there:'} {added.name} {added.version}")
    typer.echo(f"  Next: opsteps release {added.name} --registry {registry}")


def release(
    name: Annotated[str, typer.Argument(help="The library.")],
    version: Annotated[
        str | None, typer.Argument(help="The version; the greatest candidate when left out.")
    ] = None,
    registry: RegistryOption = _HERE,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a candidate: enter its digest into the ledger, and tag it. It is served from then."""
    opened = Registry.open(registry)
    before = opened.head()
    released = release_candidate(
        opened,
        parse_library_name(name),
        parse_version(version) if version else None,
        actor=actor_or_user(actor),
    )
    _report_kept(let_worktree_follow(opened, before, released.commit))
    opened.close()
    if as_json:
        answer = {"name": released.name, "version": str(released.version), "tag": released.tag}
        typer.echo(json.dumps({**answer, "digest": released.digest, "commit": released.commit}))
        return
    typer.echo(f"Released {released.name} {released.version}")
    typer.echo(f"  tag    {released.tag}")
    typer.echo(f"  digest sha256:{released.digest}")


def _report_kept(paths: tuple[str, ...]) -> None:
    for path in paths:
        typer.echo(f"{path}: left as it is in the working tree, because it was edited", err=True)
