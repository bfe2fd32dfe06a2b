"""``opsteps build``: the catalogue and the search index of a registry."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from builder.catalogue import BuildReport, build_catalogue
from builder.catalogue.build.workers import Progress as Report
from registry.commands.options import (
    AdministratorsOption,
    NamedRegistryOption,
    RegistryArgument,
    whole_registry,
)
from registry.locating.hints import command_line
from registry.problems import printable
from registry.publishing.registry_template.published_address import is_loopback
from registry.signing.administrators import read_administrators
from registry.snapshots.cache_place import cache_directory
from registry.snapshots.registry import Registry
from registry.words.counting import counted

_TITLES = {"pages": "Rendering libraries", "search": "Indexing for the browser"}
_MOST_JOBS = 64


def build(
    place: RegistryArgument = None,
    registry: NamedRegistryOption = None,
    out: Annotated[
        Path, typer.Option(help="The site to write: a link to a finished build.")
    ] = Path("site"),
    base_url: Annotated[
        str | None,
        typer.Option(help="The site's public address; the registry's own URL when left out."),
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=1, max=_MOST_JOBS, help="Processes that render at once.")
    ] = 2,
    search: Annotated[bool, typer.Option(help="Also build both search indexes.")] = True,
    pictures: Annotated[
        bool, typer.Option(help="Also draw a picture of each library, for previews of links.")
    ] = False,
    administrators: AdministratorsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Build the catalogue of a registry as a site of plain files, and the search index."""
    started = time.perf_counter()
    path = whole_registry(place, registry)
    opened = Registry.open(path)
    try:
        with _shown_progress(quiet=as_json) as report:
            done = build_catalogue(
                opened,
                out,
                base_url=base_url,
                jobs=jobs,
                search=search,
                has_pictures=pictures,
                administrators=read_administrators(administrators),
                progress=report,
            )
        seconds = dict(done.seconds)
        if search:
            from builder.search.index_update import update_index  # Whoosh takes its time to load

            index = update_index(cache_directory(opened) / "search", opened.snapshot())
            seconds["whoosh"] = index.seconds
        warning = _address_warning(base_url or opened.snapshot().facts.url)
    finally:
        opened.close()
    if warning:
        typer.echo(warning, err=True)
    total = round(time.perf_counter() - started, 2)
    if as_json:
        typer.echo(json.dumps({**asdict(done), "seconds": {**seconds, "total": total}}))
    else:
        _say(done, path, out, total)


def _address_warning(url: str) -> str:
    """Say what is wrong with an address for a site of files; empty if others can reach it."""
    if not is_loopback(url):
        return ""
    return (
        f"warning: feeds, badges and commands on these pages name {printable(url)}, which is the"
        " machine of those who read them; set url: in registry.yaml, or give --base-url"
    )


def _say(done: BuildReport, registry: Path, out: Path, total: float) -> None:
    typer.echo(
        f"Built {counted(done.pages, 'page')} in {out} in {total:.1f} s: "
        f"{counted(done.written, 'file')} written, "
        f"{done.unchanged:,} unchanged, {done.removed:,} removed"
    )
    following = command_line("serve", "--site", out, registry=registry)
    typer.echo(f"  Next: {following}")
    typer.echo(f"  or let any web server send what is in {printable(str(out))}")


@contextmanager
def _shown_progress(*, quiet: bool) -> Iterator[Report]:
    """A bar on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    # No thread that refreshes: the build forks.
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        auto_refresh=False,
        disable=quiet or not console.is_terminal,
        transient=True,
    )
    tasks = {
        phase: bar.add_task(title, total=None, visible=False) for phase, title in _TITLES.items()
    }

    def report(phase: str, done: int, total: int) -> None:
        bar.update(tasks[phase], completed=done, total=total, visible=True, refresh=True)

    with bar:
        yield report
