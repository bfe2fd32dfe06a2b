"""Reading of ZIP and TAR files that a stranger may have made.

An archive is read twice: once to judge every entry before anything is written, once to unpack.
What it says about itself is not believed: sizes are counted again while unpacking.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from _step import StepError

HEADER_LIMIT = 256 * 1024
MAX_NAME = 1024
MAX_DEPTH = 64
# What the readers of the standard library raise over damaged or forged input.
UNREADABLE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    LookupError,
    RecursionError,
    ValueError,
)
ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
COMPRESSED: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
# Names that mean a device to Windows, whatever follows the first dot.
DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """One file or directory in an archive; ``parts`` never lead out of the destination."""

    parts: tuple[str, ...]
    is_directory: bool
    size: int
    executable: bool
    open: Callable[[], IO[bytes]]


class Archive(Protocol):
    """What both kinds of archive offer."""

    format: str

    def entries(self) -> Iterator[Entry]:
        """Yield the entries in their order; refuse one that is neither file nor directory."""


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open an archive, whatever its name says; what is damaged fails in plain words."""
    with path.open("rb") as raw:
        try:
            start = raw.read(6)
            raw.seek(0)
            if start.startswith(ZIP_STARTS):
                with zipfile.ZipFile(raw) as archive:
                    yield _Zip(archive)
            else:
                yield _Tar(_decompressed(raw, start))
        except UNREADABLE as problem:
            raise StepError(f"{path} is damaged or not a ZIP or TAR file: {problem}") from None
        except NotImplementedError:
            raise StepError(f"{path} is compressed in a way that is not supported") from None


def safe_parts(name: str) -> tuple[str, ...]:
    """Split an entry's name; refuse one that could mean a place outside of the destination."""
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    outside = name.startswith("/") or ".." in parts or "\\" in name or re.match("[A-Za-z]:", name)
    if outside or "\0" in name or not all(_usable(part) for part in parts):
        raise StepError(f"the archive holds an unsafe name: {name[:200]!r}")
    if len(name) > MAX_NAME or len(parts) > MAX_DEPTH:
        raise StepError(f"the archive holds a name that is too long: {name[:60]!r}…")
    return parts


def _usable(part: str) -> bool:
    """Return whether a name means itself on this system."""
    if os.name != "nt":
        return True
    return not (DEVICE.fullmatch(part) or set(part) & set('<>:"|?*') or part[-1] in " .")


class _Zip:
    format = "zip"

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def entries(self) -> Iterator[Entry]:
        for info in self._archive.infolist():
            mode = info.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise StepError(f"the archive holds a link or a special file: {info.filename!r}")
            if info.flag_bits & 1:
                raise StepError("the archive is encrypted, which is not supported")
            yield Entry(
                safe_parts(info.orig_filename),
                info.is_dir(),
                info.file_size,
                bool(mode & stat.S_IXUSR),
                lambda info=info: self._archive.open(info),  # type: ignore[misc]
            )


class _Tar:
    format = "tar"

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def entries(self) -> Iterator[Entry]:
        self._stream.seek(0)
        with tarfile.open(fileobj=_Guarded(self._stream), mode="r:") as archive:
            for member in archive:
                if not (member.isdir() or member.isreg()) or member.issparse():
                    raise StepError(f"the archive holds a link or a special file: {member.name!r}")
                yield Entry(
                    safe_parts(member.name),
                    member.isdir(),
                    member.size,
                    bool(member.mode & stat.S_IXUSR),
                    lambda member=member: archive.extractfile(member) or io.BytesIO(),  # type: ignore[misc]
                )


class _Guarded(io.RawIOBase):
    """A stream that refuses to be read in one huge piece, as a forged header would have it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._inner = stream

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= HEADER_LIMIT:
            raise StepError("the archive holds a header that is too large")
        return self._inner.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()


def _decompressed(raw: IO[bytes], start: bytes) -> IO[bytes]:
    for magic, opener in COMPRESSED.items():
        if start.startswith(magic):
            stream: IO[bytes] = opener(raw)
            return stream
    return raw
