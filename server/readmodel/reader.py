"""Reads the read model for a lookup worker: each request in one transaction."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import lmdb
import msgspec
import structlog

from server.readmodel import model_files, model_layout
from server.readmodel.model_layout import Meta, StoredToken

_TOKENS = msgspec.msgpack.Decoder(list[StoredToken])
_LATE_SECONDS = 2.0
_LOG = structlog.get_logger(__name__)


class Reader:
    """Reads the newest state that a keeper of this run has vouched for in the file that is open.

    `look` goes over to another file. For one thread.
    """

    def __init__(self, place: Callable[[], Path | None], run: str, code: str) -> None:
        """Open nothing yet; ``place`` returns the directory of the read model, once known.

        ``code`` is the fingerprint of the code that the records must be of.
        """
        self._place = place
        self._run = run
        self._code = code
        self._env: lmdb.Environment | None = None
        self._opened: tuple[Path, str] | None = None
        self._seen = -1
        self._is_left = False
        """True if the file that is open says that another one has taken its place."""
        self._late_since = 0.0
        """Since when the current file is another one that cannot be read; 0 if it is this one."""
        self._told = ""
        self.meta: Meta | None = None
        """The meta record of the newest state that was seen."""
        self.tokens: dict[str, tuple[int, float]] = {}
        """Id and end of each token that may read, by the hash of its secret."""
        self.tokens_seen = 0
        """Grows whenever the tokens may have changed."""

    def begin(self) -> lmdb.Transaction | None:
        """Begin a transaction on the newest state, which the caller aborts; None without one."""
        env = self._env or self._open()
        if env is None:
            return None
        try:
            txn = env.begin()
            return txn if txn.id() == self._seen else self._hear(txn)
        except (lmdb.Error, msgspec.MsgspecError) as error:
            self._tell(str(error))
            return None

    def close(self) -> None:
        """Read nothing more."""
        if self._env is not None:
            self._env.close()
            self._env = None

    def _tell(self, problem: str) -> None:
        """Log a problem once: it may come with every request."""
        if problem != self._told:
            _LOG.error("the read model cannot be read", reason=problem)
        self._told = problem

    def _hear(self, txn: lmdb.Transaction) -> lmdb.Transaction | None:
        """Read the meta record after a change; go over to another file if it says so."""
        meta = model_files.read_meta(txn)
        if meta is None or not self._may_use(meta):
            txn.abort()
            return None
        if meta.moved:
            if not self._is_left and self._go_over():
                txn.abort()
                return self.begin()
            self._is_left = True
            if self._seen < 0:
                txn.abort()
                return None
            # An old state is better than nothing, for a while: `look` goes on trying.
            self._seen = txn.id()
            return txn
        self.meta = meta
        self._hear_tokens(txn)
        # Last: a state whose tokens could not be read is not one that was seen.
        self._seen = txn.id()
        return txn

    def _may_use(self, meta: Meta) -> bool:
        """True if a keeper of this run vouches for it, and of this code: one may be replaced."""
        is_of_code = meta.format == model_layout.FORMAT and meta.code == self._code
        return is_of_code and meta.vouched == self._run

    def _hear_tokens(self, txn: lmdb.Transaction) -> None:
        found = txn.get(model_layout.TOKENS)
        self.tokens = {}  # those of an earlier state may have been revoked
        self.tokens_seen += 1
        stored = _TOKENS.decode(found) if found is not None else []
        self.tokens = {
            one.digest: (one.token_id, math.inf if one.end is None else one.end) for one in stored
        }

    def look(self) -> None:
        """Go over to the current file even if the old one does not say so.

        A file that is not current any more is read for a few seconds at most: in another one a
        token may have been revoked.
        """
        directory = self._place()
        if directory is None:
            self._leave()
        if directory is None or self._env is None:
            return
        is_current = (directory, model_files.current_name(directory)) == self._opened
        if (is_current and not self._is_left) or self._go_over():
            self._late_since = 0.0
            return
        now = monotonic()
        self._late_since = self._late_since or now
        if now - self._late_since > _LATE_SECONDS:
            self._tell("another file is current and cannot be opened; everything is relayed")
            self._leave()

    def refuse(self, problem: str) -> None:
        """Read nothing more from the file, which is damaged; the keeper makes another one."""
        self._tell(problem)
        if self._opened is not None:
            directory, name = self._opened
            self._leave()
            if model_files.current_name(directory) == name:
                model_files.forget_current(directory)

    def _leave(self) -> None:
        """Read nothing, until another file can be opened."""
        if self._env is not None:
            self._env, self._opened, self._seen, self._late_since = None, None, -1, 0.0
            self.tokens = {}
            self.tokens_seen += 1

    def _go_over(self) -> bool:
        """Go over to the current file if that is another one, and may be read."""
        before, opened, seen, is_left = self._env, self._opened, self._seen, self._is_left
        if self._open() is not None and self.newest() is not None and not self._is_left:
            return True
        self._env, self._opened, self._seen, self._is_left = before, opened, seen, is_left
        return False

    @property
    def file_number(self) -> int:
        """The number of the file that is open; 0 for none."""
        if self._env is None or self._opened is None:
            return 0
        return model_files.file_number(self._opened[1])

    def newest(self) -> Meta | None:
        """Return the meta record of the newest state; None if there is none."""
        txn = self.begin()
        if txn is None:
            return None
        txn.abort()
        return self.meta

    def _open(self) -> lmdb.Environment | None:
        directory = self._place()
        name = model_files.current_name(directory) if directory is not None else None
        if directory is None or name is None or (directory, name) == self._opened:
            return None
        env = model_files.open_to_read(directory, name)
        if env is None:
            return None
        self._env, self._opened, self._seen, self._is_left = env, (directory, name), -1, False
        return env
