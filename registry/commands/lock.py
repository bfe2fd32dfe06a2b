"""``opsteps lock``: write down what is installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from registry.commands.options import (
    JsonOption,
    NamedRegistryOption,
    RegistryArgument,
    whole_registry,
)
from registry.commands.upstream_options import InstanceOption
from registry.files.durable import write_durably
from registry.installing.installer import Installer
from registry.problems import printable
from registry.snapshots.instance_names import require_instance
from registry.snapshots.recognition import refuse_no_registry
from registry.snapshots.registry import Registry
from registry.upstreams.lock import lock_of
from registry.upstreams.lock_file import dump_lock
from registry.words.counting import counted

_MODE = 0o644


def lock(
    place: RegistryArgument = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write; - is standard output.")
    ] = Path("opsteps.lock"),
    registry: NamedRegistryOption = None,
    instance: InstanceOption = "production",
    as_json: JsonOption = False,
) -> None:
    """Write down what is installed, with digests and upstreams, to repeat it elsewhere.

    'opsteps install --lock FILE' installs exactly that.
    """
    with Registry.open(whole_registry(place, registry), instance=instance) as opened:
        refuse_no_registry(opened, opened.head())
        require_instance(opened)
        locked = lock_of(Installer(opened))
    content = dump_lock(locked)
    if str(output) == "-":
        sys.stdout.write(content.decode())
        return
    write_durably(output, content, mode=_MODE)
    count = len(locked.libraries)
    if as_json:
        typer.echo(json.dumps({"file": str(output), "libraries": count}))
        return
    typer.echo(f"Locked {counted(count, 'library')} in {printable(str(output))}")
