"""``opsteps add``: a candidate that the registry's rules would let be released."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from builder.releasing import add_candidate
from registry.commands.options import (
    ActorOption,
    JsonOption,
    KeyOption,
    RegistryOption,
    RemoteOption,
    RequestOption,
    tell,
)
from registry.commands.writing import let_follow, writing
from registry.locating.hints import command_line
from registry.problems import InvalidLibraryError, printable
from registry.publishing.add import Added
from registry.remotes.release_branch import BranchStanding, standing
from registry.sources.release_source import read_source

_HERE = Path()


def add(
    source: Annotated[Path, typer.Argument(help="A library's directory or ZIP.")],
    registry: RegistryOption = _HERE,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a library into a registry, as a candidate: checked, not yet served.

    A version below what its changes demand is refused, as 'opsteps release' would refuse it.
    """
    with writing(registry, actor, request, key, remote, follow=let_follow) as (opened, by):
        try:
            added = add_candidate(opened, read_source(source, told=tell), by=by, where=str(source))
        except InvalidLibraryError as error:
            for problem in error.problems:
                typer.echo(str(problem), err=True)
            raise error.listed() from error
        where = standing(opened)
    for problem in added.problems:
        typer.echo(str(problem), err=True)
    if as_json:
        answer = {"name": added.name, "version": str(added.version), "commit": added.commit}
        typer.echo(json.dumps({**answer, "changed": added.changed}))
        return
    for line in _lines(added, where, registry):
        typer.echo(line)


def _lines(added: Added, where: BranchStanding, registry: Path) -> Iterator[str]:
    said = f"{added.name} {added.version}"
    if added.is_released:
        yield f"{'Brought back' if added.changed else 'Already there:'} {said}, which is released"
        return
    yield f"{'Added' if added.changed else 'Already there:'} {said}"
    if not where.is_aside:
        release = command_line("release", added.name, str(added.version), registry=registry)
        yield f"  Next: {release}"
        return
    base = f"{where.remote}/{where.default}" if where.remote else where.default
    validate = command_line("validate", "--base", base, registry=registry)
    yield f"  Next: {validate}"
    yield (
        f"  Then: push the branch {printable(where.branch)} and open a pull request; it is"
        f" released on {printable(where.default)}, after the merge."
    )
