"""The state of an index beside its own files: where it is, and what it was made of."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import orjson

from builder.search.query import SearchUnavailableError

_STATE = "state.json"
# Raised whenever documents, fields, weights or postings are made differently: an older index is
# then replaced by a new one.
FORMAT = 3
_POLL_SECONDS = 0.02
_SMALL_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexState:
    """``state.json``. ``keys`` holds each library's `Snapshot.key` at the time it was indexed."""

    format: int
    directory: str
    generation: int
    commit: str
    synonyms: str = ""
    """Stands for the synonyms that documents were written with."""
    keys: dict[str, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)


def read_index_state(root: Path) -> IndexState | None:
    """The state of the index in a directory; None when there is none that can be read."""
    try:
        state = msgspec.json.decode((root / _STATE).read_bytes(), type=IndexState)
    except (OSError, msgspec.DecodeError):
        return None
    # A directory of our own making: nothing that leads elsewhere.
    return state if state.format == FORMAT and state.directory.isalnum() else None


def write_state(root: Path, state: IndexState) -> None:
    """Replace the state in one step."""
    fresh = root / f"{_STATE}.{os.getpid()}"
    fresh.write_bytes(orjson.dumps(state))
    fresh.replace(root / _STATE)


def discard_index(root: Path) -> None:
    """Have the next update make the index again; who has it open goes on using it."""
    (root / _STATE).unlink(missing_ok=True)


def state_stamp(root: Path) -> tuple[int, int]:
    """Return a stamp that changes whenever the state is replaced; cheap. (0, 0) without a state."""
    try:
        found = (root / _STATE).stat()
    except OSError:
        return (0, 0)
    return (found.st_ino, found.st_mtime_ns)


@contextmanager
def write_lock(root: Path, seconds: float) -> Iterator[None]:
    """Be the only writer of an index; raises SearchUnavailableError after so many seconds."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("a") as handle:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise SearchUnavailableError(
                        f"another process has been updating the index for {seconds:g} s",
                        where=str(root),
                        next_step="Wait for it, or end it; nothing was changed",
                    ) from error
                time.sleep(_POLL_SECONDS)
        yield


def file_marks(directory: Path) -> dict[str, str]:
    """The files of an index with their lengths, to notice one that was cut off.

    A small file comes with its checksum: the table of contents is one, on which all else hangs.
    """
    with os.scandir(directory) as entries:
        return {
            entry.name: _mark(Path(entry.path), entry.stat().st_size)
            for entry in sorted(entries, key=lambda entry: entry.name)
            if entry.is_file()
        }


def _mark(path: Path, size: int) -> str:
    return f"{size}:{zlib.crc32(path.read_bytes())}" if size <= _SMALL_BYTES else str(size)


def finish(root: Path, state: IndexState) -> None:
    """Say that the index is complete; remove what earlier ones and crashes left behind."""
    write_state(root, replace(state, marks=file_marks(root / state.directory)))
    for entry in root.iterdir():
        if entry.is_dir() and entry.name != state.directory:
            shutil.rmtree(entry, ignore_errors=True)
