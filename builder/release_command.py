"""``opsteps release``: release candidates that the registry's rules accept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from builder.releasing import releasable, release_candidate
from registry.commands import (
    ActorOption,
    JsonOption,
    KeyOption,
    RegistryOption,
    RemoteOption,
    RequestOption,
    let_follow,
    make_actor,
    read_key,
)
from registry.names import parse_library_name
from registry.releasing import Released
from registry.snapshot import Registry
from registry.versions import parse_version

_HERE = Path()


def release(
    name: Annotated[str | None, typer.Argument(help="The library.")] = None,
    version: Annotated[
        str | None, typer.Argument(help="The version; the greatest candidate when left out.")
    ] = None,
    registry: RegistryOption = _HERE,
    every: Annotated[
        bool, typer.Option("--all", help="Release every candidate of every library.")
    ] = False,
    sign: Annotated[
        Path | None, typer.Option("--sign", help="A publisher's private key: it signs the release.")
    ] = None,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a candidate: enter its digest into the ledger, and tag it. It is served from then.

    A version below what its changes demand is refused; 'opsteps diff' shows why.
    """
    if every == (name is not None):
        raise typer.BadParameter("name a library, or all candidates with --all")
    by, signer = make_actor(actor, request, key), read_key(sign) if sign is not None else None
    done: list[Released] = []
    with Registry.open(registry, remote=remote) as opened:
        try:
            wanted = (
                releasable(opened)
                if name is None
                else [(parse_library_name(name), parse_version(version) if version else None)]
            )
            for library, number in wanted:
                done.append(release_candidate(opened, library, number, by=by, signer=signer))
                if not as_json:
                    _show(done[-1])
        finally:
            let_follow(opened)
    if as_json:
        answers = [_answer(released) for released in done]
        typer.echo(json.dumps({"released": answers} if every else answers[0]))
    elif not done:
        typer.echo("There is no candidate to release.")


def _answer(released: Released) -> dict[str, str | None]:
    return {
        "name": released.name,
        "version": str(released.version),
        "tag": released.tag,
        "digest": released.digest,
        "commit": released.commit,
        "signed_by": released.signed_by,
    }


def _show(released: Released) -> None:
    typer.echo(f"Released {released.name} {released.version}")
    typer.echo(f"  tag    {released.tag}")
    typer.echo(f"  digest sha256:{released.digest}")
    if released.signed_by is not None:
        typer.echo(f"  signed by {released.signed_by}")
