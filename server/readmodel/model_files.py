"""The files of a read model: which one is current, and whether it may be believed.

Invariant: what is believed was written by this user, with this code, since this machine started,
for this instance. Anything else is made again from Git.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import lmdb
import msgspec

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
    """Where an instance's read model is, below the directory for derived files."""
    return derived / f"readmodel-{sha256(instance.encode()).hexdigest()[:16]}"


def boot_id() -> str:
    """What differs after each start of the machine; empty where nothing says so."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


@contextmanager
def owning(directory: Path) -> Iterator[bool]:
    """Whether the directory is this process's alone; two servers never write one read model."""
    directory.mkdir(mode=0o700, exist_ok=True)
    with (directory / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def new_name(expected_bytes: int) -> str:
    """The name of a file that does not exist yet, with the address space that it may fill, in GiB.

    There is room for eight times the bytes that are expected; a file that is full is made again.
    Who reads must map as much as who writes, or could not follow when the file grows.
    """
    return f"{secrets.token_hex(8)}-{1 + 8 * expected_bytes // _GIB}{_SUFFIX}"


def _map_bytes(name: str) -> int:
    return _GIB * int(name.removesuffix(_SUFFIX).rpartition("-")[2])


def current_name(directory: Path) -> str | None:
    """The name of the file that holds the read model; None where there is none."""
    try:
        name = (directory / _CURRENT).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    return name if _NAME.fullmatch(name) else None


def make_current(directory: Path, name: str) -> None:
    """From now on this file is the read model. Raises OSError."""
    beside = directory / f".{_CURRENT}"
    beside.write_text(name, encoding="ascii")
    beside.replace(directory / _CURRENT)


def begin_trial(directory: Path, name: str) -> bool:
    """Note that a file is about to be read whole; False where that was begun and never ended.

    A page that is damaged may end the process that reads it.
    """
    trial = directory / _TRIAL
    with suppress(OSError):
        if trial.read_text(encoding="ascii") == name:
            return False
    trial.write_text(name, encoding="ascii")
    return True


def end_trial(directory: Path) -> None:
    """It was read, or is not used."""
    (directory / _TRIAL).unlink(missing_ok=True)


def remove_others(directory: Path, name: str) -> None:
    """Delete all files but this one; who has another one open goes on reading it."""
    for file in directory.glob(f"*{_SUFFIX}*"):
        if not file.name.startswith(name):
            with suppress(OSError):
                file.unlink()


def is_there(directory: Path, name: str) -> bool:
    """Whether nobody has deleted the current file."""
    return current_name(directory) == name and (directory / name).exists()


def open_to_write(directory: Path, name: str) -> lmdb.Environment:
    """A file to write to, made where it does not exist. Raises lmdb.Error."""
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
    """A file to read from, or None where it cannot be used."""
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
    """Whether every page is there: reading one that is not would kill this process."""
    pages = env.info()["last_pgno"] + 1
    return bool(file.stat().st_size >= pages * env.stat()["psize"])


def read_meta(txn: lmdb.Transaction) -> Meta | None:
    """What the records belong to; None where that cannot be read."""
    found = txn.get(META)
    if found is None:
        return None
    try:
        return _META.decode(found)
    except msgspec.MsgspecError:
        return None


def is_believed(meta: Meta | None, *, code: str, instance: str) -> bool:
    """Whether records may be used as they are, as far as their file goes."""
    return (
        meta is not None
        and meta.format == FORMAT
        and meta.code == code
        and meta.instance == instance
        and bool(meta.boot)
        and meta.boot == boot_id()
        and not meta.moved
    )
