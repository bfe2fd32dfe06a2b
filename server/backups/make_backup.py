"""Make a backup while a server writes: rows first, then refs and state at one moment.

So the rows never know of a change that the registry in the backup lacks.
"""

from __future__ import annotations

import io
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import registry as registry_room
from builder.packaging.staging import staged
from registry.formats.timestamps import time_now
from registry.maintenance.backup import Frozen, bundle_header, freeze, pack_objects
from registry.snapshots.registry import Registry
from server.backups.backup_manifest import (
    BUNDLE,
    ROWS,
    STATE,
    BackupManifest,
    Rows,
    settings_in_effect,
    without_password,
)
from server.backups.container import Told, Writing
from server.database.copying import copy_database, copy_rows
from server.database.engine import Database, database_url
from server.database.tokens import list_tokens
from server.settings import Settings


def make_backup(
    registry: Registry, target: Path, settings: Settings, database: Database, *, told: Told
) -> BackupManifest:
    """Write a backup, whole or not at all, for its owner alone.

    Raises WriteError, GitError, IncompleteCloneError, DatabaseError.
    """
    clone = registry.clone_state()
    if clone.is_shallow:
        clone.refuse_incomplete(registry.path)
    with (
        staged(target) as beside,
        tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".opsteps-") as scratch,
    ):
        rows_file = Path(scratch, "rows")
        rows = _rows(database, rows_file)
        frozen = freeze(registry)
        told("packing", 0)
        pack = pack_objects(registry, frozen, Path(scratch, "objects"))
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            writing = Writing(file, told)
            with pack.open("rb") as objects:
                writing.put(BUNDLE, io.BytesIO(bundle_header(frozen)), objects, squeezed=False)
            if rows.included:
                with rows_file.open("rb") as source:
                    writing.put(ROWS, source)
            for name, content in frozen.state.items():
                writing.put(f"{STATE}{name}", io.BytesIO(content))
            manifest = _manifest(registry, frozen, settings, rows, writing)
            writing.finish(manifest)
    return manifest


def _rows(database: Database, target: Path) -> Rows:
    """Copy a file of SQLite; of another database say only where it is."""
    copied = copy_database(database, target)
    if not copied.is_copied:
        return Rows(kind=copied.kind, where=copied.where, included=False)
    now = datetime.now(UTC)
    with Database(database_url(f"sqlite:///{target}", target.parent)) as copy:
        live = sum(token.is_live(now) for token in list_tokens(copy))
    # Opening it brought it up to date in a journal of its own; this makes it one file again.
    whole = target.with_name("rows.whole")
    copy_rows(target, whole)
    whole.replace(target)
    return Rows(kind=copied.kind, where=copied.where, included=True, tokens=live)


def _manifest(
    registry: Registry, frozen: Frozen, settings: Settings, rows: Rows, writing: Writing
) -> BackupManifest:
    config = registry.repository.config
    remotes = {name: without_password(config.get(f"remote.{name}.url")) for name in config.remotes}
    return BackupManifest(
        made_at=time_now(),
        made_by=f"opsteps {registry_room.__version__}",
        head=frozen.head,
        branch=frozen.branch,
        refs=len(frozen.refs),
        is_bare=registry.repository.work_tree is None,
        files=writing.files,
        rows=rows,
        # One whose name is not UTF-8 comes back as what it led to.
        symbolic={a: b for a, b in frozen.symbolic.items() if f"{a}{b}".isprintable()},
        remotes=remotes,
        settings=settings_in_effect(settings),
        by_hand=tuple(_by_hand(registry, settings, rows)),
    )


def _by_hand(registry: Registry, settings: Settings, rows: Rows) -> list[str]:
    """Return what is not in the backup, and is needed."""
    found = ["settings: environment variables, or the unit that starts the server"]
    if settings.instance_key:
        found.append(f"the private key of the instance: {settings.instance_key}")
    if "OPSTEPS_ADMINISTRATORS" in os.environ:
        found.append(f"the administrators' public keys: {os.environ['OPSTEPS_ADMINISTRATORS']}")
    if not rows.included and rows.kind != "sqlite":
        found.append(f"the rows: pg_dump of {rows.where}, made before this backup")
    if (registry.repository.git_dir / "hooks/pre-commit").exists():
        found.append("the hooks of Git, in hooks/ of the Git directory: they are programs")
    if registry.repository.config.remotes:
        found.append("what proves to the remotes who asks: SSH keys, tokens in their addresses")
    return found
