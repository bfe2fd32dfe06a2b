"""``opsteps search`` and ``opsteps show``: find libraries and steps, and look at one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import orjson
import typer

from builder.authoring.show_text import error_reasons, library_lines, step_lines
from builder.search.index import SearchIndex
from builder.search.index_update import update_index
from builder.search.query import (
    SearchHit,
    SearchQuery,
    SearchResults,
    SearchUnavailableError,
    Sort,
)
from builder.search.state import discard_index
from registry.commands.options import JsonOption, RegistryOption
from registry.errors import NotFoundError
from registry.formats.model import InstanceFacts, ReleaseContent, Step
from registry.library.release_state import Library
from registry.library.wire import library_detail_bytes, step_bytes
from registry.names import CORE, LibraryName, parse_library_name
from registry.problems import printable_json
from registry.snapshots.cache_place import cache_directory
from registry.snapshots.instance_names import facts_by_instance
from registry.snapshots.registry import Registry, Snapshot
from registry.terminal.tables import Column, show_table
from registry.versions import Version, parse_version

_HERE = Path()
_STEPS_NAMED = 20
_KINDS = ("library", "step")
# Reasons that are shown of a library with many.
_COLUMNS = (
    Column(key="kind", title="", whole=True, style="dim"),
    Column(key="id", whole=True, style="bold"),
    Column(key="title"),
    Column(key="category"),
    Column(key="premium", title="", style="yellow"),
    Column(key="summary", title="about"),
)


def index_directory(registry: Registry) -> Path:
    """Return the directory of a registry's search index on this machine."""
    return cache_directory(registry) / "search"


def search(
    text: Annotated[
        str, typer.Argument(help="The words to look for; everything is listed without.")
    ] = "",
    registry: RegistryOption = _HERE,
    kind: Annotated[str | None, typer.Option(help="library or step.")] = None,
    category: Annotated[
        list[str] | None, typer.Option(help="Only this category; repeat it for any of several.")
    ] = None,
    platform: Annotated[
        list[str] | None, typer.Option(help="windows, linux or macos; may be repeated.")
    ] = None,
    license_: Annotated[
        list[str] | None, typer.Option("--license", help="Only this licence; may be repeated.")
    ] = None,
    author: Annotated[
        list[str] | None, typer.Option(help="Only this author; may be repeated.")
    ] = None,
    premium: Annotated[
        bool | None, typer.Option("--premium/--free", help="Only premium or only free ones.")
    ] = None,
    deprecated: Annotated[
        bool | None,
        typer.Option("--deprecated/--maintained", help="Only deprecated ones, or only others."),
    ] = None,
    executor: Annotated[
        bool | None,
        typer.Option("--executor/--definitions", help="Only with an executor, or only without."),
    ] = None,
    sort: Annotated[Sort, typer.Option(help="The order of what is found.")] = Sort.RELEVANCE,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Show at most so many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Find libraries, with their best steps inside, or with --kind step the steps themselves.

    The words of a question, "words in quotes" in that order, -word not.

    The index is brought up to date first. Ends with 4 when nothing was found.
    """
    if kind is not None and kind not in _KINDS:
        raise typer.BadParameter("it is 'library' or 'step'", param_hint="--kind")
    query = SearchQuery(
        text=text,
        kind=kind,
        category=tuple(category or ()),
        platform=tuple(platform or ()),
        license=tuple(license_ or ()),
        author=tuple(author or ()),
        premium=premium,
        deprecated=deprecated,
        executor=executor,
        sort=sort,
        limit=limit,
    )
    opened = Registry.open(registry)
    try:
        results = search_registry(opened, query)
    finally:
        opened.close()
    if as_json:
        typer.echo(printable_json(json.dumps(asdict(results), indent=2, ensure_ascii=False)))
    else:
        _print_results(results)
    if not results.total:
        raise typer.Exit(NotFoundError.exit_code)


def search_registry(registry: Registry, query: SearchQuery) -> SearchResults:
    """Bring a registry's index up to date and ask it; one that is damaged is made again, once.

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
    if results.did_you_mean:
        typer.echo(f"Did you mean: {_one_line(results.did_you_mean)}", err=True)
    if not results.total:
        typer.echo("Nothing was found", err=True)
        for other in results.suggestions:
            typer.echo(f"  Try: {_one_line(other)}", err=True)
        return
    show_table(_COLUMNS, list(map(_row, results.hits)))
    if results.total > len(results.hits):
        typer.echo(f"{len(results.hits)} of {results.total}", err=True)


def _row(hit: SearchHit) -> tuple[str, ...]:
    marks = " ".join(
        mark for mark, is_so in (("premium", hit.premium), ("deprecated", hit.deprecated)) if is_so
    )
    steps = ", ".join(step.name for step in hit.steps if hit.step_count > 1)
    about = f"{steps}: {hit.summary}" if steps else hit.summary
    return hit.kind, f"{hit.id}@{hit.version}", hit.title, hit.category, marks, about


def _one_line(text: str) -> str:
    """Strangers' text may not move a terminal's cursor."""
    return "".join(c if c.isprintable() else " " for c in text)


def show(
    what: Annotated[
        str, typer.Argument(help="A library or a step's id, with @VERSION for a certain release.")
    ],
    registry: RegistryOption = _HERE,
    as_json: JsonOption = False,
) -> None:
    """Show a library or a step: what it is for, its releases, parameters, outputs and permissions.

    Of a library every version is listed: active, yanked, removed, a candidate; and in which
    instance it is disabled, or pinned.
    """
    opened = Registry.open(registry)
    try:
        snapshot = opened.snapshot()
        shown = _find(snapshot, what)
        instances = facts_by_instance(opened, snapshot.commit, shown.library.name)
    finally:
        opened.close()
    if as_json:
        raw = _json(shown)
        shown_raw = orjson.dumps(orjson.loads(raw), option=orjson.OPT_INDENT_2).decode()
        typer.echo(printable_json(shown_raw))
        return
    for line in shown.lines(instances):
        typer.echo("\n".join(map(_one_line, line.split("\n"))))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shown:
    """A library, one of its releases, and where a step was named that; None where none is."""

    library: Library
    content: ReleaseContent | None
    version: Version | None
    step: Step | None = None

    def lines(self, instances: Mapping[str, InstanceFacts]) -> Iterator[str]:
        """As text."""
        if self.step is None or self.content is None or self.version is None:
            return library_lines(self.library, self.content, self.version, instances)
        return step_lines(
            self.library.name,
            self.version,
            self.step,
            has_executor=self.step.name in _executed(self.content),
            record=self.library.release(self.version) or self.library.active,
        )


def _executed(content: ReleaseContent) -> frozenset[str]:
    pairs = zip(content.steps, content.manifest.steps, strict=True)
    return frozenset(step.name for step, file in pairs if file.executor is not None)


def _find(snapshot: Snapshot, what: str) -> _Shown:
    """The library, release and step that a text such as ``a.b@1.0.0`` names."""
    name, _, wanted = what.partition("@")
    library_name, _, step_name = name.partition(".")
    parsed = CORE if library_name == CORE else parse_library_name(library_name)
    library = snapshot.library(LibraryName(parsed))
    if wanted:
        version = parse_version(wanted)
        content = snapshot.content(library.name, version)
    elif library.active is not None and library.content is not None:
        version, content = library.active.version, library.content
    elif step_name:
        reasons = "; ".join(error_reasons(library))
        raise NotFoundError(
            _one_line(
                f"{library.name} has no release that is served: {reasons}".removesuffix(": ")
            ),
            next_step=f"See what became of its versions with 'opsteps show {library.name}'",
        )
    else:
        return _Shown(library=library, content=None, version=None)
    step = next((step for step in content.steps if step.name == step_name), None)
    if step_name and step is None:
        names = [step.name for step in content.steps]
        more = f" and {len(names) - _STEPS_NAMED} more" if len(names) > _STEPS_NAMED else ""
        raise NotFoundError(
            f"{library.name} {version} has no step {step_name!r}",
            next_step=f"It has: {', '.join(names[:_STEPS_NAMED])}{more}",
        ).among(step_name, names)
    return _Shown(library=library, content=content, version=version, step=step)


def _json(shown: _Shown) -> bytes:
    """The same bytes as the server's answer; a library's active release, a step's named one."""
    library, content = shown.library, shown.content
    if content is None or shown.version is None:
        return library_detail_bytes(library, [])
    executed = _executed(content)
    steps = {
        each.name: step_bytes(
            library.name, str(shown.version), each, has_executor=each.name in executed
        )
        for each in content.steps
    }
    if shown.step is not None:
        return steps[shown.step.name]
    return library_detail_bytes(library, list(steps.values()))
