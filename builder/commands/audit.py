"""``opsteps audit``: which releases and steps known vulnerabilities hit, and what is safe."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from builder.auditing.audit import Question
from builder.auditing.audit import audit as find_hits
from builder.auditing.model import AuditReport
from builder.auditing.report_text import (
    HEAD,
    audit_data,
    dependent_line,
    hit_line,
    rows,
    summary,
    unpinned_line,
)
from registry.commands.options import JsonOption, RegistryOption
from registry.names import CORE, parse_library_name
from registry.problems import errors_of
from registry.snapshots.registry import Registry
from registry.terminal.tables import Column, show_table

_HERE = Path()
_WHOLE = frozenset({"release", "advisory", "safe"})
_COLUMNS = tuple(Column(key=key, whole=key in _WHOLE) for key in HEAD)
_HIT = 1
_INCOMPLETE = 26
"""Some advisories could not be read: nothing active is hit, as far as is known."""


def audit(
    library: Annotated[
        str | None, typer.Argument(help="A library; every one when left out.")
    ] = None,
    advisories: Annotated[
        list[Path] | None,
        typer.Option(
            "--advisories",
            help="A folder or ZIP of advisories about Python packages, in OSV's format: PyPA's"
            " database or a dump of OSV. May be given several times.",
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all-releases", help="Every release, not only the active ones.")
    ] = False,
    registry: RegistryOption = _HERE,
    instance: Annotated[
        str, typer.Option(help="The instance whose pins say what is active.")
    ] = "production",
    as_json: JsonOption = False,
) -> None:
    """Find releases with known vulnerabilities. Works offline.

    Ends with 1 when a release is hit that the instance answers with, and with 26 when none is and
    advisories could not be read.
    """
    name = None
    if library is not None:
        name = CORE if library == CORE else parse_library_name(library)
    question = Question(library=name, sources=advisories or (), all_releases=every)
    with Registry.open(registry, instance=instance) as opened:
        found = find_hits(opened, opened.snapshot(), question)
    for problem in found.problems:
        typer.echo(str(problem), err=True)
    if as_json:
        typer.echo(json.dumps(audit_data(found), indent=2))
    else:
        _show(found)
    if found.is_hit:
        raise typer.Exit(_HIT)
    if errors_of(found.problems):
        raise typer.Exit(_INCOMPLETE)


def _show(found: AuditReport) -> None:
    console = Console(highlight=False)
    if sys.stdout.isatty() and found.findings:
        styles = ["red" if finding.counts else "" for finding, _ in found.hits]
        show_table(_COLUMNS, list(rows(found)), row_styles=styles)
        console.print()
    else:
        _echo(hit_line(finding, hit) for finding, hit in found.hits)
    _echo(map(dependent_line, found.dependents))
    _echo(map(unpinned_line, found.unpinned))
    colour = "red" if found.is_hit else "green"
    if sys.stdout.isatty():
        console.print(f"[{colour}]{escape(summary(found))}[/{colour}]")
    else:
        typer.echo(summary(found))


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)
