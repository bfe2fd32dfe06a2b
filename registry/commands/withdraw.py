"""``opsteps yank``, ``unyank``, ``deprecate`` and ``rollback``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from registry.commands.options import (
    ActorOption,
    JsonOption,
    KeyOption,
    NewInstanceOption,
    RegistryOption,
    RemoteOption,
    RequestOption,
)
from registry.commands.writing import let_follow_here, writing
from registry.names import parse_library_name
from registry.problems import printable, printable_json
from registry.publishing.withdraw import Withdrawn
from registry.publishing.withdraw import deprecate as deprecate_library
from registry.publishing.withdraw import undeprecate as undeprecate_library
from registry.publishing.withdraw import unyank as unyank_release
from registry.publishing.withdraw import yank as yank_release
from registry.rollback.plan import RollbackDifference
from registry.rollback.rollback import (
    RolledBack,
    describe,
    roll_back_instance,
    roll_back_library,
    unpin_library,
)
from registry.terminal.tables import Column, show_table
from registry.versions import Version, parse_version

_HERE = Path()
_DIFFERENCE_COLUMNS = (
    Column(key="library", whole=True, style="bold"),
    Column(key="active", whole=True),
    Column(key="active_after", title="", whole=True),
    Column(key="enabled"),
    Column(key="enabled_after", title=""),
)
LibraryArgument = Annotated[str, typer.Argument(help="The library.")]
VersionArgument = Annotated[str, typer.Argument(help="The version.")]
ReasonOption = Annotated[str, typer.Option(help="The reason: callers read it.")]


def yank(
    library: LibraryArgument,
    version: VersionArgument,
    reason: ReasonOption,
    replacement: Annotated[
        str | None, typer.Option(help="The version that callers should take instead.")
    ] = None,
    registry: RegistryOption = _HERE,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Withdraw a release: those who pinned it keep it, and it is not chosen again."""
    with writing(registry, actor, request, key, remote) as (opened, by):
        done = yank_release(
            opened,
            parse_library_name(library),
            parse_version(version),
            reason=reason,
            replacement=parse_version(replacement) if replacement is not None else None,
            by=by,
        )
    _show_withdrawn(done, "Yanked", as_json=as_json)


def unyank(
    library: LibraryArgument,
    version: VersionArgument,
    registry: RegistryOption = _HERE,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a withdrawal back: the release may be chosen again."""
    with writing(registry, actor, request, key, remote) as (opened, by):
        name = parse_library_name(library)
        done = unyank_release(opened, name, parse_version(version), by=by)
    _show_withdrawn(done, "Took back the yank of", as_json=as_json)


def deprecate(
    library: LibraryArgument,
    reason: Annotated[str | None, typer.Option(help="The reason: callers read it.")] = None,
    replacement: Annotated[
        str | None, typer.Option(help="The library that callers should use instead.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
    registry: RegistryOption = _HERE,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Advise against a library: it goes on working, and says so."""
    if undo and (reason is not None or replacement is not None):
        raise typer.BadParameter("--undo takes neither --reason nor --replacement")
    if not undo and reason is None:
        raise typer.BadParameter("say why, with --reason")
    name = parse_library_name(library)
    instead = parse_library_name(replacement) if replacement is not None else None
    with writing(registry, actor, request, key, remote) as (opened, by):
        if undo:
            done = undeprecate_library(opened, name, by=by)
        else:
            done = deprecate_library(opened, name, reason=reason or "", replacement=instead, by=by)
    if as_json:
        answer = {"name": done.name, "deprecated": not undo, "replacement": done.replacement}
        typer.echo(json.dumps({**answer, "commit": done.commit}))
        return
    typer.echo(f"{done.name} is {'not deprecated any more' if undo else 'deprecated'}")
    if done.replacement is not None:
        typer.echo(f"  callers are told to use {done.replacement}")


def rollback(
    library: Annotated[
        str | None, typer.Argument(help="The library; the whole instance when left out.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", help="A version of the library; for the instance a tag or commit."),
    ] = None,
    unpin: Annotated[
        bool, typer.Option("--unpin", help="Let the library follow its releases again.")
    ] = False,
    instance: Annotated[str, typer.Option(help="The instance that goes back.")] = "production",
    new_instance: NewInstanceOption = False,
    skip_missing: Annotated[
        bool,
        typer.Option("--skip-missing", help="Leave libraries whose release is gone as they are."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and write nothing.")
    ] = False,
    registry: RegistryOption = _HERE,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go back to an earlier release of a library, or to what an instance served at a commit.

    It is a commit forward: releases, yanks and owners stay as they are. A library stays pinned to
    the version until --unpin.
    """
    _require_one_goal(library, to, unpin=unpin, skip_missing=skip_missing)
    with writing(
        registry, actor, request, key, remote,
        instance=instance, new_instance=new_instance, follow=None if dry_run else let_follow_here,
    ) as (opened, by):  # fmt: skip
        if library is None:
            goal = to or ""
            done = roll_back_instance(
                opened, goal, by=by, skip_missing=skip_missing, dry_run=dry_run
            )
        elif unpin:
            done = unpin_library(opened, parse_library_name(library), by=by, dry_run=dry_run)
        else:
            name, version = parse_library_name(library), parse_version(to or "")
            done = roll_back_library(opened, name, version, by=by, dry_run=dry_run)
    _show_rollback(done, dry_run=dry_run, as_json=as_json)
    if dry_run and done.plan.missing and not skip_missing:
        raise typer.Exit(1)


def _require_one_goal(
    library: str | None, to: str | None, *, unpin: bool, skip_missing: bool
) -> None:
    if unpin == (to is not None):
        raise typer.BadParameter("say where to, with --to, or --unpin a library")
    if unpin and library is None:
        raise typer.BadParameter("--unpin is about one library: name it")
    if skip_missing and library is not None:
        raise typer.BadParameter("--skip-missing is about a whole instance: leave LIBRARY out")


def _show_withdrawn(done: Withdrawn, verb: str, *, as_json: bool) -> None:
    if as_json:
        answer = {"name": done.name, "version": str(done.version), "commit": done.commit}
        versions = {"active": _text(done.active), "pinned": _text(done.pinned)}
        typer.echo(json.dumps({**answer, **versions}))
        return
    typer.echo(f"{verb} {done.name} {done.version}")
    gone = "it is removed; " if done.is_removed else ""
    if done.active is not None:
        typer.echo(f"  {gone}callers without a pin {'' if gone else 'now '}get {done.active}")
    elif done.active_before is not None:
        typer.echo("  nothing is active any more")
    else:
        typer.echo(f"  {gone}nothing is active")
    if done.pinned is not None:
        typer.echo(f"  production stays pinned to {done.pinned}")


def _show_rollback(done: RolledBack, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        told = json.dumps(_rollback_data(done, dry_run=dry_run), ensure_ascii=False)
        typer.echo(printable_json(told))
        return
    for warning in done.plan.warnings:
        typer.echo(printable(f"Warning: {warning}"), err=True)
    for item in done.plan.missing:
        typer.echo(printable(f"Missing: {item.library} {item.version} {item.why}"), err=True)
    if not done.plan.differences:
        typer.echo("Nothing changes: it is like that already")
        return
    _show_differences(done.plan.differences)
    if dry_run:
        typer.echo("Nothing was written")
    else:
        typer.echo(f"Changed {done.instance}" + (f", tagged {done.tag}" if done.tag else ""))


def _show_differences(differences: tuple[RollbackDifference, ...]) -> None:
    if not sys.stdout.isatty():
        for difference in differences:
            typer.echo(describe(difference))
        return
    show_table(_DIFFERENCE_COLUMNS, [list(_cells(difference)) for difference in differences])


def _cells(difference: RollbackDifference) -> Iterator[str]:
    yield difference.library
    yield from _change(difference.active_before, difference.active_after)
    yield from _change(difference.enabled_before, difference.enabled_after)


def _change(before: Version | bool | None, after: Version | bool | None) -> tuple[str, str]:
    return _word(before), f"→ {_word(after)}" if before != after else ""


def _word(value: Version | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if value is not None else "nothing"


def _rollback_data(done: RolledBack, *, dry_run: bool) -> dict[str, Any]:
    return {
        "instance": done.instance,
        "target": done.target,
        "dry_run": dry_run,
        "commit": done.commit,
        "tag": done.tag,
        "changes": [
            {
                "library": change.library,
                "enabled_before": change.enabled_before,
                "enabled_after": change.enabled_after,
                "active_before": _text(change.active_before),
                "active_after": _text(change.active_after),
                "pin_before": _text(change.pin_before),
                "pin_after": _text(change.pin_after),
                "warnings": list(change.warnings),
            }
            for change in done.plan.differences
        ],
        "missing": [
            {"library": item.library, "version": str(item.version), "why": item.why}
            for item in done.plan.missing
        ],
    }


def _text(version: Version | None) -> str | None:
    return str(version) if version is not None else None
