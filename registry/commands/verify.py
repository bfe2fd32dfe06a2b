"""``opsteps verify``, ``opsteps trust`` and ``opsteps sign-head``."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from registry.commands.acting import make_actor, read_key
from registry.commands.options import (
    ActorOption,
    AdministratorsOption,
    JsonOption,
    NamedRegistryOption,
    RegistryArgument,
    RegistryOption,
    RemoteOption,
    RequestOption,
    whole_registry,
)
from registry.errors import GitError
from registry.formats.timestamps import format_time
from registry.names import CommitId
from registry.problems import printable
from registry.signing.administrators import read_administrators
from registry.snapshots.registry import Registry
from registry.terminal.tables import Column, show_table
from registry.trust.errors import IncompleteHistoryError, TrustedFileError
from registry.trust.report import ACCEPTABLE, CheckState, VerificationReport
from registry.trust.trusted_head import (
    TrustedHead,
    read_trusted,
    refuse_untrusted,
    remember,
    set_trusted,
)
from registry.verifying.acceptance import accept_served
from registry.verifying.difference import compare_heads
from registry.verifying.head_statement import write_statement
from registry.verifying.report_text import (
    difference_lines,
    finding_lines,
    report_data,
    report_lines,
    verdict,
)
from registry.verifying.verification import VerificationOptions, verify_registry

_HERE = Path()
_COLOURS = {CheckState.OK: "green", CheckState.FAILED: "red", CheckState.NOT_CHECKABLE: "yellow"}
_COLUMNS = (
    Column(key="check", whole=True),
    Column(
        key="state",
        title="",
        whole=True,
        styles={str(state): colour for state, colour in _COLOURS.items()},
    ),
    Column(key="detail", title="what was looked at"),
)
_FOUND = 1


def verify(
    place: RegistryArgument = None,
    registry: NamedRegistryOption = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Compute the SHA-256 digest of every release again.")
    ] = False,
    max_age: Annotated[
        float | None,
        typer.Option(
            "--max-age",
            metavar="HOURS",
            min=0,
            help="The greatest age of the head's statement, hours; a missing one is found, too.",
        ),
    ] = None,
    administrators: AdministratorsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that nothing released was ever altered: the whole history, offline.

    Each check is ok, failed or not checkable, and each finding names its attack. When nothing is
    found, the head is remembered; from then on every head must descend from it.

    Ends with 0 when nothing was found, 1 when an attack was, 3 where there is no registry, 6 when
    Git cannot read an object or the history is not complete, 8 for a bad key in --administrators,
    27 when what was remembered is damaged.
    """
    wishes = VerificationOptions(
        now=datetime.now(UTC),
        administrators=read_administrators(administrators),
        longest=timedelta(hours=max_age) if max_age is not None else None,
        deep=deep,
    )
    with Registry.open(whole_registry(place, registry)) as opened:
        trusted = read_trusted(opened)
        verified = verify_registry(opened, wishes, trusted=trusted)
        if verified.report.is_sound:
            _remember(opened, verified.head, trusted)
    _show(verified.report, as_json=as_json)
    if not verified.report.is_sound:
        raise typer.Exit(_FOUND)


def trust(
    commit: Annotated[str, typer.Argument(help="A commit: its id, or a name such as HEAD.")],
    registry: RegistryOption = _HERE,
    administrators: AdministratorsOption = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Acknowledge what is found there: it was explained.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be trusted.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Trust a commit as the head, whatever was trusted before: after a rewrite that was meant.

    Shows what changes for releases and what is found at the commit. What --accept acknowledges
    does not fail `verify` any more, but is still listed.

    Servers of this clone go on from that commit, and from the branch that HEAD names. With
    --accept they take releases for what they are there, be it what they served or not.
    """
    wishes = VerificationOptions(
        now=datetime.now(UTC),
        administrators=read_administrators(administrators),
        holds_to_served=False,
    )
    with Registry.open(registry) as opened:
        head = _commit(opened, commit)
        before = _trusted_or_none(opened)
        verified = verify_registry(opened, wishes, trusted=None, head=head)
        lines, difference = _difference(opened, before, head)
        found = [f.identity for f in verified.report.findings if f.check in ACCEPTABLE]
        kept = before.accepted if before is not None else ()
        accepted = tuple(dict.fromkeys([*kept, *found])) if accept else kept
        renewed: tuple[str, ...] = ()
        if not dry_run:
            set_trusted(opened, replace(verified.head, accepted=accepted))
            renewed = accept_served(opened, head, with_releases=accept)
    if as_json:
        answer = {"trusted": head, "before": before.head if before else None}
        said = {"difference": difference, "found": report_data(verified.report)["findings"]}
        typer.echo(json.dumps({**answer, **said, "accepted": accept, "dry_run": dry_run}))
        return
    for line in (*lines, *finding_lines(verified.report)):
        typer.echo(line)
    for release in renewed:
        typer.echo(printable(f"{release} is not any more what was served of it, and is accepted"))
    typer.echo(f"{'Would trust' if dry_run else 'Trusts'} {head} from now on")


def sign_head(
    key: Annotated[Path, typer.Option("--key", help="A private key of policy.instance_keys.")],
    registry: RegistryOption = _HERE,
    actor: ActorOption = None,
    request: RequestOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign what the head is, and when, on the branch opsteps-head.

    Run it on a schedule after `verify`: then those who verify with --max-age notice when newer
    states are held back. Ends with 8 for a key that registry.yaml does not list, 1 for a head that
    does not descend from the trusted one.
    """
    private = read_key(key)
    with Registry.open(registry, remote=remote) as opened:
        trusted = read_trusted(opened)
        refuse_untrusted(opened, opened.head())
        signed = write_statement(
            opened,
            private,
            by=make_actor(actor, request, at=registry),
            time=datetime.now(UTC).replace(microsecond=0),
            least=trusted.sequence + 1 if trusted is not None else 1,
        )
    statement = signed.statement
    if as_json:
        answer = {"head": statement.head, "sequence": statement.sequence, "commit": signed.commit}
        typer.echo(json.dumps({**answer, "time": format_time(statement.time)}))
        return
    typer.echo(f"Signed {statement.head[:12]} as number {statement.sequence}")
    if remote is None:
        typer.echo("  Next: git push REMOTE opsteps-head, or sign with --remote REMOTE")


def _remember(registry: Registry, head: TrustedHead, before: TrustedHead | None) -> None:
    """Remember the head; where nothing can be written, what was found still counts."""
    try:
        remember(registry, head, before=before)
    except OSError as error:
        text = f"the head is not remembered: {error.strerror}: {registry.state_directory}"
        typer.echo(printable(text), err=True)


def _commit(registry: Registry, revision: str) -> CommitId:
    return registry.repository.resolve_commit(revision)


def _trusted_or_none(registry: Registry) -> TrustedHead | None:
    """Return the trusted head; None for a damaged file, which this command replaces."""
    try:
        return read_trusted(registry)
    except TrustedFileError as error:
        typer.echo(printable(str(error)), err=True)
        return None


def _difference(
    registry: Registry, before: TrustedHead | None, head: CommitId
) -> tuple[list[str], object]:
    if before is None:
        return ["Nothing was trusted before"], None
    try:
        difference = compare_heads(registry, before.head, head)
    except (GitError, IncompleteHistoryError):
        return [f"The head that was trusted before is not here any more: {before.head}"], None
    return [f"From {before.head[:12]} to {head[:12]}:", *difference_lines(difference)], (
        msgspec.to_builtins(difference)
    )


def _show(report: VerificationReport, *, as_json: bool) -> None:
    console = Console()
    if as_json:
        typer.echo(json.dumps(report_data(report), indent=2))
    elif not sys.stdout.isatty():
        for line in report_lines(report):
            typer.echo(line)
    else:
        rows = [(check.name, str(check.state), check.detail) for check in report.checks]
        show_table(_COLUMNS, rows)
        for line in finding_lines(report):
            console.print(escape(line), highlight=False, soft_wrap=True)
        colour = "green" if report.is_sound else "red"
        console.print(
            f"[{colour}]{escape(verdict(report))}[/{colour}]", highlight=False, soft_wrap=True
        )
