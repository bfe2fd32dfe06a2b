"""Read a release from where an author has it: a directory or a ZIP. Nothing is extracted to disk."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from registry.errors import LimitError, NotFoundError, RegistryError
from registry.settings import DEFAULT_LIMITS, Limits

# What editors, tools and Git leave behind; an author never means to publish it.
_LEFTOVERS = frozenset(
    {"__pycache__", ".git", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".DS_Store", "Thumbs.db"}
)
_SYMLINK = 0o120000
_TYPE_MASK = 0o170000


class SourceError(RegistryError):
    """A directory or ZIP that cannot be read as a release."""

    exit_code = 2


def read_source(path: Path, limits: Limits = DEFAULT_LIMITS) -> dict[str, bytes]:
    """The files of a release by path; raises NotFoundError, SourceError or LimitError."""
    if path.is_dir():
        return _read_directory(path, limits)
    if not path.is_file():
        raise NotFoundError(
            "there is nothing here", where=str(path), next_step="Name a directory or a ZIP"
        )
    return _read_zip(path, limits)


class _Budget:
    """Counts files and bytes against the limits while a source is read."""

    def __init__(self, where: str, limits: Limits) -> None:
        self._where = where
        self._limits = limits
        self._files = 0
        self._bytes = 0

    def spend(self, path: str, size: int) -> None:
        self._files += 1
        self._bytes += size
        limits = self._limits
        for amount, limit, what in (
            (size, limits.file_bytes, f"{path}: bytes in one file"),
            (self._bytes, limits.release_bytes, "bytes in all files together"),
            (self._files, limits.release_files, "files"),
        ):
            if amount > limit:
                raise LimitError(
                    f"{what}: {amount:,}, at most {limit:,} are allowed", where=self._where
                )


def _read_directory(root: Path, limits: Limits) -> dict[str, bytes]:
    budget = _Budget(str(root), limits)
    files: dict[str, bytes] = {}
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if _LEFTOVERS.intersection(relative.parts) or path.suffix == ".pyc":
            continue
        if path.is_symlink():
            raise SourceError(
                "symbolic links are not allowed in a release",
                where=str(path),
                next_step="Put the file itself there",
            )
        if path.is_file():
            budget.spend(relative.as_posix(), path.stat().st_size)
            files[relative.as_posix()] = path.read_bytes()
    return files


def _read_zip(path: Path, limits: Limits) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = list(_members(archive, path, limits))
            return _without_top_folder({name: archive.read(info) for name, info in members})
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise SourceError(
            f"this is not a ZIP that can be read: {error}", where=str(path)
        ) from error


def _members(
    archive: zipfile.ZipFile, path: Path, limits: Limits
) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    budget = _Budget(str(path), limits)
    seen: set[str] = set()
    for info in archive.infolist():
        name = info.filename
        if info.is_dir():
            continue
        if (info.external_attr >> 16) & _TYPE_MASK == _SYMLINK:
            raise SourceError(f"{name!r} is a symbolic link", where=str(path))
        if name in seen or name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise SourceError(f"the entry {name!r} is not allowed", where=str(path))
        if info.file_size > limits.compression_ratio * max(info.compress_size, 1):
            raise LimitError(f"{name!r} expands more than allowed", where=str(path))
        seen.add(name)
        budget.spend(name, info.file_size)
        yield name, info


def _without_top_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    """A library may lie under one top folder (design, section 3)."""
    tops = {name.partition("/")[0] for name in files}
    if "manifest.json" in files or len(tops) != 1:
        return files
    return {name.partition("/")[2]: content for name, content in files.items()}
