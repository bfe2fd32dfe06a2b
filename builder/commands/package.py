"""``opsteps package`` and ``opsteps bundle``: releases and registries as files that travel."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from builder.packaging.package import Chosen, choose_package, write_package
from registry.commands.acting import make_actor, read_key
from registry.commands.options import (
    ActorOption,
    JsonOption,
    NearRegistryOption,
    RegistryOption,
    tell,
)
from registry.errors import InvalidNameError, NotARegistryError, NotFoundError
from registry.names import parse_library_name
from registry.problems import InvalidLibraryError, printable
from registry.snapshots.registry import Registry
from registry.versions import parse_version

_HERE = Path()


def package(
    library: Annotated[
        str, typer.Argument(help="A library of the registry, or the directory of one: ./my-library")
    ],
    version: Annotated[
        str | None, typer.Argument(help="The version; the active one when left out.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The ZIP; NAME-VERSION.zip when left out.")
    ] = None,
    registry: NearRegistryOption = _HERE,
    as_json: JsonOption = False,
) -> None:
    """Pack a release, or a directory, into a ZIP that is the same bytes on every machine.

    A release carries its digest and its publisher's signature. A directory need not be in a
    registry: it is checked as for an install.
    """
    source = Path(library)
    if _is_place(library):
        _package_source(source, version, output, as_json=as_json)
        return
    try:
        _package_release(library, version, output, registry, as_json=as_json)
    except (InvalidNameError, NotARegistryError, NotFoundError):
        if not source.is_dir():
            raise
        _package_source(source, version, output, as_json=as_json)


def _is_place(text: str) -> bool:
    """True if this is a path and not a library's name, however it is written."""
    return text in {".", ".."} or "/" in text or os.sep in text or text.lower().endswith(".zip")


def _package_source(
    source: Path, version: str | None, output: Path | None, *, as_json: bool
) -> None:
    from builder.packaging.unreleased import read_unreleased, write_unreleased

    if version is not None:
        raise InvalidNameError(
            "a directory has its version in its manifest.json",
            where=str(source),
            next_step=f"Leave {version!r} out",
        )
    try:
        library = read_unreleased(source)
    except InvalidLibraryError as error:
        for problem in error.problems:
            tell(problem)
        raise
    for problem in library.warnings:
        tell(problem)
    target = output or _beside(source, library.file_name)
    packed = write_unreleased(library, target)
    answer = {
        "name": library.name,
        "version": library.version,
        "digest": library.digest,
        "is_signed": False,
        "is_yanked": False,
    }
    _report(answer, target, packed, as_json=as_json)


def _beside(source: Path, file_name: str) -> Path:
    """The current directory, or the library's parent: a ZIP in it would be packed the next time."""
    here, library = Path.cwd(), source.resolve()
    if source.is_dir() and (here == library or library in here.parents):
        return library.parent / file_name
    return Path(file_name)


def _package_release(
    library: str, version: str | None, output: Path | None, registry: Path, *, as_json: bool
) -> None:
    name = parse_library_name(library)
    wanted = parse_version(version) if version else None
    with Registry.open(registry) as opened:
        chosen = choose_package(opened.snapshot(), name, wanted)
    if chosen.yank is not None:
        typer.echo(_warning(chosen), err=True)
    target = output or Path(chosen.package.file_name)
    packed = write_package(chosen.package, target)
    statement = chosen.package.statement
    answer = {
        "name": statement.name,
        "version": str(statement.version),
        "digest": statement.digest,
        "is_signed": statement.signature is not None,
        "is_yanked": chosen.yank is not None,
    }
    _report(answer, target, packed, as_json=as_json)


def _warning(chosen: Chosen) -> str:
    statement, yank = chosen.package.statement, chosen.yank
    if yank is None:
        return ""
    instead = f"; use {yank.replacement} instead" if yank.replacement else ""
    reason = printable(f"{yank.reason}{instead}")
    return f"warning: {statement.name} {statement.version} is yanked: {reason}"


def _report(answer: Mapping[str, object], target: Path, packed: bytes, *, as_json: bool) -> None:
    file_hash = hashlib.sha256(packed).hexdigest()
    if as_json:
        told = {**answer, "file": str(target), "bytes": len(packed), "sha256": file_hash}
        typer.echo(json.dumps(told))
        return
    typer.echo(f"Packed {answer['name']} {answer['version']}")
    typer.echo(f"  file   {printable(str(target))} ({len(packed):,} bytes)")
    typer.echo(f"  sha256 {file_hash}")
    typer.echo(f"  digest sha256:{answer['digest']}")


def bundle(
    file: Annotated[Path, typer.Argument(help="The bundle to write.")],
    registry: RegistryOption = _HERE,
    key: Annotated[
        Path | None,
        typer.Option("--key", help="Sign the head first, with this key of the registry's own."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Only what comes after this commit.")
    ] = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pack a whole registry into one file, for a machine without a network.

    It is a Git bundle of the branch, the release and rollback tags and the signed head.
    There, `opsteps import bundle FILE DIRECTORY` verifies it and takes it in.
    """
    from rich.console import Console

    from builder.bundling.make_bundle import make_bundle
    from builder.bundling.report import made_json, made_text
    from registry.verifying.head_statement import write_statement

    private = read_key(key) if key is not None else None
    with (
        Registry.open(registry) as opened,
        Console(stderr=True).status("Packing the registry …"),
    ):
        signed = None
        if private is not None:
            now = datetime.now(UTC)
            signed = write_statement(
                opened, private, by=make_actor(actor, at=registry), time=now
            ).statement
        made = make_bundle(opened, file, since=since)
    if as_json:
        typer.echo(json.dumps(made_json(made, file, signed)))
        return
    for line in made_text(made, file, signed):
        typer.echo(line)
    if not made.is_signed:
        typer.echo("warning: its head is not signed; '--key KEY' signs it", err=True)


def import_bundle_file(
    file: Path,
    directory: Path,
    *,
    administrators: Path | None,
    max_age: float | None,
    as_json: bool,
) -> None:
    """Take a bundle in, for ``opsteps import bundle``."""
    from rich.console import Console

    from builder.bundling.import_bundle import import_bundle
    from builder.bundling.report import import_warnings, imported_json, imported_text
    from builder.bundling.signed_head import read_demands

    demands = read_demands(administrators, max_age)
    with Console(stderr=True).status("Verifying the bundle …"):
        done = import_bundle(file, directory, demands)
    for line in import_warnings(done):
        typer.echo(line, err=True)
    if as_json:
        typer.echo(json.dumps(imported_json(done, directory)))
        return
    for line in imported_text(done, directory):
        typer.echo(line)
