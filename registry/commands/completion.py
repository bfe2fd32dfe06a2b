"""``opsteps completion``: what a shell reads to complete commands."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from registry.completion.bash import bash_script, zsh_script
from registry.completion.fish import fish_script
from registry.completion.model import commands_of
from registry.locating.library_names import library_names


class Printed(StrEnum):
    """The output that is asked for: a script for a shell, or an answer to that script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    LIBRARIES = "libraries"


_WRITERS = {Printed.BASH: bash_script, Printed.ZSH: zsh_script, Printed.FISH: fish_script}


def completion(
    context: typer.Context,
    printed: Annotated[
        Printed,
        typer.Argument(
            metavar="SHELL", help="bash, zsh or fish; 'libraries' lists names, for the scripts."
        ),
    ],
    registry: Annotated[
        Path | None,
        typer.Option(
            "--registry", "-r", help="The registry whose libraries are listed.", show_default=False
        ),
    ] = None,
) -> None:
    """Print what completes commands, options and libraries in your shell.

    Write it to a file that the shell reads when it starts: docs/command-line.md says where.
    """
    if printed is Printed.LIBRARIES:
        names = library_names(registry)
        typer.echo("".join(f"{name}\n" for name in names), nl=False)
        return
    commands = list(commands_of(context.obj()))
    typer.echo(_WRITERS[printed](commands), nl=False)
