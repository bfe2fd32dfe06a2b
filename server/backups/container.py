"""The file itself: a ZIP with a manifest of digests, read as if a stranger had made it."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO

import msgspec

from server.backups.backup_manifest import (
    MANIFEST,
    BackupManifest,
    Member,
    not_whole,
    parse_manifest,
)
from server.backups.errors import BackupError

_CHUNK = 1024 * 1024
_MANIFEST_BYTES = 16 * 1024 * 1024
_FILES = 1_000
# Neither hashes nor rows squeeze like this: what does would fill the disk.
_RATIO = 200
# What is raised where a ZIP is damaged, cut off, encrypted, or packed in a way that is not known.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError,
    ValueError,
)  # fmt: skip

Told = Callable[[str, int], None]
"""Told which file is at work, and how many bytes of it are done."""


class Writing:
    """Puts files into a new backup, and remembers the digest of each."""

    def __init__(self, file: BinaryIO, told: Told) -> None:
        """``file`` is new and empty."""
        self.files: dict[str, Member] = {}
        self._zip = zipfile.ZipFile(file, "w", allowZip64=True)
        self._told = told

    def put(self, name: str, *sources: BinaryIO, squeezed: bool = True) -> None:
        """One file, of these streams one after the other."""
        entry = zipfile.ZipInfo(name)
        entry.compress_type = zipfile.ZIP_DEFLATED if squeezed else zipfile.ZIP_STORED
        entry.external_attr = 0o600 << 16
        digest, size = hashlib.sha256(), 0
        with self._zip.open(entry, "w", force_zip64=True) as out:
            for source in sources:
                while chunk := source.read(_CHUNK):
                    out.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
                    self._told(name, size)
        self.files[name] = Member(size=size, sha256=digest.hexdigest())

    def finish(self, manifest: BackupManifest) -> None:
        """The manifest comes last: a file that was cut off has none."""
        self._zip.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        self._zip.close()


class Reading:
    """A backup to read from; every way in which it may be damaged is a BackupError."""

    def __init__(self, path: Path, told: Told) -> None:
        """Open it; raises BackupError for anything but a whole backup."""
        self._where = str(path)
        self._told = told
        try:
            self._zip = zipfile.ZipFile(path)
            self.manifest = self._read_manifest()
        except FileNotFoundError as error:
            raise BackupError("there is no such file", where=self._where) from error
        except (*_DAMAGE, OSError) as error:
            raise not_whole(self._where, str(error) or type(error).__name__) from error

    def _read_manifest(self) -> BackupManifest:
        entries = self._zip.infolist()
        names = [entry.filename for entry in entries]
        if len(names) > _FILES or len(set(names)) != len(names):
            raise not_whole(self._where, "it holds what no backup has")
        if self._zip.getinfo(MANIFEST).file_size > _MANIFEST_BYTES:
            raise not_whole(self._where, "its manifest is too large")
        manifest = parse_manifest(self._zip.read(MANIFEST), where=self._where)
        if set(names) != {MANIFEST, *manifest.files}:
            raise not_whole(self._where, "its files are not those of its manifest")
        if any(one.file_size > _CHUNK + _RATIO * one.compress_size for one in entries):
            raise not_whole(self._where, "it unpacks to more than any backup does")
        return manifest

    def take(self, name: str, target: Path, *, mode: int = 0o600) -> None:
        """Write one file to a path; raises BackupError for other bytes than the manifest says."""
        expected = self.manifest.files[name]
        try:
            with self._zip.open(name) as source, target.open("xb") as out:
                target.chmod(mode)
                self._copy(name, source, out, expected)
        except _DAMAGE as error:
            raise not_whole(self._where, f"{name}: {error}") from error

    def _copy(self, name: str, source: IO[bytes], out: BinaryIO, expected: Member) -> None:
        digest, size = hashlib.sha256(), 0
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > expected.size:
                break
            digest.update(chunk)
            out.write(chunk)
            self._told(name, size)
        if (size, digest.hexdigest()) != (expected.size, expected.sha256):
            raise not_whole(self._where, f"{name} is not what its manifest says")

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()
