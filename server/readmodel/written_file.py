"""The file of a read model that is open to write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import lmdb
import msgspec
import structlog

from server.readmodel import model_files, model_layout
from server.readmodel.model_layout import Meta, StoredToken
from server.readmodel.stored_records import Records

_LEAST_BYTES = 64 * 1024 * 1024
_GROWTH = 3
"""A file that has grown to this many times its first size is made again."""
_ENCODER = msgspec.msgpack.Encoder()
_LOG = structlog.get_logger(__name__)


class WrittenFile:
    """One file, for one thread at a time; ``is_there``, ``size`` and ``records`` for any."""

    def __init__(self, directory: Path, name: str) -> None:
        """Open it; make it if it does not exist. Raises lmdb.Error, OSError."""
        self.name = name
        self._directory = directory
        self.env = model_files.open_to_write(directory, name)
        self._identity = model_files.identity(directory, name)
        self.is_open = True
        self.tokens: Sequence[StoredToken] | None = None
        """The tokens that it has; None if that is not known."""

    @contextmanager
    def writing(self) -> Iterator[lmdb.Transaction]:
        """Begin a transaction. Raises lmdb.Error: then the file is closed unless it is full."""
        try:
            with self.env.begin(write=True) as txn:
                yield txn
        except lmdb.MapFullError:
            raise
        except lmdb.Error:
            # LMDB believes nothing of a file that it could not write to its end; nor do we.
            self.close()
            raise

    def add_sorted(self, blocks: Iterable[Iterable[tuple[bytes, bytes]]]) -> None:
        """Write records in the order of their keys, each block in one transaction."""
        for block in blocks:
            with self.env.begin(write=True) as txn:
                for key, value in block:
                    txn.put(key, value, append=True)

    @property
    def is_there(self) -> bool:
        """True if it is current, and nobody has changed it or its locks."""
        file = self._directory / self.name
        try:
            return (
                model_files.current_name(self._directory) == self.name
                and model_files.identity(self._directory, self.name) == self._identity
                and model_files.is_whole(self.env, file)
            )
        except lmdb.Error:  # it was closed just now
            return False

    @property
    def is_to_be_made_again(self) -> bool:
        """True if it is not there any more, or has grown too large."""
        if not self.is_there:
            return True
        with self.env.begin() as txn:
            made = made_bytes(model_files.read_meta(txn))
        return self.size > max(_LEAST_BYTES, _GROWTH * made)

    @property
    def size(self) -> int:
        """Its bytes; 0 once it is closed."""
        try:
            return int((self.env.info()["last_pgno"] + 1) * self.env.stat()["psize"])
        except lmdb.Error:
            return 0

    def records(self) -> Records:
        """Yield everything as it is kept, in the order of the keys."""
        with self.env.begin() as txn, txn.cursor() as cursor:
            for key, value in cursor:
                yield bytes(key), bytes(value)

    def leave_for(self, name: str) -> None:
        """Send readers to another file at once, and close; they look for it a little later."""
        try:
            if not self._is_cut_short():  # reading that would end this process
                self._tell_moved(name)
        except lmdb.Error as error:
            _LOG.warning("readers go over to the new file a little later", reason=str(error))
        self.close()

    def _tell_moved(self, name: str) -> None:
        with self.env.begin(write=True) as txn:
            meta = model_files.read_meta(txn)
            if meta is not None:
                moved = msgspec.structs.replace(meta, moved=name)
                txn.put(model_layout.META, _ENCODER.encode(moved))

    def _is_cut_short(self) -> bool:
        """True if pages are missing; one that was only deleted has all of them."""
        file = self._directory / self.name
        return file.exists() and not model_files.is_whole(self.env, file)

    def close(self) -> None:
        """Write nothing more."""
        self.is_open = False
        self.env.close()


def made_bytes(meta: Meta | None) -> int:
    """Return the size of a file when it was made; 0 if it does not say."""
    return meta.made_bytes if meta is not None else 0
