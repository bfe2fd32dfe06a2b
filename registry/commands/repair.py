"""``opsteps repair``: a way back after a rebase, an amended commit, a reset, or lost tags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from registry.commands.acting import make_actor
from registry.commands.options import (
    ActorOption,
    JsonOption,
    KeyOption,
    RegistryOption,
    RequestOption,
)
from registry.locating.hints import command_line
from registry.names import CommitId
from registry.problems import printable
from registry.remotes.unsent import unpublished
from registry.repairing.apply_repair import repair as carry_out
from registry.repairing.model import Item, ItemState, RepairPlan, TagChange
from registry.repairing.repair_plan import make_plan
from registry.snapshots.registry import Registry
from registry.terminal.tables import Column, show_table
from registry.trust.report import VerificationReport
from registry.trust.trusted_head import read_trusted
from registry.verifying.verification import VerificationOptions, verify_registry

_HERE = Path()
_LEFT = 1
_COLUMNS = (
    Column(
        key="state",
        title="",
        whole=True,
        styles={"repair": "green", "repaired": "green", "by hand": "yellow", "refused": "red"},
    ),
    Column(key="subject", title="what", whole=True, style="bold"),
    Column(key="wrong"),
    Column(key="then", title="what is done"),
)


def repair(
    yes: Annotated[
        bool, typer.Option("--yes", "--apply", help="Do it; without, it is only said.")
    ] = False,
    remove_tag: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME/vVERSION",
            help="A tag without a release that nobody was ever served: take it away, and keep"
            " what it was; repeat for more.",
        ),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no remote: none has a tag that is missing here.")
    ] = False,
    registry: RegistryOption = _HERE,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put tags and ledger right where digest and files agree: after a rebase, an amend, a reset.

    First without --yes: it changes nothing, and says what it would do, what is lost by it, and what
    is left to you with which command. Files that are not those that were released are never made
    to look right: that is refused. What a tag was is kept below refs/opsteps/repaired/.

    Ends with 0 when all is well, 1 when something would be repaired or is left to you, else as
    'opsteps verify'.
    """
    removing = remove_tag or []
    with Registry.open(registry, check_clone=False) as opened:
        clone = opened.clone_state()
        if clone.is_shallow:
            clone.refuse_incomplete(opened.path)
        if yes:
            by = make_actor(actor, request, key, at=registry)
            plan = carry_out(opened, by=by, asks_remotes=not offline, removing=removing)
            after = _verified(opened)
        else:
            plan = make_plan(opened, opened.head(), asks_remotes=not offline, removing=removing)
            after = None
        publish = _publish(opened, plan) if yes else ""
        head = opened.head()
    if as_json:
        typer.echo(json.dumps(_data(plan, head, after, publish), indent=2))
    else:
        _show(plan, after, publish)
    if not _is_well(plan, after):
        raise typer.Exit(_LEFT)


def _is_well(plan: RepairPlan, after: VerificationReport | None) -> bool:
    """True if nothing is wrong now, as a script asks."""
    if after is None:
        return not plan.items and not plan.findings
    return after.is_sound and not plan.left


def _verified(registry: Registry) -> VerificationReport:
    """Verify again, as `opsteps verify` does; only a person asks for it to be remembered."""
    wishes = VerificationOptions(now=datetime.now(UTC))
    return verify_registry(registry, wishes, trusted=read_trusted(registry)).report


def _publish(registry: Registry, plan: RepairPlan) -> str:
    """The line that sends branch and tags, where a tag was set that no remote has."""
    if not any(isinstance(change, TagChange) and change.content for change in plan.changes):
        return ""
    waiting = unpublished(registry)
    return waiting.command(registry.path) if waiting is not None and waiting.tags else ""


def _state(item: Item, *, is_done: bool) -> str:
    return "repaired" if is_done and item.state is ItemState.REPAIR else str(item.state)


def _show(plan: RepairPlan, after: VerificationReport | None, publish: str) -> None:
    is_done = after is not None
    if plan.items:
        rows = [
            (_state(item, is_done=is_done), item.subject, item.what, item.then)
            for item in plan.items
        ]
        show_table(_COLUMNS, rows)
    for line in (*_losses(plan.items), *_commands(plan.items), *_verdict(plan, after)):
        typer.echo(printable(line))
    if publish:
        typer.echo(f"  Publish it: {publish}")


def _losses(items: Sequence[Item]) -> Iterator[str]:
    for item in items:
        if item.loses:
            yield f"lost by it: {item.subject}: {item.loses}"


def _commands(items: Sequence[Item]) -> Iterator[str]:
    seen: set[str] = set()
    for item in items:
        if item.command and item.command not in seen:
            seen.add(item.command)
            when = "after that, " if item.state is ItemState.REPAIR else ""
            yield f"next for {item.subject}: {when}{item.command}"


def _verdict(plan: RepairPlan, after: VerificationReport | None) -> Iterator[str]:
    count = len(plan.changes)
    left = len(plan.left)
    if not plan.items and plan.findings:
        yield "There is nothing here that a repair can mend"
    elif not plan.items:
        yield "There is nothing to repair"
    elif after is None and count:
        yield f"Would repair {count:,}, and {left:,} left to you; nothing was changed"
        yield f"  Do it with: {command_line('repair', '--yes')}"
    elif after is None:
        yield f"Nothing here can be repaired by itself; {left:,} left to you"
    else:
        yield f"Repaired {count:,}; {left:,} left to you"
    if after is not None and after.is_sound:
        now = "Sound, but for what is left to you" if left else "Sound now"
        yield f"{now}, as 'opsteps verify' sees it"
    else:
        count = len(after.findings) if after is not None else plan.findings
        if count and (after is not None or not plan.items):
            found = "finding is" if count == 1 else "findings are"
            yield f"Not sound yet: {count:,} {found} left; 'opsteps verify' says what to do"


def _data(
    plan: RepairPlan, head: CommitId, after: VerificationReport | None, publish: str
) -> dict[str, Any]:
    return {
        "head": head,
        "dry_run": after is None,
        "items": [
            {
                "state": _state(item, is_done=after is not None),
                "subject": item.subject,
                "what": item.what,
                "then": item.then,
                "loses": item.loses,
                "command": item.command,
            }
            for item in plan.items
        ],
        "sound": _is_well(plan, after),
        "findings": len(after.findings) if after is not None else plan.findings,
        "publish": publish,
    }
