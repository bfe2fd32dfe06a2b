"""Writes the read model: a commit's changes in one transaction, or everything into a new file."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path

import lmdb
import msgspec
import structlog

from server.readmodel import model_files, model_layout
from server.readmodel.long_lists import LongList
from server.readmodel.model_layout import Meta, StoredToken
from server.readmodel.model_place import ModelPlace
from server.readmodel.records import ServedLibrary, ServedStep
from server.readmodel.served import Served
from server.readmodel.stored_changes import (
    forget_library,
    forget_range,
    put_all,
    put_compressed,
    put_lists,
)
from server.readmodel.stored_records import (
    Records,
    blocks,
    everything,
    library_records,
    named_lists,
    plain_body,
)
from server.readmodel.stored_state import StoredState, read_state
from server.readmodel.stored_values import stored_library

_LEAST_BYTES = 64 * 1024 * 1024
_LISTS_AND_STEPS = 3
"""A file is about this many times as large as the list of all steps."""
_ASKED_BYTES = 32 * 1024 * 1024
_RECORD_BYTES = 1_024
"""Bytes counted for each record besides its value, so that small ones are limited as well."""
_GROWTH = 3
"""A file that has grown to this many times its first size is made again."""
_ENCODER = msgspec.msgpack.Encoder()
_LOG = structlog.get_logger(__name__)


class ReadModel:
    """The read model, for its only writer. Safe to use from many threads."""

    def __init__(
        self,
        directory: Path,
        *,
        code: str,
        instance: str,
        run: str,
        asked_bytes: int = _ASKED_BYTES,
        place: ModelPlace | None = None,
    ) -> None:
        """``run`` is an id of the server's run, whose workers use no file of another run.

        What is only kept because it was asked for has at most ``asked_bytes``. Workers look for
        files in the ``place``, which is noted there already.
        """
        self._place = place
        self._asked_bytes = asked_bytes
        self._directory = directory
        self._code = code
        self._instance = instance
        self._run = run
        self._lock = threading.Lock()
        self._env: lmdb.Environment | None = None
        self._name = ""
        self._identity: tuple[int, int] | None = None
        self._made_bytes = 0
        self._tokens: Sequence[StoredToken] | None = None
        """The tokens that are accepted; None until they have been read."""
        self._written_tokens: Sequence[StoredToken] | None = None
        """The tokens that the file has; None if that is not known."""
        self._told_tokens: Sequence[StoredToken] | None = None
        """The last tokens that workers have learned for sure."""
        self._served: Served | None = None
        """The state that the file was written for last: a file that failed is made again of it."""

    def read(self) -> StoredState | None:
        """Return all records of the existing file; None if it cannot be trusted, or is in use."""
        name = model_files.current_name(self._directory)
        if name is None or self._env is not None:
            return None
        try:
            # The note of a process that this file ended stays until another file is current.
            if not model_files.begin_trial(self._directory, name):
                _LOG.warning("the read model is made again", reason="reading it once never ended")
                return None
        except OSError as error:
            _LOG.warning("the read model is made again", reason=str(error))
            return None
        try:
            state = self._read(name)
        except (lmdb.Error, OSError, ValueError, KeyError, msgspec.MsgspecError) as error:
            _LOG.warning("the read model is made again", reason=str(error))
            self.close()
            self._take_back(name)
            model_files.forget_current(self._directory)
            state = None
        model_files.end_trial(self._directory)
        return state

    def _take_back(self, name: str) -> None:
        """Let no worker answer from a file that is damaged, also not one that has it open."""
        try:
            with (
                model_files.open_to_write(self._directory, name) as env,
                env.begin(write=True) as txn,
            ):
                txn.delete(model_layout.META)
        except lmdb.Error as error:
            _LOG.error("workers still answer from a damaged read model", reason=str(error))

    def _read(self, name: str) -> StoredState | None:
        checked = model_files.open_to_read(self._directory, name)
        if checked is None:
            return None
        try:
            with checked.begin() as txn:
                meta = model_files.read_meta(txn)
                if not model_files.is_believed(meta, code=self._code, instance=self._instance):
                    return None
                state = read_state(txn)
        finally:
            checked.close()
        with self._lock:
            self._env = model_files.open_to_write(self._directory, name)
            self._name, self._identity = name, model_files.identity(self._directory, name)
        return state

    def vouch(self, served: Served) -> None:
        """Let workers answer from the file: it holds what is to be served.

        Raises lmdb.Error, OSError.
        """
        with self._lock:
            if self._env is None:
                self._replace_somewhere(served)
                return
            try:
                with self._writing() as txn:
                    self._vouch(txn, served)
            except lmdb.Error:
                self._replace_somewhere(served)
            self._served = served
            self._tell_tokens()

    def _vouch(self, txn: lmdb.Transaction, served: Served) -> None:
        meta = model_files.read_meta(txn)
        made = meta.made_bytes if meta is not None else 0
        txn.put(model_layout.META, _ENCODER.encode(self._meta(served, made)))
        # As long as the database cannot be read, those of this run are left.
        if self._tokens is not None or meta is None or meta.vouched != self._run:
            txn.put(model_layout.TOKENS, _ENCODER.encode(self._tokens or []))

    def replace(self, served: Served) -> None:
        """Write everything into a new file. Raises lmdb.Error, OSError."""
        with self._lock:
            self._replace_somewhere(served)

    def _replace_somewhere(self, served: Served) -> None:
        """Write everything into a new file; elsewhere if there is no room for it here."""
        try:
            self._replace(served)
        except (lmdb.Error, OSError) as error:
            if self._place is None or self._directory == self._place.spare:
                raise
            _LOG.warning("the read model is not kept where derived files are", reason=str(error))
            self._directory = self._place.spare
            self._replace(served)

    def change(self, served: Served, names: Iterable[str]) -> None:
        """Write the new state of these libraries, and the lists. Raises lmdb.Error, OSError."""
        with self._lock:
            env = self._env
            if env is not None:
                # A worker that was killed pins nothing, and has no slot, any more.
                env.reader_check()
            if env is None or self._is_to_be_made_again(env):
                self._replace(served)
                return
            try:
                with self._writing() as txn:
                    self._change(txn, served, names)
            except lmdb.MapFullError:
                self._replace(served)
            self._served = served

    def _change(self, txn: lmdb.Transaction, served: Served, names: Iterable[str]) -> None:
        for first, after in model_layout.MADE:
            forget_range(txn, first, after)
        for name in names:
            forget_library(txn, name)
            library = served.libraries.get(name)
            if library is not None:
                put_all(txn, ((key, make()) for key, make in library_records(library)))
        put_lists(txn, served)
        meta = model_files.read_meta(txn)
        made = meta.made_bytes if meta is not None else 0
        txn.put(model_layout.META, _ENCODER.encode(self._meta(served, made)))

    def add_compressed(self, served: Served) -> None:
        """Write the compressed forms that the lists have by now. Raises lmdb.Error, OSError."""
        with self._lock:
            if self._env is None:
                return
            try:
                with self._writing() as txn:
                    for name, one in named_lists(served):
                        put_compressed(txn, name, one)
            except lmdb.MapFullError:
                self._replace(served)

    def keep_filtered(self, served: Served, key: bytes, one: LongList) -> None:
        """Keep a list that was made because it was asked for, until the steps change.

        Raises lmdb.Error.
        """
        keys = [model_layout.made_piece_key(piece.digest) for piece in one.pieces]
        records = [(key, _ENCODER.encode(plain_body(one, keys)))]
        records += zip(keys, (piece.body for piece in one.pieces), strict=True)
        with self._lock:
            now = self._served
            # A tag that comes after its commit changes the steps, too.
            if now is None or now.steps_etag != served.steps_etag:
                return
            if self._has_room(records):
                with self._writing() as txn:
                    put_all(txn, records)

    def keep_pinned(
        self, library: ServedLibrary, version: str, steps: Iterable[ServedStep]
    ) -> None:
        """Keep an older release that was asked for, as long as its library stays what it is.

        Raises lmdb.Error.
        """
        records = [
            (
                model_layout.pinned_key(step.id, version),
                model_layout.step_value(step.etag, step.body),
            )
            for step in steps
        ]
        with self._lock:
            if self._has_room(records):
                with self._writing() as txn:
                    stored = stored_library(txn, library.name)
                    if stored is not None and stored.key == library.key:
                        put_all(txn, records)

    def _has_room(self, records: Sequence[tuple[bytes, bytes]]) -> bool:
        """True if there is room for records that were asked for; may delete all earlier ones."""
        size = sum(len(value) + _RECORD_BYTES for _, value in records)
        if self._env is None or size > self._asked_bytes:
            return False
        if self._is_to_be_made_again(self._env):
            # A slow reader keeps freed pages from being used again; the next commit mends that.
            return False
        if self._made_bytes + size > self._asked_bytes:
            with self._writing() as txn:
                for first, after in model_layout.ASKED:
                    forget_range(txn, first, after)
            self._made_bytes = 0
        self._made_bytes += size
        return True

    @contextmanager
    def _writing(self) -> Iterator[lmdb.Transaction]:
        """Begin a transaction, with the lock held. Raises lmdb.Error."""
        env = self._env
        if env is None:
            raise lmdb.Error("the read model is closed")
        try:
            with env.begin(write=True) as txn:
                yield txn
        except lmdb.MapFullError:
            raise
        except lmdb.Error:
            # LMDB believes nothing of a file that it could not write to its end; nor do we.
            self._env = self._written_tokens = None
            env.close()
            raise

    def set_tokens(self, tokens: Sequence[StoredToken]) -> None:
        """Write the tokens that are accepted from now on. Raises lmdb.Error, OSError.

        If that is not possible and one was revoked, workers read nothing any more.
        """
        with self._lock:
            self._tokens = tokens
            try:
                self._put_tokens(tokens)
            except (lmdb.Error, OSError):
                if self._place is not None and not set(self._told_tokens or ()) <= set(tokens):
                    self._place.withdraw()
                raise

    def _put_tokens(self, tokens: Sequence[StoredToken]) -> None:
        """Write the tokens; make another file if this one cannot be used."""
        if self._env is not None and self._is_there():
            if tokens == self._written_tokens:
                return
            try:
                with self._writing() as txn:
                    txn.put(model_layout.TOKENS, _ENCODER.encode(tokens))
            except lmdb.Error as error:
                _LOG.warning("the read model is made again", reason=str(error))
            else:
                self._tell_tokens()
                return
        if self._served is not None and tokens == self._told_tokens:
            self._replace(self._served)
        elif self._served is not None:
            self._replace_somewhere(self._served)

    def _tell_tokens(self) -> None:
        """Workers have the tokens now."""
        self._written_tokens = self._told_tokens = self._tokens

    def records(self) -> Records:
        """Yield everything as it is kept, in the order of the keys."""
        if self._env is not None:
            with self._env.begin() as txn, txn.cursor() as cursor:
                for key, value in cursor:
                    yield bytes(key), bytes(value)

    @property
    def size(self) -> int:
        """Bytes of the file; 0 while there is none."""
        env = self._env
        try:
            return _size(env) if env is not None else 0
        except lmdb.Error:  # it was closed just now
            return 0

    @property
    def is_whole(self) -> bool:
        """False if the file is not what workers read any more, as somebody harmed it."""
        return self._served is None or self._is_there()

    def mend(self) -> None:
        """Make another file if somebody harmed this one. Raises lmdb.Error, OSError."""
        with self._lock:
            if self._served is not None and not self._is_there():
                self._replace(self._served)

    def close(self) -> None:
        """Write nothing more."""
        with self._lock:
            if self._env is not None:
                self._env.close()
                self._env = None

    def _is_to_be_made_again(self, env: lmdb.Environment) -> bool:
        if not self._is_there():
            return True
        with env.begin() as txn:
            meta = model_files.read_meta(txn)
        made = meta.made_bytes if meta is not None else 0
        return _size(env) > max(_LEAST_BYTES, _GROWTH * made)

    def _is_there(self) -> bool:
        """True if the file that is open is current, and nobody has changed it or its locks."""
        if (
            self._env is None
            or model_files.current_name(self._directory) != self._name
            or model_files.identity(self._directory, self._name) != self._identity
        ):
            return False
        try:
            return model_files.is_whole(self._env, self._directory / self._name)
        except lmdb.Error:  # it was closed just now
            return False

    def _replace(self, served: Served) -> None:
        records = sorted(everything(served), key=itemgetter(0))
        name = model_files.new_name(_LISTS_AND_STEPS * served.lists.steps.plain.length)
        env = model_files.open_to_write(self._directory, name)
        try:
            for block in blocks(records):
                with env.begin(write=True) as txn:
                    for key, value in block:
                        txn.put(key, value, append=True)
            with env.begin(write=True) as txn:
                meta = self._meta(served, _size(env))
                txn.put(model_layout.META, _ENCODER.encode(meta))
                txn.put(model_layout.TOKENS, _ENCODER.encode(self._tokens or []))
            model_files.make_current(self._directory, name)
        except BaseException:
            env.close()
            model_files.remove(self._directory, name)
            raise
        model_files.end_trial(self._directory)
        before, self._env, self._name, self._made_bytes = self._env, env, name, 0
        self._identity = model_files.identity(self._directory, name)
        self._served = served
        if self._place is not None:
            self._place.note(self._directory)
        self._tell_tokens()
        if before is not None:
            _say_moved(before, name)
            before.close()
        model_files.remove_others(self._directory, name)

    def _meta(self, served: Served, made: int) -> Meta:
        return Meta(
            format=model_layout.FORMAT,
            code=self._code,
            instance=self._instance,
            boot=model_files.boot_id(),
            commit=served.commit,
            committed_at=served.committed_at,
            libraries=served.library_count,
            steps=served.step_count,
            made_bytes=made,
            vouched=self._run,
        )


def _size(env: lmdb.Environment) -> int:
    return int((env.info()["last_pgno"] + 1) * env.stat()["psize"])


def _say_moved(env: lmdb.Environment, name: str) -> None:
    """Send readers to another file at once; they look for it themselves, a little later."""
    try:
        with env.begin(write=True) as txn:
            meta = model_files.read_meta(txn)
            if meta is not None:
                txn.put(
                    model_layout.META, _ENCODER.encode(msgspec.structs.replace(meta, moved=name))
                )
    except lmdb.Error as error:
        _LOG.warning("readers go over to the new read model a little later", reason=str(error))
