"""Pack a served release into a ZIP, and read one back.

The same release is the same bytes on every machine (`zipping`). The ZIP's comment says which
release it is (`PackageStatement`); the digest is over the files alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.packaging.errors import NotServedError, PackageError
from builder.packaging.reproducible_zip import zipped
from builder.packaging.staging import staged
from builder.packaging.statement import PackageStatement, parse_statement
from registry.formats.model import Yank
from registry.formats.parsing import parse_manifest
from registry.library.digest import release_digest
from registry.library.release_state import Library, ReleaseRecord, ReleaseState
from registry.names import CORE, LibraryName
from registry.problems import printable
from registry.snapshots.registry import Snapshot
from registry.sources.release_source import SourceError, read_source
from registry.sources.zip_reader import read_archive
from registry.versions import Version


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A release with its statement, as a package holds it. The files have the digest it says."""

    statement: PackageStatement
    files: Mapping[str, bytes]

    @property
    def file_name(self) -> str:
        """``<name>-<version>.zip``."""
        return f"{self.statement.name}-{self.statement.version}.zip"

    def __bytes__(self) -> bytes:
        """The ZIP."""
        top = f"{self.statement.name}-{self.statement.version}"
        return zipped(self.files, top=top, comment=bytes(self.statement))


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """A release that may be packed, and why it should not be used any more, if so."""

    package: Package
    yank: Yank | None


def choose_package(snapshot: Snapshot, name: LibraryName, version: Version | None) -> Chosen:
    """A served release, the active one without a version; raises NotFoundError, NotServedError."""
    if name == CORE:
        raise NotServedError("core is built in", where="core", next_step="Every server has it")
    library = snapshot.library(name)
    record = library.active if version is None else library.release(version)
    if record is None or not record.is_served or record.digest is None:
        raise _not_served(library, version, record)
    files = snapshot.files(name, record.version)
    if release_digest(files) != record.digest:
        raise PackageError(
            "its files do not have the digest that it was released with",
            where=f"{name} {record.version}",
            next_step="Run 'opsteps verify --deep' and treat it as tampering until explained",
        )
    entry = library.facts.ledger[str(record.version)]
    statement = PackageStatement(
        name=name,
        version=record.version,
        digest=record.digest,
        date=entry.date,
        signature=entry.signature,
    )
    return Chosen(package=Package(statement=statement, files=files), yank=record.yank)


def _not_served(
    library: Library, version: Version | None, record: ReleaseRecord | None
) -> NotServedError:
    where = f"{library.name} {version}" if version is not None else str(library.name)
    releases = f"See its releases with 'opsteps show {library.name}'"
    if record is None:
        what = "there is no such version" if version is not None else "it has no active release"
        return NotServedError(what, where=where, next_step=releases)
    if record.state is ReleaseState.CANDIDATE:
        step = f"Release it first with 'opsteps release {library.name} {record.version}'"
        return NotServedError("it is a candidate, not a release", where=where, next_step=step)
    if record.state is ReleaseState.WITHDRAWN:
        what = "its files were removed when the library was uninstalled"
        if record.removal is not None:
            what = f"it is removed, since {record.removal.date}"
        return NotServedError(what, where=where, next_step=releases)
    what = f"it is not served: {printable(record.alarm)}"
    return NotServedError(what, where=where)


def write_package(package: Package, target: Path) -> bytes:
    """Put the ZIP in place, whole or not at all, and return its bytes.

    It is read back before; raises WriteError, and PackageError or SourceError where it would not be
    accepted.
    """
    packed = bytes(package)
    with staged(target) as beside:
        beside.write_bytes(packed)
        try:
            read_package(beside)
        except (PackageError, SourceError) as error:
            error.where = f"{package.statement.name} {package.statement.version}"
            raise
    return packed


def read_package(path: Path) -> Package:
    """A package, if its files have the digest that its statement says.

    Raises NotFoundError, SourceError or LimitError as `read_source` does, and PackageError.
    """
    files = read_source(path)
    try:
        statement = parse_statement(_comment(path))
        _require_same(statement, files)
    except PackageError as error:
        error.where = error.where or str(path)
        raise
    return Package(statement=statement, files=files)


def _require_same(statement: PackageStatement, files: Mapping[str, bytes]) -> None:
    release = f"{statement.name} {statement.version}"
    if release_digest(files) != statement.digest:
        raise PackageError(
            f"its files are not those of {release}: their digest is another one",
            next_step="Do not use it; fetch it again from where it was made",
        )
    manifest = parse_manifest(files.get("manifest.json", b"")).value
    if manifest is None or f"{manifest.name} {manifest.version}" != release:
        raise PackageError(
            f"its statement says {release}, and its manifest something else",
            next_step="Do not use it; fetch it again from where it was made",
        )


def _comment(path: Path) -> bytes:
    if path.is_dir():
        raise PackageError("a directory is not a package", next_step="Name a ZIP")
    return read_archive(path.read_bytes()).comment
