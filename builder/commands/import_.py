"""``opsteps import``: bring the libraries of another source into a registry."""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from builder.importers import FindingKind, Importer, ImportFinding, find_importer
from registry.commands.acting import make_actor
from registry.errors import InvalidNameError
from registry.locating.location import VARIABLE, choose_registry
from registry.names import CORE, LibraryName
from registry.problems import printable, printable_json
from registry.publishing.bulk_import import Imported, ImportedRelease, Refused, import_releases
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from registry.versions import Dependency, parse_dependency
from registry.words.counting import counted

_LISTED = 20
_BUNDLE = "bundle"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportReport:
    """The result of an import. ``present`` were released here before, with the same content."""

    libraries: int
    releases: int
    present: int
    seconds: float
    findings: tuple[ImportFinding, ...]

    def of(self, kind: FindingKind) -> tuple[ImportFinding, ...]:
        """The findings of one kind, in the order of the source."""
        return tuple(finding for finding in self.findings if finding.kind is kind)


def import_source(
    importer: Importer,
    source: Path,
    registry: Registry,
    *,
    by: Actor,
    limit: int | None = None,
    progress: Callable[[ImportedRelease], None] | None = None,
) -> ImportReport:
    """Import a source; ``limit`` stops after that many libraries.

    The actor becomes a library's first owner. Raises SourceError, NotARegistryError and GitError;
    then nothing was imported.
    """
    started = time.perf_counter()
    findings: list[ImportFinding] = []
    names: set[LibraryName] = set()
    needs: dict[str, tuple[Dependency, ...]] = {}

    def releases() -> Iterator[ImportedRelease]:
        for item in importer.releases(source):
            if isinstance(item, ImportFinding):
                findings.append(item)
                continue
            if limit is not None and item.name not in names and len(names) >= limit:
                return
            names.add(item.name)
            needs[f"{item.name} {item.version}"] = _dependencies(item)
            yield replace(item, owners=item.owners or (by.name,))

    done = import_releases(registry, releases(), by=by, progress=progress)
    follow_head(registry)
    findings.extend(map(_refused, done.refused))
    refused = {f"{one.name} {one.version}" for one in done.refused}
    findings.extend(_absent(registry, {k: v for k, v in needs.items() if k not in refused}))
    return _report(done, names, findings, time.perf_counter() - started)


def _report(
    done: Imported, names: set[LibraryName], findings: list[ImportFinding], seconds: float
) -> ImportReport:
    return ImportReport(
        libraries=len(names),
        releases=done.released,
        present=done.present,
        seconds=round(seconds, 1),
        findings=tuple(findings),
    )


def _dependencies(item: ImportedRelease) -> tuple[Dependency, ...]:
    """Return a release's dependencies; of one that cannot be read, the check that follows tells."""
    try:
        listed = json.loads(item.files["manifest.json"]).get("dependencies", [])
        return tuple(map(parse_dependency, listed))
    except (KeyError, ValueError, AttributeError, TypeError, InvalidNameError):
        return ()


def _absent(
    registry: Registry, needs: Mapping[str, tuple[Dependency, ...]]
) -> Iterator[ImportFinding]:
    """Each dependency that nothing here meets: an import takes libraries in whatever order."""
    snapshot = registry.snapshot()
    there = {CORE, *snapshot.names}
    for release, dependencies in needs.items():
        for one in dependencies:
            if one.library not in there:
                yield ImportFinding(
                    kind=FindingKind.WARNED,
                    file=release,
                    reason=f"it needs {one.text}, and there is no library {one.library} here",
                    action=f"import or install {one.library} too",
                )


def _refused(refused: Refused) -> ImportFinding:
    reasons = "; ".join(map(str, refused.problems[:3]))
    more = len(refused.problems) - 3
    return ImportFinding(
        kind=FindingKind.FAILED,
        file=f"{refused.name} {refused.version}",
        reason=reasons + (f"; and {more} more" if more > 0 else ""),
        action="not imported",
    )


def import_(
    importer: Annotated[
        str, typer.Argument(help="The kind of source: bundle, bitrise-steplib or opsconductor.")
    ],
    source: Annotated[
        Path, typer.Argument(help="The source's directory; a library of OpsConductor; the bundle.")
    ],
    directory: Annotated[
        Path | None, typer.Argument(help="The registry's directory; for a bundle also a new one.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option("--into", "--registry", "-r", help="As DIRECTORY.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Stop after this many libraries.")
    ] = None,
    actor: Annotated[
        str | None, typer.Option(help="The account that does this; your user name when left out.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole report as JSON.")
    ] = False,
    administrators: Annotated[
        Path | None,
        typer.Option(
            "--administrators",
            envvar="OPSTEPS_ADMINISTRATORS",
            help="For a bundle: the administrators' public keys, from outside the registry.",
        ),
    ] = None,
    max_age: Annotated[
        float | None,
        typer.Option("--max-age", min=0, help="For a bundle: hours since its head was signed."),
    ] = None,
) -> None:
    """Bring the libraries of another source into a registry, each version as a release.

    What did not fit is reported. Ends with 1 when a release could not be imported.
    'opsteps import bundle FILE DIRECTORY' takes in what 'opsteps bundle' packed, once verified.
    """
    target = directory or into
    if target is None and importer == _BUNDLE and not os.environ.get(VARIABLE):
        target = Path()
    if importer == _BUNDLE and limit is not None:
        raise typer.BadParameter("a bundle is taken in whole", param_hint="--limit")
    if importer != _BUNDLE and max_age is not None:
        raise typer.BadParameter("only the head of a bundle has an age", param_hint="--max-age")
    if importer == _BUNDLE:
        from builder.commands.package import import_bundle_file

        import_bundle_file(
            source,
            choose_registry(target),
            administrators=administrators,
            max_age=max_age,
            as_json=as_json,
        )
        return
    chosen = find_importer(importer)
    path = choose_registry(target)
    opened = Registry.open(path)
    try:
        with _progress(quiet=as_json) as show:
            report = import_source(
                chosen,
                source,
                opened,
                by=make_actor(actor, at=path),
                limit=limit,
                progress=show,
            )
    finally:
        opened.close()
    if as_json:
        typer.echo(printable_json(json.dumps(_as_json(report), indent=2, ensure_ascii=False)))
    else:
        _print(report)
    if report.of(FindingKind.FAILED):
        raise typer.Exit(1)


class _progress:  # noqa: N801 - used as a `with` block, where a function's name reads better
    """Name the release being imported, on a terminal only."""

    def __init__(self, *, quiet: bool) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.completed} releases"),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )

    def __enter__(self) -> Callable[[ImportedRelease], None]:
        self._bar.start()
        task = self._bar.add_task("", total=None)
        return lambda item: self._bar.update(task, advance=1, description=f"{item.name}")

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def _as_json(report: ImportReport) -> dict[str, Any]:
    numbers = asdict(report)
    del numbers["findings"]
    by_kind = {
        kind.replace("-", "_"): [
            {key: value for key, value in asdict(finding).items() if key != "kind"}
            for finding in report.of(kind)
        ]
        for kind in FindingKind
    }
    return {**numbers, **by_kind}


def _print(report: ImportReport) -> None:
    present = f", {report.present} were there already" if report.present else ""
    typer.echo(
        f"Imported {counted(report.releases, 'release')} of {counted(report.libraries, 'library')}"
        f" in {report.seconds} s{present}"
    )
    for kind in FindingKind:
        findings = report.of(kind)
        if findings:
            typer.echo(f"\n{kind}: {len(findings)}")
            for line in _summary(findings):
                typer.echo(f"  {printable(line)}")
    if report.findings:
        typer.echo("\nEach with its file: the same command with --json")


def _summary(findings: tuple[ImportFinding, ...]) -> Iterator[str]:
    """Each finding when they are few, else how often each kind of reason occurs."""
    if len(findings) <= _LISTED:
        yield from (f"{item.file}: {item.reason}: {item.action}" for item in findings)
        return
    ordered = sorted(findings, key=_pattern)
    groups = {pattern: list(items) for pattern, items in groupby(ordered, key=_pattern)}
    counts = Counter({pattern: len(items) for pattern, items in groups.items()})
    for pattern, count in counts.most_common():
        yield f"{count:>6} × {pattern}; first in {groups[pattern][0].file}"


def _pattern(finding: ImportFinding) -> str:
    """A finding's reason with what it is about left open, to count alike ones together."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", "…", f"{finding.reason}: {finding.action}")
