"""``opsteps validate``: every problem of a library, or of all libraries of a registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from builder.validating import Target, check_target, find_targets
from registry.problems import Problem, Severity, errors_of

_HERE = Path()
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


def validate(
    path: Annotated[
        Path, typer.Argument(help="A library's directory or ZIP, or a registry's directory.")
    ] = _HERE,
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show errors only.")] = False,
) -> None:
    """Check libraries and show every problem with its place. Ends with 1 when there are errors."""
    targets = find_targets(path)
    problems = list(_checked(targets, progress=not as_json))
    errors = errors_of(tuple(problems))
    if as_json:
        typer.echo(json.dumps([asdict(problem) for problem in problems], indent=2))
    else:
        _print(errors if quiet else tuple(problems))
        warnings = len(problems) - len(errors)
        typer.echo(
            f"{len(targets)} checked: {len(errors)} errors, {warnings} warnings",
            err=True,
        )
    if errors:
        raise typer.Exit(1)


def _checked(targets: list[Target], *, progress: bool) -> Iterator[Problem]:
    console = Console(stderr=True)
    with Progress(
        console=console, transient=True, disable=not progress or not console.is_terminal
    ) as bar:
        for target in bar.track(targets, description="Checking"):
            yield from check_target(target)


def _print(problems: tuple[Problem, ...]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for problem in problems:
        text = str(problem)
        if console.is_terminal:
            colour = _COLOURS[problem.severity]
            console.print(f"[{colour}]●[/{colour}] {escape(text)}")
        else:
            typer.echo(text)
