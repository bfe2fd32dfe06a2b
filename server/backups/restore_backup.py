"""Bring a backup back: everything is checked in a quarantine, and appears with one rename."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from builder.bundling.quarantine import unpack
from registry.errors import GitError, RegistryError
from registry.files.durable import sync_directories
from registry.git.remote import parse_remote
from registry.git.repository import GitRepository
from registry.git.worktree import follow
from registry.snapshots.registry import Registry
from registry.trust.report import VerificationReport
from registry.trust.trusted_head import read_trusted
from registry.verifying.report_text import title
from registry.verifying.verification import VerificationOptions, verify_registry
from server.backups.backup_manifest import BUNDLE, DERIVED, ROWS, STATE, BackupManifest, not_whole
from server.backups.container import Reading, Told
from server.backups.errors import BackupError
from server.database.copying import copy_known_rows, refuse_damaged
from server.database.engine import Database, database_url
from server.database.tokens import Token, list_tokens, revoke_token

_SHOWN = 3
_SIGNATURE = b"# v2 git bundle\n"
_LINE = 8 * 1024
_REFS = 5_000_000
# An address, or a host in it, that a program would take for an option.
_OPTION = re.compile(r"(?:\A|//|@)-")


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """The restored parts; ``live`` are the tokens that are accepted again."""

    manifest: BackupManifest
    report: VerificationReport
    live: tuple[str, ...]
    revoked: tuple[str, ...]


def restore_backup(
    file: Path, target: Path, *, told: Told, revokes: bool = False, unsound: bool = False
) -> Restored:
    """Restore into a directory that is new or empty; on any error nothing is there afterwards.

    ``revokes``: every token is revoked; ``unsound``: also what `verify` finds something in.
    Raises BackupError, a BundleError, DatabaseError, OSError.
    """
    _refuse_taken(target)
    reading = Reading(file, told)
    quarantine = target.absolute().parent / f".opsteps-restore-{uuid.uuid4().hex}"
    try:
        quarantine.mkdir(mode=0o700)
        made = quarantine / "registry"
        made.mkdir()
        repository = _registry(reading, quarantine, made)
        state = repository.common_dir / "opsteps"
        _state(reading, state)
        live, revoked = _rows(reading, quarantine / "rows", state, revokes=revokes)
        told("verifying", 0)
        report = _verified(made, reading.manifest, where=str(file), unsound=unsound)
        if repository.work_tree is not None:
            follow(repository, None)
        _settled(made)
        made.rename(target)
        sync_directories([target.absolute().parent])
    finally:
        reading.close()
        shutil.rmtree(quarantine, ignore_errors=True)
    return Restored(manifest=reading.manifest, report=report, live=live, revoked=revoked)


def _refuse_taken(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise BackupError("there is something already", where=str(target), next_step=_NEW)
    if target.is_dir() and any(target.iterdir()):
        raise BackupError("the directory is not empty", where=str(target), next_step=_NEW)
    if not target.absolute().parent.is_dir():
        raise BackupError(
            "the directory above it is not there",
            where=str(target),
            next_step="Make it first, or name another place",
        )


_NEW = "Name a directory that is new or empty: nothing is ever overwritten"


def _registry(reading: Reading, quarantine: Path, made: Path) -> GitRepository:
    from registry.git.gitpython import create_repository

    manifest = reading.manifest
    bundle = quarantine / "bundle"
    reading.take(BUNDLE, bundle)
    branch = manifest.branch.removeprefix("refs/heads/")
    repository = create_repository(made, bare=manifest.is_bare, branch=branch)
    with bundle.open("rb") as file:
        refs = _read_refs(file, where=str(bundle))
        unpack(repository, file, where=str(bundle))
    _set_refs(repository, refs, manifest)
    for name, address in manifest.remotes.items():
        _remote(repository, name, address)
    return GitRepository(made)


def _read_refs(file: BinaryIO, *, where: str) -> dict[str, str]:
    """The refs in a bundle's header, however they are named; the file is then at the pack."""
    refs: dict[str, str] = {}
    if file.readline(_LINE) != _SIGNATURE:
        raise not_whole(where, "its bundle cannot be read")
    while (line := file.readline(_LINE)) != b"\n":
        object_id, _, name = line.decode(errors="surrogateescape").rstrip("\n").partition(" ")
        if not name or "\0" in name or not line.endswith(b"\n") or len(refs) > _REFS:
            raise not_whole(where, "the header of its bundle cannot be read")
        refs[name] = object_id
    return {name: found for name, found in refs.items() if name.startswith("refs/")}


def _set_refs(repository: GitRepository, refs: dict[str, str], manifest: BackupManifest) -> None:
    if refs.get(manifest.branch) != manifest.head:
        raise not_whole(str(repository.git_dir), "its branch is not where its manifest says")
    lines = (
        f"create {name}\0{object_id}\0"
        for name, object_id in refs.items()
        if name not in manifest.symbolic
    )
    stdin = "".join(lines).encode(errors="surrogateescape")
    repository.run("update-ref", "-z", "--stdin", stdin=stdin)
    for name, leads in manifest.symbolic.items():
        # Git looks at neither name here, and makes a file of the first one, wherever that leads.
        if not (name in refs and leads in refs and _is_ref(repository, name, leads)):
            raise not_whole(str(repository.git_dir), "its manifest names refs that it has not")
        repository.run("symbolic-ref", name, leads)
    repository.run("pack-refs", "--all")


def _is_ref(repository: GitRepository, *names: str) -> bool:
    """True if these can be names of refs: none of them leads out of their directory."""
    try:
        for name in names:
            repository.run("check-ref-format", name)
    except GitError:
        return False
    return True


def _remote(repository: GitRepository, name: str, address: str) -> None:
    """A remote as Git knows it; what names no place, or a program of Git's, is left out."""
    parse_remote(name)
    if not address or _OPTION.search(address) or "::" in address or not address.isprintable():
        return
    repository.run("config", f"remote.{name}.url", address)
    repository.run("config", f"remote.{name}.fetch", f"+refs/heads/*:refs/remotes/{name}/*")


def _state(reading: Reading, state: Path) -> None:
    state.mkdir(exist_ok=True)
    for name in reading.manifest.files:
        if name.startswith(STATE) and name not in DERIVED:
            reading.take(name, state / name.removeprefix(STATE), mode=0o644)


def _rows(
    reading: Reading, taken: Path, state: Path, *, revokes: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tokens that are live, and those that were revoked now."""
    if ROWS not in reading.manifest.files:
        return (), ()
    reading.take(ROWS, taken)
    refuse_damaged(taken)
    # Into tables of our own: what else the file has may act by itself.
    with Database(database_url("", state)) as database:
        copy_known_rows(taken, database)
        live = _live(list_tokens(database))
        if not revokes:
            return live, ()
        for name in live:
            revoke_token(database, name)
    return (), live


def _live(tokens: list[Token]) -> tuple[str, ...]:
    now = datetime.now(UTC)
    return tuple(token.name for token in tokens if token.is_live(now))


def _verified(
    made: Path, manifest: BackupManifest, *, where: str, unsound: bool
) -> VerificationReport:
    """Every release is hashed again; raises BackupError for findings nobody acknowledged."""
    try:
        with Registry.open(made, check_clone=False) as registry:
            wishes = VerificationOptions(now=datetime.now(UTC), deep=True)
            report = verify_registry(registry, wishes, trusted=read_trusted(registry)).report
    except RegistryError as error:
        raise not_whole(where, f"its registry cannot be read: {error.message}") from error
    if report.head != manifest.head:
        raise not_whole(where, "its head is not the one that its manifest names")
    if not report.is_sound and not unsound:
        named = "; ".join(title(finding) for finding in report.findings[:_SHOWN])
        raise BackupError(
            f"what is in it is not sound ({len(report.findings):,} findings): {named}",
            where=where,
            next_step="Take an older backup, or restore it all the same with --unsound and see"
            " 'opsteps verify' and 'opsteps repair' there; nothing was written",
        )
    return report


def _settled(made: Path) -> None:
    """All of it is on the disk before it gets its name."""
    for directory, _, files in os.walk(made):
        for name in files:
            path = Path(directory, name)
            if not path.is_symlink():
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
    sync_directories([Path(directory) for directory, _, _ in os.walk(made)])
