"""``opsteps install``: from ZIPs and directories, from upstreams, or as a lock file says."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from registry.commands.options import (
    ActorOption,
    JsonOption,
    KeyOption,
    NewInstanceOption,
    RegistryOption,
    RemoteOption,
    RequestOption,
    tell,
)
from registry.commands.update import fetch_all, show_plan
from registry.commands.upstream_options import (
    HostOption,
    InstanceOption,
    LicenseKeyOption,
    OfflineOption,
    host_of,
)
from registry.commands.writing import let_follow_here, writing
from registry.errors import ConflictError, InvalidNameError, NotFoundError
from registry.installing.incoming import Incoming, check_incoming
from registry.installing.installer import Installer, InstallResult
from registry.names import is_library_name
from registry.problems import InvalidLibraryError, printable
from registry.snapshots.registry import Registry
from registry.sources.release_source import read_source
from registry.transactions.transaction import Actor
from registry.upstreams.apply_plan import apply_plan
from registry.upstreams.fetched import Upstreams
from registry.upstreams.lock import plan_of_lock
from registry.upstreams.lock_file import parse_lock
from registry.upstreams.planning import InstallPlan, Wish, plan, wish_of

_HERE = Path()


def install(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="ZIPs or directories; or libraries of upstreams, as 'file-tools>=1.2'."
        ),
    ] = None,
    lock: Annotated[
        Path | None, typer.Option(help="Install exactly what this file of 'opsteps lock' says.")
    ] = None,
    registry: RegistryOption = _HERE,
    instance: InstanceOption = "production",
    new_instance: NewInstanceOption = False,
    host: HostOption = None,
    offline: OfflineOption = False,
    license_key: LicenseKeyOption = None,
    actor: ActorOption = None,
    request: RequestOption = None,
    key: KeyOption = None,
    remote: RemoteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Install libraries, released and served at once, all or none.

    From upstreams what they need comes along. Files that need each other are named together.
    What is there already stays as it is.
    """
    if bool(sources) == (lock is not None):
        raise typer.BadParameter("name what to install, or a lock file with --lock")
    with writing(
        registry, actor, request, key, remote,
        instance=instance, new_instance=new_instance, follow=None,
    ) as (opened, by):  # fmt: skip
        installer = Installer(opened, host=host_of(host))
        _refuse_ambiguous(opened, sources or ())
        if lock is not None or not any(map(_is_file, sources or ())):
            found, done = _from_upstreams(
                installer, sources or (), lock, by, offline=offline, license_key=license_key
            )
            show_plan(found, commit=done.commit, is_dry=False, as_json=as_json)
        else:
            incoming = [_read(installer, Path(source)) for source in sources or ()]
            done = installer.install(incoming, by=by, license_key=license_key)
            let_follow_here(opened)
            _show_files(incoming, done, as_json=as_json)


def _is_file(source: str) -> bool:
    """True if a person means a file: it is there, or it can be nothing else."""
    return Path(source).exists() or "/" in source or source.endswith(".zip")


def _refuse_ambiguous(registry: Registry, sources: Sequence[str]) -> None:
    """Raise ConflictError for a bare name that may be a directory here, or an upstream's library.

    Whose library a name stands for is decided for ever with the first install of it.
    """
    for source in sources:
        is_bare = not {"/", os.sep} & set(source) and Path(source).exists()
        if is_bare and is_library_name(source) and registry.snapshot().facts.upstreams:
            raise ConflictError(
                f"there is {source} in this directory, and an upstream may have a library of that"
                " name",
                next_step=f"Write ./{source} for what is here; for the library, run the command in"
                " another directory",
            )


def _from_upstreams(
    installer: Installer,
    sources: Sequence[str],
    lock: Path | None,
    by: Actor,
    *,
    offline: bool,
    license_key: str | None,
) -> tuple[InstallPlan, InstallResult]:
    upstreams = Upstreams(installer.registry)
    locked = parse_lock(_content(lock), file=str(lock)) if lock is not None else None
    wishes = list(map(_wish, sources))
    if not offline:
        fetch_all(upstreams)
    here = installer.view()
    found: InstallPlan
    if locked is not None:
        found = plan_of_lock(here, upstreams, locked)
    else:
        found = plan(here, upstreams, wishes, host=installer.host)
    done = apply_plan(
        installer, upstreams, found, operation="install", by=by, license_key=license_key
    )
    let_follow_here(installer.registry)
    upstreams.close()
    return found, done


def _content(lock: Path) -> bytes:
    try:
        return lock.read_bytes()
    except OSError as error:
        raise NotFoundError(
            f"the lock file cannot be read: {error.strerror}",
            where=str(lock),
            next_step="Name a file that 'opsteps lock' wrote",
        ) from error


def _wish(text: str) -> Wish:
    try:
        return wish_of(text)
    except InvalidNameError as error:
        raise NotFoundError(
            f"{printable(text[:80])!r} is neither a file nor a library",
            next_step="Name a ZIP or a directory, or a library such as 'file-tools>=1.2'",
        ) from error


def _show_files(incoming: Sequence[Incoming], done: InstallResult, *, as_json: bool) -> None:
    for one in incoming:
        for problem in one.warnings:
            typer.echo(str(problem), err=True)
    if as_json:
        installed = [f"{one.name} {one.version}" for one in incoming]
        told = {"commit": done.commit, "changed": done.changed, "installed": installed}
        typer.echo(json.dumps(told))
        return
    for one in incoming:
        typer.echo(_said(done, one))


def _read(installer: Installer, source: Path) -> Incoming:
    limits = installer.registry.limits
    try:
        files = read_source(source, limits, told=tell)
        return check_incoming(files, limits=limits, where=str(source))
    except InvalidLibraryError as error:
        for problem in error.problems:
            typer.echo(f"{source}: {problem}", err=True)
        raise error.listed() from error


def _said(done: InstallResult, one: Incoming) -> str:
    active = done.step(one.name).after.active
    note = "" if active == one.version else f" (active: {active})"
    said = "Installed" if done.step(one.name).writes else "Already there:"
    return f"{said} {one.name} {one.version}{note}"
