"""The files of a read model: finds the current one, and decides if it may be used.

Invariant: a file is used only if this user wrote it, with this code, since this machine started,
for this instance. Otherwise a new one is made from Git.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
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
_LOCKS = "-lock"
_READERS = 4_096
"""Transactions that may be open at once, in all processes: each list that is being sent has one."""
_LOCK_BYTES = 64
"""LMDB has a line of the processor's cache for each reader, and at most four for itself."""
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
    """Lock the directory; yields False if another server writes there, or this one cannot."""
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        lock = (directory / _LOCK).open("a") if _is_of_user(directory, stat.S_ISDIR) else None
    except OSError:
        lock = None
    if lock is None:
        yield False
        return
    with lock:
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


def file_number(name: str) -> int:
    """Return a number of 64 bits for a file: no other one of this machine has it."""
    return int(name.partition("-")[0], 16)


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


def renew_locks(directory: Path) -> None:
    """Give the current file new locks, as at the start of a run. Raises OSError."""
    name = current_name(directory)
    if name is not None and (directory / name).exists():
        (directory / f"{name}{_LOCKS}").unlink(missing_ok=True)
        _make_locks(directory / f"{name}{_LOCKS}")


def renew(directory: Path) -> None:
    """Copy the current file to a new one, which is current then. Raises OSError.

    A keeper that was killed may have left its lock taken, and on some platforms it stays so while
    any process, such as a worker, has the file open. A copy has locks of its own. Nothing sends
    workers there: they look for it.
    """
    name = current_name(directory)
    if name is None:
        return
    if not _is_of_user(directory / name, stat.S_ISREG) or _noted_trial(directory) == name:
        forget_current(directory)
        return
    new = f"{secrets.token_hex(8)}-{name.rpartition('-')[2]}"
    try:
        shutil.copyfile(directory / name, directory / new)
        (directory / new).chmod(0o600)
        _make_locks(directory / f"{new}{_LOCKS}")
        make_current(directory, new)
    except OSError:
        remove(directory, new)
        raise
    remove_others(directory, new)


def _noted_trial(directory: Path) -> str:
    try:
        return (directory / _TRIAL).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""


def begin_trial(directory: Path, name: str) -> bool:
    """Note that a file is about to be read whole; False if an earlier reading never ended.

    A damaged page may end the process that reads it.
    """
    if _noted_trial(directory) == name:
        return False
    (directory / _TRIAL).write_text(name, encoding="ascii")
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


def identity(directory: Path, name: str) -> tuple[int, int] | None:
    """Return numbers of a file and of its locks, which others of that name have not; None without.

    With locks of its own a process sees no change, and is seen by nobody.
    """
    try:
        return (directory / name).stat().st_ino, (directory / f"{name}{_LOCKS}").stat().st_ino
    except OSError:
        return None


def open_to_write(directory: Path, name: str) -> lmdb.Environment:
    """Open a file to write to; make it if it does not exist. Raises lmdb.Error, OSError."""
    _make_locks(directory / f"{name}{_LOCKS}")
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


def _make_locks(file: Path) -> None:
    """Make the file of locks, with room on the disk: writing to what is missing ends a process.

    LMDB is to open it after that: closing a file gives up all locks that a process has on it.
    """
    try:
        made = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    try:
        os.posix_fallocate(made, 0, _LOCK_BYTES * (_READERS + 4))
    except OSError:
        file.unlink(missing_ok=True)
        raise
    finally:
        os.close(made)


def open_to_read(directory: Path, name: str) -> lmdb.Environment | None:
    """Open a file to read from; None if it cannot be used."""
    before = identity(directory, name)
    if before is None or not _is_of_user(directory / name, stat.S_ISREG):
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
    # LMDB makes locks that are missing.
    if identity(directory, name) == before and is_whole(env, directory / name):
        return env
    env.close()
    return None


def _is_of_user(path: Path, is_kind: Callable[[int], bool]) -> bool:
    """True for a path of this kind that this user has made and no other can write to."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return (
        is_kind(found.st_mode)
        and found.st_uid == os.geteuid()
        and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def is_whole(env: lmdb.Environment, file: Path) -> bool:
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
