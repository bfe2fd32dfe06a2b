"""``opsteps attest``."""

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
from registry.verifying.attestation import attest as attest_commits

_HERE = Path()


def attest(
    commits: Annotated[list[str], typer.Argument(help="The ids of commits that `verify` found.")],
    registry: RegistryOption = _HERE,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Attest commits that were meant and that no instance key had signed.

    Look at each with 'git show' first: your key then vouches for what it did. It is a commit that
    changes no file, and heals every clone. Ends with 4 for a commit that is not there, 5 for a key
    that registry.yaml does not list or a commit that is not merged yet, 8 for a bad key.
    """
    with writing(registry, actor, request, key, remote, follow=let_follow) as (opened, by):
        wanted = [opened.repository.resolve_commit(commit) for commit in commits]
        done = attest_commits(opened, wanted, by=by)
    if as_json:
        typer.echo(json.dumps({"attested": wanted, "commit": done}))
        return
    for commit in wanted:
        typer.echo(f"Attested {commit}")
