"""``opsteps diff``: what a release changes for its callers, and the version that this demands."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from builder.diff.as_markdown import comparisons_markdown
from builder.diff.as_text import Line, comparison_data, comparison_lines
from builder.diff.survey import Survey, survey
from builder.diff.survey_text import (
    breaks_rows,
    demands_rows,
    summary,
    survey_data,
    survey_markdown,
)
from builder.diff.which_releases import Chooser, ComparedReleases
from registry.commands.options import RegistryOption
from registry.names import CORE, parse_library_name
from registry.snapshots.registry import Registry, Snapshot
from registry.terminal.tables import Column, show_table
from registry.versions import Version, parse_version

_HERE = Path()


def diff(
    library: Annotated[
        str | None,
        typer.Argument(
            help="A library of the registry, or the directory or ZIP of one that is being written;"
            " every candidate when left out."
        ),
    ] = None,
    old: Annotated[
        str | None,
        typer.Argument(help="A version; the greatest stable one below NEW when left out."),
    ] = None,
    new: Annotated[
        str | None,
        typer.Argument(help="A version; the candidate, else the last release, when left out."),
    ] = None,
    registry: RegistryOption = _HERE,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print it as Markdown, for a pull request.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Count what all releases of all libraries broke.")
    ] = False,
) -> None:
    """Show what a release changes for its callers, and the least version that it may have.

    Ends with 1 when the new version is below that. With --all nothing is refused, only counted.
    """
    if as_json and as_markdown:
        raise typer.BadParameter("choose one of --json and --markdown")
    if every and library is not None:
        raise typer.BadParameter("--all is about all libraries: leave LIBRARY out")
    opened = Registry.open(registry)
    try:
        snapshot = opened.snapshot()
        if every:
            found = _survey(opened, snapshot, quiet=as_json or as_markdown)
        else:
            chooser = Chooser(opened, snapshot)
            comparisons = _comparisons(chooser, library, _version(old), _version(new))
    finally:
        opened.close()
    if every:
        _show_survey(found, as_json=as_json, as_markdown=as_markdown)
        return
    _show(comparisons, as_json=as_json, as_markdown=as_markdown)
    if not all(comparison.ok for comparison in comparisons):
        raise typer.Exit(1)


def _version(text: str | None) -> Version | None:
    return None if text is None else parse_version(text)


def _comparisons(
    chooser: Chooser, library: str | None, old: Version | None, new: Version | None
) -> list[ComparedReleases]:
    if library is None:
        return chooser.candidates()
    path = Path(library)
    # Two versions are a registry's: a directory of the same name beside it does not matter then.
    if new is None and (path.is_file() or (path / "manifest.json").is_file() or "/" in library):
        return [chooser.source(path, old)]
    name = CORE if library == CORE else parse_library_name(library)
    return [chooser.named(name, old, new)]


def _survey(registry: Registry, snapshot: Snapshot, *, quiet: bool) -> Survey:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("Comparing", total=len(snapshot.names))
        return survey(registry, snapshot, lambda _: bar.advance(task))


def _show(comparisons: list[ComparedReleases], *, as_json: bool, as_markdown: bool) -> None:
    if as_json:
        data = {"comparisons": [comparison_data(comparison) for comparison in comparisons]}
        typer.echo(json.dumps(data, indent=2))
    elif as_markdown:
        typer.echo(comparisons_markdown(comparisons), nl=False)
    elif not comparisons:
        typer.echo("There is no candidate to compare. Name a library: opsteps diff LIBRARY")
    else:
        for comparison in comparisons:
            _print(comparison_lines(comparison))


def _print(lines: Iterable[Line]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for style, text in lines:
        if console.is_terminal and style:
            console.print(f"[{style}]{escape(text)}[/{style}]")
        else:
            typer.echo(text)


def _show_survey(found: Survey, *, as_json: bool, as_markdown: bool) -> None:
    if as_json:
        typer.echo(json.dumps(survey_data(found), indent=2))
        return
    if as_markdown:
        typer.echo(survey_markdown(found), nl=False)
        return
    typer.echo(summary(found))
    for head, rows in (demands_rows(found), breaks_rows(found)):
        columns = [Column(key=title, whole=True, is_number=bool(n)) for n, title in enumerate(head)]
        typer.echo()
        show_table(columns, [list(map(str, row)) for row in rows])
