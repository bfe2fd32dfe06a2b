"""``opsteps maintain``: keep a registry's Git small and quick."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import typer

from registry.commands.options import JsonOption, RegistryOption
from registry.maintenance.maintenance import maintain as do_maintain
from registry.snapshots.recognition import refuse_no_registry
from registry.snapshots.registry import Registry
from registry.transactions.transaction import reconcile

_HERE = Path()


def maintain(registry: RegistryOption = _HERE, as_json: JsonOption = False) -> None:
    """Fold packs, pack refs, write the commit graph, and remove what killed processes left.

    Beside a running server, too, which does the same by itself. Nothing that is named is removed.
    """
    with Registry.open(registry, check_clone=False) as opened:
        refuse_no_registry(opened, opened.head())
        reconcile(opened)
        done = do_maintain(opened, told=_tell)
    if as_json:
        typer.echo(json.dumps(asdict(done)))
        return
    typer.echo(f"Packs: {done.packs_before:,}, now {done.packs:,}")
    typer.echo(f"Loose objects: {done.loose_before:,}, now {done.loose:,}")
    typer.echo(f"Loose refs: {done.refs_before:,}, now {done.refs:,}")
    typer.echo(f"Files of killed processes removed: {done.litter:,}")


def _tell(stage: str) -> None:
    """On a terminal only: a first run in a large registry takes minutes."""
    if sys.stderr.isatty():
        typer.echo(f"Looking after {stage} …", err=True)
