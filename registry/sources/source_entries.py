"""The entries of a directory or a ZIP, file by file, before any of it is read."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from registry.checks.paths import wrong_part
from registry.limits import Limits
from registry.problems import cut_name
from registry.sources.leftovers import Left, passed_by
from registry.sources.zip_reader import Archive, ArchiveError, ZipEntry

_SLASHES = "write '/' between folders: pack it with 'opsteps package', 7-Zip or a newer PowerShell"
_PLAIN_FILE = "pack a regular file, stored or deflated, without a password"


def _nothing() -> None:
    """Check nothing: a file system has no ends that could be misread."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceEntry:
    """One file before it is read: what is wrong with it as far as its listing says.

    ``name`` is in Unicode form NFC. ``left`` says that it is passed by, and why; then only
    ``verify`` is called, which raises ArchiveError. A folder is listed to be checked.
    """

    name: str
    size: int = 0
    read: Callable[[], bytes] = bytes
    verify: Callable[[], None] = _nothing
    left: tuple[str, Left] | None = None
    is_folder: bool = False
    wrong: str = ""
    expected: str = ""
    rule: str = "source"


def directory_entries(root: Path) -> Iterator[SourceEntry]:
    """The files of a directory, sorted; what is passed by is not entered."""
    yield from sorted(_walked(root), key=lambda entry: entry.name)


def _walked(root: Path) -> Iterator[SourceEntry]:
    failed: list[OSError] = []
    for where, folders, names in os.walk(root, onerror=failed.append):
        below: list[str] = []
        for name in (*folders, *names):
            path = Path(where, name)
            shown = unicodedata.normalize("NFC", path.relative_to(root).as_posix())
            left = passed_by(shown)
            if left is not None:
                yield SourceEntry(name=shown, left=left)
            elif name in folders and not path.is_symlink():
                below.append(name)
            else:
                yield _file_entry(shown, path)
        folders[:] = below
    for error in failed:
        path = Path(os.fsdecode(error.filename or root))
        yield SourceEntry(
            name=unicodedata.normalize("NFC", path.relative_to(root).as_posix()),
            wrong=f"it cannot be read: {error.strerror}",
            expected="make it a directory that you may read",
        )


def _file_entry(shown: str, path: Path) -> SourceEntry:
    status = path.lstat()
    if stat.S_ISREG(status.st_mode):
        return SourceEntry(name=shown, size=status.st_size, read=path.read_bytes)
    if stat.S_ISLNK(status.st_mode):
        wrong, expected = "symbolic links are not allowed", "put in the file itself"
    else:
        wrong, expected = "this is not a regular file", "put in regular files only"
    return SourceEntry(name=shown, wrong=wrong, expected=expected)


def zip_entries(archive: Archive, limits: Limits) -> Iterator[SourceEntry]:
    """The entries of a ZIP, in its order."""
    for listed in archive.entries:
        name = unicodedata.normalize("NFC", listed.name)
        if len(name) > limits.name_chars:  # what looks at each part of it would take its time
            yield SourceEntry(
                name=cut_name(name),
                wrong="its name is far too long",
                expected=f"paths of at most {limits.path_bytes} bytes",
                rule="limit-name",
            )
        else:
            yield _zip_entry(listed, name, limits)


def _zip_entry(listed: ZipEntry, name: str, limits: Limits) -> SourceEntry:
    path = name.removesuffix("/")
    if listed.damage:
        return SourceEntry(name=name, wrong=listed.damage, expected=_PLAIN_FILE)
    left = passed_by(path)
    if left is not None:
        return SourceEntry(name=name, size=listed.size, verify=listed.verify, left=left)
    if listed.kind:
        return SourceEntry(name=name, wrong=listed.kind, expected=_PLAIN_FILE)
    wrong = next((found for found in map(wrong_part, path.split("/")) if found), "")
    if "\\" in path:  # some readers take it for a folder's end, some for a part of the name
        wrong = "there is a backslash in its name, as older tools of Windows write them"
        return SourceEntry(name=name, wrong=wrong, expected=_SLASHES)
    if wrong:
        expected = "use paths inside the library, that every system can have"
        return SourceEntry(name=name, wrong=wrong, expected=expected)
    return _folder_entry(listed, name) if listed.is_directory else _packed(listed, name, limits)


def _packed(listed: ZipEntry, name: str, limits: Limits) -> SourceEntry:
    if listed.size > limits.compression_ratio * max(listed.packed, 1):
        return SourceEntry(
            name=name,
            wrong="it expands more than is allowed",
            expected=f"keep to at most {limits.compression_ratio:,} bytes for one packed byte",
            rule="limit-compression",
        )
    return SourceEntry(name=name, size=listed.size, read=listed.content)


def _folder_entry(listed: ZipEntry, name: str) -> SourceEntry:
    """A folder holds nothing; some tools pack this nothing."""
    try:
        listed.verify()
    except ArchiveError as error:
        return SourceEntry(name=name, wrong=error.message, expected="pack a folder without content")
    return SourceEntry(name=name, is_folder=True)
