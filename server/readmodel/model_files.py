"""The files of a read model: finds the current one, and decides if it may be used.

Invariant: a file is used only if this user wrote it, with this code, since this machine started,
for this instance. Otherwise a new one is made from Git.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import lmdb
import msgspec

from registry.files.durable import write_whole
from server.readmodel.model_layout import FORMAT, META, Meta

_CURRENT = "current"
_LOCK = "lock"
_TRIAL = "trial"
_SUFFIX = ".mdb"
_READERS = 4_096
"""Transactions that may be open at once: each long answer under way has one."""
_GIB = 1 << 30
_NAME = re.compile(r"[0-9a-f]{16}-[0-9]{1,4}\.mdb")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_META = msgspec.msgpack.Decoder(Meta)


def read_model_directory(derived: Path, instance: str) -> Path:
    """Return the directory of an instance's read model, below that for derived files."""
    return derived / f"readmodel-{sha256(instance.encode()).hexdigest()[:16]}"


def boot_id() -> str:
    """Return an id of the machine's last start; empty if the system does not tell."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


@contextmanager
def owning(directory: Path) -> Iterator[bool]:
    """Lock the directory; yields False if another server already writes its read model there."""
    directory.mkdir(mode=0o700, exist_ok=True)
    with (directory / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def new_name(expected_bytes: int) -> str:
    """Return a name for a new file, which holds the address space that it may fill, in GiB.

    There is room for eight times the expected bytes; a file that is full is made again. Readers
    must map as much as the writer, or they could not follow when the file grows.
    """
    return f"{secrets.token_hex(8)}-{1 + 8 * expected_bytes // _GIB}{_SUFFIX}"


def _map_bytes(name: str) -> int:
    return _GIB * int(name.removesuffix(_SUFFIX).rpartition("-")[2])


def current_name(directory: Path) -> str | None:
    """Return the name of the file that holds the read model; None if there is none."""
    try:
        name = (directory / _CURRENT).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    return name if _NAME.fullmatch(name) else None


def make_current(directory: Path, name: str) -> None:
    """Let this file be the read model from now on. Raises OSError."""
    write_whole(directory / _CURRENT, name.encode())


def forget_current(directory: Path) -> None:
    """Let no file be the read model: workers that look for one relay everything."""
    with suppress(OSError):
        (directory / _CURRENT).unlink()


def begin_trial(directory: Path, name: str) -> bool:
    """Note that a file is about to be read whole; False if an earlier reading never ended.

    A damaged page may end the process that reads it.
    """
    trial = directory / _TRIAL
    with suppress(OSError):
        if trial.read_text(encoding="ascii") == name:
            return False
    trial.write_text(name, encoding="ascii")
    return True


def end_trial(directory: Path) -> None:
    """Note that the file was read, or is not used."""
    (directory / _TRIAL).unlink(missing_ok=True)


def remove(directory: Path, name: str) -> None:
    """Delete a file that could not be written to its end, and what belongs to it."""
    _delete(directory.glob(f"{name}*"))


def remove_others(directory: Path, name: str) -> None:
    """Delete all files but this one; a process that has another one open can go on reading it."""
    found = directory.glob(f"*{_SUFFIX}*")
    _delete(file for file in found if not file.name.startswith(name))


def _delete(files: Iterable[Path]) -> None:
    for file in files:
        with suppress(OSError):
            file.unlink()


def is_there(directory: Path, name: str) -> bool:
    """True if this file is current, and nobody has deleted it."""
    return current_name(directory) == name and (directory / name).exists()


def open_to_write(directory: Path, name: str) -> lmdb.Environment:
    """Open a file to write to; make it if it does not exist. Raises lmdb.Error."""
    return lmdb.open(
        str(directory / name),
        subdir=False,
        map_size=_map_bytes(name),
        mode=0o600,
        metasync=False,
        sync=False,
        max_readers=_READERS,
        max_spare_txns=16,
    )


def open_to_read(directory: Path, name: str) -> lmdb.Environment | None:
    """Open a file to read from; None if it cannot be used."""
    if not _is_ours(directory / name):
        return None
    try:
        env = lmdb.open(
            str(directory / name),
            subdir=False,
            readonly=True,
            create=False,
            map_size=_map_bytes(name),
            max_readers=_READERS,
            max_spare_txns=16,
        )
    except lmdb.Error:
        return None
    if _is_whole(env, directory / name):
        return env
    env.close()
    return None


def _is_ours(file: Path) -> bool:
    try:
        found = file.lstat()
    except OSError:
        return False
    return (
        stat.S_ISREG(found.st_mode)
        and found.st_uid == os.geteuid()
        and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def _is_whole(env: lmdb.Environment, file: Path) -> bool:
    """True if every page is there: reading a missing one would kill this process."""
    pages = env.info()["last_pgno"] + 1
    try:
        size = file.stat().st_size
    except OSError:  # deleted meanwhile
        return False
    return bool(size >= pages * env.stat()["psize"])


def read_meta(txn: lmdb.Transaction) -> Meta | None:
    """Return the meta record; None if it cannot be read."""
    found = txn.get(META)
    if found is None:
        return None
    try:
        return _META.decode(found)
    except msgspec.MsgspecError:
        return None


def is_believed(meta: Meta | None, *, code: str, instance: str) -> bool:
    """True if the records may be used, as far as their file can tell."""
    return (
        meta is not None
        and meta.format == FORMAT
        and meta.code == code
        and meta.instance == instance
        and bool(meta.boot)
        and meta.boot == boot_id()
        and not meta.moved
    )
