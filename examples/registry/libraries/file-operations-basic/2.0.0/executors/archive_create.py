"""archive.create: pack a directory, the same files always giving the same bytes."""

from __future__ import annotations

import gzip
import os
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any

from _files import CHUNK, already_there, size_to_keep
from _params import choice, if_exists, texts
from _paths import kind, path_of, require_file, shown, status
from _step import Done, Run, StepError, perform

FORMATS = ("auto", "zip", "tar", "tar.gz")
ENDINGS = {".zip": "zip", ".tar": "tar", ".tar.gz": "tar.gz", ".tgz": "tar.gz"}
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP file can hold


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Pack what is below ``source`` into an archive at ``destination``."""
    return perform(_create, parameters, context, "The archive was not created.")


def _create(parameters: Mapping[str, Any], run: Run) -> Done:
    source = path_of(parameters, "source", run)
    destination = path_of(parameters, "destination", run)
    form = _format(parameters, destination)
    exclude = texts(parameters, "exclude")
    policy = if_exists(parameters)
    _require_apart(source, destination)
    if (kept := size_to_keep(destination, policy)) is not None:
        output = _output(destination, form, size_bytes=kept, skipped=True)
        return Done(f"{destination} was there already.", output)
    files, left_out = _collect(source, exclude, run)
    size = _write(source, destination, form, files, run, overwrite=policy == "overwrite")
    output = _output(
        destination,
        form,
        file_count=sum(not path.is_dir() for path in files),
        skipped_count=left_out,
        size_bytes=size,
    )
    return Done(f"Packed {output['file_count']} files into {destination}.", output)


def _output(destination: Path, form: str, **found: int) -> dict[str, Any]:
    nothing = {"file_count": 0, "skipped_count": 0, "skipped": False}
    return {"path": str(destination), "format": form, **nothing, **found}


def _format(parameters: Mapping[str, Any], destination: Path) -> str:
    form = choice(parameters, "format", FORMATS, "auto")
    if form != "auto":
        return form
    name = destination.name.lower()
    for ending, known in ENDINGS.items():
        if name.endswith(ending):
            return known
    raise StepError(f"choose a format, or end the destination with {', '.join(ENDINGS)}")


def _require_apart(source: Path, destination: Path) -> None:
    if not source.is_dir():
        raise StepError(f"there is no directory at {source}")
    if destination.resolve().is_relative_to(source.resolve()):
        raise StepError("destination must be outside of source")


def _collect(source: Path, exclude: list[str], run: Run) -> tuple[list[Path], int]:
    """Return the files and directories to pack, sorted, and how many others there were."""
    found: list[Path] = []
    skipped = 0
    waiting = [source]
    while waiting:
        run.check()
        for path in waiting.pop().iterdir():
            relative = path.relative_to(source).as_posix()
            if relative != shown(relative):
                raise StepError(f"a name is not valid text: {shown(relative)}")
            if any(fnmatchcase(path.name, p) or fnmatchcase(relative, p) for p in exclude):
                continue
            type_ = kind(path.lstat().st_mode)
            if type_ == "directory":
                waiting.append(path)
            if type_ in ("file", "directory"):
                found.append(path)
            else:
                skipped += 1
    return sorted(found, key=lambda path: path.relative_to(source).as_posix()), skipped


def _write(
    source: Path, destination: Path, form: str, files: list[Path], run: Run, *, overwrite: bool
) -> int:
    """Write the archive; a new one that cannot be completed is removed."""
    new = status(destination) is None
    if not new:
        if not overwrite:
            raise already_there(destination)
        require_file(destination)
    with destination.open("xb" if new else "wb") as stream:
        try:
            with _packer(stream, form) as packer:
                for index, path in enumerate(files, 1):
                    run.check()
                    packer.add(path, path.relative_to(source).as_posix())
                    run.progress(index / len(files), path.name)
            return stream.tell()
        except BaseException:
            if new:
                stream.close()
                destination.unlink(missing_ok=True)
            raise


class _ZipPacker:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add(self, path: Path, name: str) -> None:
        is_directory = path.is_dir()
        info = zipfile.ZipInfo(name + "/" * is_directory, EPOCH)
        info.create_system = 3  # Unix, wherever this runs, so that permission bits count
        info.external_attr = _mode(path) << 16 | (0x10 if is_directory else 0)
        info.compress_type = zipfile.ZIP_STORED if is_directory else zipfile.ZIP_DEFLATED
        if is_directory:
            self._archive.writestr(info, b"")
            return
        with path.open("rb") as content, self._archive.open(info, "w", force_zip64=True) as target:
            while block := content.read(CHUNK):
                target.write(block)


class _TarPacker:
    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive

    def add(self, path: Path, name: str) -> None:
        info = tarfile.TarInfo(name)
        info.mode = _mode(path) & 0o777
        if path.is_dir():
            info.type = tarfile.DIRTYPE
            self._archive.addfile(info)
            return
        with path.open("rb") as content:
            info.size = os.fstat(content.fileno()).st_size
            self._archive.addfile(info, content)


@contextmanager
def _packer(stream: IO[bytes], form: str) -> Iterator[_ZipPacker | _TarPacker]:
    if form == "zip":
        with zipfile.ZipFile(stream, "w") as archive:
            yield _ZipPacker(archive)
    elif form == "tar":
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
            yield _TarPacker(tar)
    else:
        with (
            gzip.GzipFile(filename="", fileobj=stream, mode="wb", mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            yield _TarPacker(tar)


def _mode(path: Path) -> int:
    """Return a file's mode with what matters elsewhere: its type and whether it can be run."""
    if path.is_dir():
        return 0o040755
    return 0o100755 if path.stat().st_mode & 0o100 else 0o100644
