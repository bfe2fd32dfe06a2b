"""``opsteps search`` and ``opsteps show``: find libraries and steps, and look at one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import msgspec
import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from builder.search_index import SearchIndex, update_index
from builder.search_query import Hit, SearchQuery, SearchResults, SearchUnavailableError
from builder.search_state import discard_index
from registry.cache_place import cache_directory
from registry.commands import JsonOption, RegistryOption
from registry.errors import NotFoundError
from registry.library import Library, LibraryStatus
from registry.model import Parameter, ReleaseContent, Step
from registry.names import CORE, LibraryName, parse_library_name
from registry.snapshot import Registry, Snapshot
from registry.versions import Version, parse_version
from registry.wire import library_detail_bytes, step_bytes

_HERE = Path()
_KINDS = ("library", "step")
# Reasons that are shown of a library with many.
_REASONS = 5


def index_directory(registry: Registry) -> Path:
    """Where the search index of a registry on this machine is."""
    return cache_directory(registry) / "search"


def search(
    text: Annotated[str, typer.Argument(help="What to look for; nothing lists everything.")] = "",
    registry: RegistryOption = _HERE,
    kind: Annotated[str | None, typer.Option(help="library or step.")] = None,
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    platform: Annotated[str | None, typer.Option(help="windows, linux or macos.")] = None,
    premium: Annotated[
        bool | None, typer.Option("--premium/--free", help="Only premium or only free ones.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many to show.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Find libraries and steps. Every word is wanted, "words in quotes" in that order, -word not.

    The index is brought up to date first. Ends with 4 when nothing was found.
    """
    if kind is not None and kind not in _KINDS:
        raise typer.BadParameter("it is 'library' or 'step'", param_hint="--kind")
    query = SearchQuery(
        text=text, kind=kind, category=category, platform=platform, premium=premium, limit=limit
    )
    opened = Registry.open(registry)
    try:
        results = search_registry(opened, query)
    finally:
        opened.close()
    if as_json:
        typer.echo(json.dumps(asdict(results), indent=2, ensure_ascii=False))
    else:
        _print_results(results)
    if not results.total:
        raise typer.Exit(NotFoundError.exit_code)


def search_registry(registry: Registry, query: SearchQuery) -> SearchResults:
    """Bring a registry's index up to date and ask it; one that is damaged is made anew, once.

    Raises SearchUnavailableError.
    """
    directory = index_directory(registry)
    snapshot = registry.snapshot()
    update_index(directory, snapshot)
    try:
        return _ask(directory, query)
    except SearchUnavailableError:
        discard_index(directory)
        update_index(directory, snapshot)
        return _ask(directory, query)


def _ask(directory: Path, query: SearchQuery) -> SearchResults:
    index = SearchIndex.open(directory)
    try:
        return index.search(query)
    finally:
        index.close()


def _print_results(results: SearchResults) -> None:
    console = Console()
    if results.did_you_mean:
        typer.echo(f"Did you mean: {results.did_you_mean}", err=True)
    if not results.total:
        typer.echo("Nothing was found", err=True)
        return
    if console.is_terminal:
        console.print(_table(results))
    else:
        for hit in results.hits:
            typer.echo("\t".join(_one_line(text) for text in _columns(hit)))
    if results.total > len(results.hits):
        typer.echo(f"{len(results.hits)} of {results.total}", err=True)


def _columns(hit: Hit) -> tuple[str, ...]:
    return hit.kind, f"{hit.id}@{hit.version}", hit.title, hit.category, hit.summary


def _one_line(text: str) -> str:
    """Strangers' text may not move a terminal's cursor."""
    return "".join(c if c.isprintable() else " " for c in text)


def _table(results: SearchResults) -> Table:
    table = Table(box=None, pad_edge=False)
    for header in ("", "id", "title", "category", "about"):
        table.add_column(header, overflow="ellipsis", no_wrap=True)
    for hit in results.hits:
        kind, name, title, category, summary = (escape(_one_line(c)) for c in _columns(hit))
        premium = " [yellow]premium[/yellow]" if hit.premium else ""
        table.add_row(
            f"[dim]{kind}[/dim]", f"[bold]{name}[/bold]{premium}", title, category, summary
        )
    return table


def show(
    what: Annotated[
        str, typer.Argument(help="A library or a step's id, with @VERSION for a certain release.")
    ],
    registry: RegistryOption = _HERE,
    as_json: JsonOption = False,
) -> None:
    """Show a library or a step: what it is for, its parameters, its releases."""
    opened = Registry.open(registry)
    try:
        snapshot = opened.snapshot()
        library, content, version, step = _find(snapshot, what)
    finally:
        opened.close()
    if as_json:
        raw = _json(library, content, version, step)
        typer.echo(orjson.dumps(orjson.loads(raw), option=orjson.OPT_INDENT_2).decode())
        return
    lines = (
        _library_lines(library, content, version)
        if step is None
        else _step_lines(library.name, version, step)
    )
    for line in lines:
        typer.echo("\n".join(map(_one_line, line.split("\n"))))


def _find(snapshot: Snapshot, what: str) -> tuple[Library, ReleaseContent, Version, Step | None]:
    """The library, release and step that a text such as ``a.b@1.0.0`` names."""
    name, _, wanted = what.partition("@")
    library_name, _, step_name = name.partition(".")
    parsed = CORE if library_name == CORE else parse_library_name(library_name)
    library = snapshot.library(LibraryName(parsed))
    if wanted:
        version = parse_version(wanted)
        content = snapshot.content(library.name, version)
    elif library.active is None or library.content is None:
        raise _nothing_served(library)
    else:
        version, content = library.active.version, library.content
    step = next((step for step in content.steps if step.name == step_name), None)
    if step_name and step is None:
        names = ", ".join(step.name for step in content.steps[:20])
        raise NotFoundError(
            f"{library.name} {version} has no step {step_name!r}", next_step=f"It has: {names}"
        )
    return library, content, version, step


def _nothing_served(library: Library) -> NotFoundError:
    """Why a library cannot be shown: what is wrong with it, else that nothing is released yet."""
    reasons = "; ".join(_reasons(library)[:_REASONS])
    if reasons:
        return NotFoundError(
            _one_line(f"{library.name} has no release that is served: {reasons}"),
            next_step="Find out what happened with 'opsteps verify'",
        )
    next_step = f"Release a candidate with 'opsteps release {library.name}'"
    if library.is_uninstalled:
        next_step = f"It is uninstalled; 'opsteps log {library.name}' says by whom"
    return NotFoundError(f"{library.name} has no release that is served", next_step=next_step)


def _reasons(library: Library) -> list[str]:
    """What is wrong with a library, a line each."""
    return [*map(str, library.problems), *library.alarms]


def _json(library: Library, content: ReleaseContent, version: Version, step: Step | None) -> bytes:
    """The same bytes as the server's answer; a library's active release, a step's named one."""
    steps = {
        each.name: step_bytes(
            library.name, str(version), each, has_executor=entry.executor is not None
        )
        for each, entry in zip(content.steps, content.manifest.steps, strict=True)
    }
    if step is not None:
        return steps[step.name]
    return library_detail_bytes(library, list(steps.values()))


def _library_lines(library: Library, content: ReleaseContent, version: Version) -> Iterator[str]:
    manifest = content.manifest
    yield f"{library.name} {version}: {manifest.display_name}"
    yield ""
    yield manifest.description
    yield ""
    yield f"  status    {library.status}{', premium' if manifest.is_premium else ''}"
    for reason in _reasons(library)[:_REASONS] if library.status == LibraryStatus.ERROR else ():
        yield f"    {reason}"
    yield f"  author    {manifest.author}"
    yield f"  license   {manifest.license}"
    yield f"  runs on   {', '.join(manifest.platform_support)}"
    releases = [str(record.version) for record in library.releases if record.is_served]
    yield f"  releases  {', '.join(releases[:10])}{', …' if len(releases) > 10 else ''}"  # noqa: PLR2004 - a line full
    if library.facts.deprecated is not None:
        yield f"  deprecated: {library.facts.deprecated.reason}"
    yield ""
    width = max((len(step.name) for step in content.steps), default=0)
    for step in content.steps:
        yield f"  {step.name:<{width}}  {step.display_name}"


def _step_lines(library: LibraryName, version: Version, step: Step) -> Iterator[str]:
    yield f"{library}.{step.name}@{version}: {step.display_name}"
    yield ""
    yield step.description
    yield ""
    yield f"  category  {step.category}"
    yield f"  runs on   {', '.join(step.platform_support)}"
    if step.required_permissions:
        yield f"  needs     {', '.join(step.required_permissions)}"
    for name, parameter in step.parameters.items():
        yield from _parameter_lines(name, parameter)


def _parameter_lines(name: str, parameter: Parameter) -> Iterator[str]:
    facts: list[str] = [parameter.type]
    facts += ["required"] if parameter.required else []
    facts += ["secret"] if parameter.secret else []
    default: Any = parameter.default
    if default is not msgspec.UNSET and not parameter.secret:
        facts.append(f"default {json.dumps(default, ensure_ascii=False)}")
    yield ""
    yield f"  {name}  ({', '.join(facts)})"
    for line in parameter.description.split("\n"):
        yield f"    {line}"
    if parameter.options:
        yield f"    one of: {', '.join(map(str, parameter.options))}"
