"""``opsteps validate``: every problem of libraries, or of what a pull request changes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Self

import typer

import registry as package
from builder.errors import OutputError
from builder.validation.formats import WRITERS, ProblemReport, ReportFormat
from builder.validation.formats.text import problem_line
from registry.checks.paths import FOLDERS
from registry.commands.options import NamedRegistryOption
from registry.errors import RegistryError
from registry.formats.model import Policy
from registry.locating.location import choose_registry, near_registry
from registry.problems import Problem, Severity, ordered, printable
from registry.publishing.ledger_signature import policy_at
from registry.snapshots.registry import Registry

_HERE = Path()
# What reads these looks for the files from where the command was run.
_FROM_HERE = frozenset({ReportFormat.GITHUB, ReportFormat.SARIF})
_NO_POLICY = "A registry may demand more: name it with --registry"
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


def validate(
    path: Annotated[
        Path | None,
        typer.Argument(
            help="A library's directory or ZIP, or a registry's directory;"
            " when left out this directory, or the registry around it.",
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(help="Check only what changed since this commit, and what that breaks."),
    ] = None,
    head: Annotated[
        str | None, typer.Option(help="The commit that changed it; HEAD when left out.")
    ] = None,
    actor: Annotated[
        str | None,
        typer.Option(help="The account at the Git host that asks for the change, with --base."),
    ] = None,
    as_: Annotated[
        ReportFormat, typer.Option("--format", help="The format of the problems.")
    ] = ReportFormat.TEXT,
    output: Annotated[
        Path | None,
        typer.Option(help="Write the problems into this file, and show them as text as well."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As --format json.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show errors only.")] = False,
    registry: NamedRegistryOption = None,
) -> None:
    """Check libraries and show every problem with its place. Ends with 1 when there are errors.

    A library is held to the policy of a registry, as 'opsteps add' would hold it: of --registry,
    of OPSTEPS_REGISTRY, or of the one around this directory.
    """
    chosen = _format(as_, as_json=as_json)
    if base is None and (head is not None or actor is not None):
        raise typer.BadParameter("--head and --actor need --base")
    place = _place(path, registry, needs_registry=base is not None)
    said = ""
    if base is None:
        policy, said = _policy(place, registry)
        report = _everything(place, policy, show=chosen is ReportFormat.TEXT)
        if chosen in _FROM_HERE:
            report = _from_here(report, place)
    else:
        report = _changes(place, base, head, actor)
    if output is not None:
        _write(output, WRITERS[chosen](report))
    if output is None and chosen is not ReportFormat.TEXT:
        typer.echo(WRITERS[chosen](report), nl=False)
    else:
        _print(report, said, quiet=quiet)
    if report.errors:
        raise typer.Exit(1)


def _place(path: Path | None, named: Path | None, *, needs_registry: bool) -> Path:
    """Return the place to check: as named, else the library that we are in, else the registry."""
    if path is not None and named is not None:
        from builder.validation.targets import is_registry

        if needs_registry or is_registry(path):
            raise typer.BadParameter("name one registry: as PATH or with --registry")
    if path is not None:
        return path
    if named is not None or needs_registry:
        return choose_registry(named)
    is_library = any((_HERE / name).exists() for name in ("manifest.json", *FOLDERS))
    return _HERE if is_library else near_registry(None) or _HERE


def _policy(place: Path, named: Path | None) -> tuple[Policy | None, str]:
    """Return the policy of the registry that a library is meant for, and how that is said."""
    from builder.validation.targets import is_registry

    if is_registry(place) or (registry := near_registry(named)) is None:
        return None, "" if is_registry(place) else _NO_POLICY
    try:
        with Registry.open(registry) as opened:
            policy = policy_at(opened, opened.head())
    except RegistryError:
        if named is not None:
            raise
        return None, _NO_POLICY
    return policy, f"Checked by the policy of the registry {printable(str(registry.resolve()))}"


def _write(output: Path, text: str) -> None:
    try:
        output.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise OutputError(
            f"the problems cannot be written: {error.strerror}",
            where=str(output),
            next_step="Name a file in a directory that is there, with --output",
        ) from error


def _format(chosen: ReportFormat, *, as_json: bool) -> ReportFormat:
    if not as_json:
        return chosen
    if chosen not in {ReportFormat.TEXT, ReportFormat.JSON}:
        raise typer.BadParameter("choose one of --json and --format")
    return ReportFormat.JSON


def _everything(path: Path, policy: Policy | None, *, show: bool) -> ProblemReport:
    from builder.content_rules.rule_ids import RULES
    from builder.validation.parallel import check_targets
    from builder.validation.targets import find_targets

    targets = find_targets(path, policy)
    with _Bar(len(targets), show=show) as bar:
        problems = ordered(check_targets(targets, path, bar.advance))
    return ProblemReport(
        checked=tuple(target.shown or str(target.path) for target in targets),
        problems=problems,
        version=package.__version__,
        rules=RULES,
    )


def _from_here(report: ProblemReport, path: Path) -> ProblemReport:
    if path == _HERE or not path.is_dir():
        return report
    problems = tuple(replace(p, file=f"{path.as_posix()}/{p.file}") for p in report.problems)
    return replace(report, problems=problems)


def _changes(path: Path, base: str, head: str | None, actor: str | None) -> ProblemReport:
    from builder.content_rules.rule_ids import RULES
    from builder.review.review import review

    with Registry.open(path) as opened:
        found = review(opened, base, head, actor=actor)
    return ProblemReport(
        checked=found.checked, problems=found.problems, version=package.__version__, rules=RULES
    )


class _Bar:
    """A progress bar on a terminal, else nothing; Rich is loaded only for one."""

    def __init__(self, total: int, *, show: bool) -> None:
        self._total = total
        self._progress: Any = None
        if show and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self._progress = Progress(console=Console(stderr=True), transient=True)

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
            self._progress.add_task("Checking", total=self._total)
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def advance(self) -> None:
        if self._progress is not None:
            self._progress.advance(self._progress.task_ids[0])


def _print(report: ProblemReport, said: str, *, quiet: bool) -> None:
    problems = report.errors if quiet else report.problems
    if sys.stdout.isatty():
        _print_coloured(problems)
    elif problems:
        typer.echo("\n".join(map(problem_line, problems)))
    # A hint that a registry may ask for more helps whoever has nothing else to mend.
    if said and not quiet and not (said is _NO_POLICY and report.errors):
        typer.echo(said, err=True)
    typer.echo(report.quiet_summary if quiet else report.summary, err=True)


def _print_coloured(problems: tuple[Problem, ...]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(soft_wrap=True, highlight=False)
    for problem in problems:
        colour = _COLOURS[problem.severity]
        console.print(f"[{colour}]●[/{colour}] {escape(problem_line(problem))}")
