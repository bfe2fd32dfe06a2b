"""``opsteps backup`` and ``opsteps restore``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from registry.commands.options import JsonOption, RegistryOption
from registry.locating.hints import command_line
from registry.problems import printable
from registry.snapshots.registry import Registry
from server.backups.backup_manifest import BackupManifest
from server.backups.container import Told
from server.backups.make_backup import make_backup
from server.backups.restore_backup import Restored, restore_backup
from server.commands.token import DatabaseOption
from server.database.engine import Database, database_url
from server.settings_reading import settings_from

_HERE = Path()
_MEGABYTE = 1_000_000


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; one that is there is replaced.")],
    registry: RegistryOption = _HERE,
    database: DatabaseOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write a registry into one file: history, refs, rows, and what this machine remembers of it.

    Beside a running server, too: writers wait for moments only. Private keys and the values of
    secret settings are not in it; what you must put back by hand is listed. Rows in PostgreSQL are
    not in it either: dump them first. Restore it with 'opsteps restore'.
    """
    settings = settings_from()
    with Registry.open(registry, check_clone=False) as opened:
        url = database_url(database or settings.database_url, opened.state_directory)
        with Database(url) as rows:
            manifest = make_backup(opened, file, settings, rows, told=_progress())
    size = file.stat().st_size
    if as_json:
        typer.echo(json.dumps({**msgspec.to_builtins(manifest), "file": str(file), "bytes": size}))
        return
    typer.echo(f"Backed up {manifest.head[:12]}, {manifest.refs:,} refs: {printable(str(file))}")
    typer.echo(f"  {size / _MEGABYTE:,.1f} MB; rows: {_rows(manifest)}")
    for line in manifest.by_hand:
        typer.echo(printable(f"  not in it: {line}"))


def restore(
    file: Annotated[Path, typer.Argument(help="A file that 'opsteps backup' wrote.")],
    directory: Annotated[Path, typer.Argument(help="The registry's directory: new, or empty.")],
    revoke_tokens: Annotated[
        bool,
        typer.Option("--revoke-tokens", help="Revoke every token: new ones are made afterwards."),
    ] = False,
    unsound: Annotated[
        bool, typer.Option("--unsound", help="Restore also what 'opsteps verify' finds faults in.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Restore a backup into a new directory: digests and the whole history are checked first.

    Nothing appears there before all of it is right. Ends with 30 for a file that is damaged, cut
    off or not sound, and for a directory that is not empty.
    """
    done = restore_backup(file, directory, told=_progress(), revokes=revoke_tokens, unsound=unsound)
    if as_json:
        answer = {
            "directory": str(directory),
            "head": done.manifest.head,
            "made_at": done.manifest.made_at,
            "sound": done.report.is_sound,
            "accepted": len(done.report.accepted),
            "tokens_valid_again": list(done.live),
            "tokens_revoked": list(done.revoked),
            "rows": msgspec.to_builtins(done.manifest.rows),
            "settings": done.manifest.settings,
            "by_hand": list(done.manifest.by_hand),
        }
        typer.echo(json.dumps(answer))
        return
    for line in _said(done, directory):
        typer.echo(printable(line))


def _said(done: Restored, directory: Path) -> Iterator[str]:
    manifest = done.manifest
    yield f"Restored {manifest.head[:12]} of {manifest.made_at} into {directory}"
    yield (
        "  Sound: every release was hashed again"
        if done.report.is_sound
        else (
            f"  NOT SOUND: {len(done.report.findings):,} findings;"
            f" see {command_line('verify', registry=directory)}"
        )
    )
    if done.report.accepted:
        yield (
            "  Findings that were accepted where the backup was made, and are not counted:"
            f" {len(done.report.accepted):,}; see {command_line('verify', registry=directory)}"
        )
    if done.revoked:
        yield f"  Revoked {len(done.revoked):,} tokens: make new ones with 'opsteps token create'"
    if done.live:
        yield f"  Tokens revoked since {manifest.made_at} are valid again; so are:"
        yield f"    {', '.join(done.live)}"
        yield f"  See them with {command_line('token', 'list', registry=directory)}, and revoke"
        yield f"  with {command_line('token', 'revoke', 'NAME', registry=directory)}"
    yield f"  Made since {manifest.made_at}, and not in it: changes, tokens, security events; a"
    yield "  change that a client sends again with the same Idempotency-Key is made again"
    if not manifest.rows.included:
        yield f"  Rows: {_rows(manifest)}"
    for name, value in sorted(manifest.settings.items()):
        yield f"  setting that was in effect: {name}={value}"
    for line in manifest.by_hand:
        yield f"  put back by hand: {line}"


def _rows(manifest: BackupManifest) -> str:
    rows = manifest.rows
    if rows.included:
        return f"{rows.kind}, {rows.tokens:,} live tokens"
    if rows.kind == "sqlite":
        return "there were none"
    return f"not in it: they are in {rows.where}; back them up with pg_dump"


def _progress() -> Told:
    """A line that grows, on a terminal only."""
    if not sys.stderr.isatty():
        return lambda name, size: None  # noqa: ARG005 - what a Told is given
    last = ["", -1]

    def told(name: str, size: int) -> None:
        whole = size // _MEGABYTE
        if [name, whole] != last:
            last[:] = [name, whole]
            typer.echo(f"\r{name}: {whole:,} MB\033[K", err=True, nl=False)

    return told
