"""Writes the read model: a commit's changes in one transaction, or everything into a new file."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from operator import itemgetter
from pathlib import Path

import lmdb
import msgspec
import structlog

from server.readmodel import model_files, model_layout
from server.readmodel.asked_records import AskedRecords, forget_filtered
from server.readmodel.checked_state import checked_state
from server.readmodel.long_lists import LongList
from server.readmodel.model_layout import Meta, StoredToken
from server.readmodel.model_place import ModelPlace
from server.readmodel.records import ServedLibrary, ServedStep
from server.readmodel.served import Served
from server.readmodel.stored_changes import (
    forget_library,
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
)
from server.readmodel.stored_state import StoredState
from server.readmodel.written_file import WrittenFile, made_bytes

_LISTS_AND_STEPS = 3
"""A file is about this many times as large as the list of all steps."""
_ASKED_BYTES = 32 * 1024 * 1024
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

        What is only kept because it was asked for has at most ``asked_bytes``. Workers look in
        the ``place``.
        """
        self._place = place
        self._asked = AskedRecords(asked_bytes)
        self._directory = directory
        self._code = code
        self._instance = instance
        self._run = run
        self._lock = threading.Lock()
        self._written: WrittenFile | None = None
        self._tokens: Sequence[StoredToken] | None = None
        """The tokens that are accepted; None until they have been read."""
        self._told_tokens: Sequence[StoredToken] | None = None
        """The last tokens that workers have learned for sure; None if that is not known."""
        self._served: Served | None = None
        """The state that the file was written for last: a file that failed is made again of it."""

    @property
    def _file(self) -> WrittenFile | None:
        """The file that is open; None also after one could not be written to its end."""
        return self._written if self._written is not None and self._written.is_open else None

    def read(self) -> StoredState | None:
        """Return all records of the existing file; None if it cannot be trusted, or is in use."""
        name = model_files.current_name(self._directory)
        if name is None or self._file is not None:
            return None
        state = checked_state(self._directory, name, code=self._code, instance=self._instance)
        try:
            self._written = WrittenFile(self._directory, name) if state is not None else None
        except (lmdb.Error, OSError) as error:
            _LOG.warning("the read model is made again", reason=str(error))
            return None
        return state

    def vouch(self, served: Served) -> None:
        """Let workers answer from the file: it holds what is to be served.

        Raises lmdb.Error, OSError.
        """
        with self._lock:
            if self._file is None:
                self._replace_somewhere(served)
                return
            try:
                with self._file.writing() as txn:
                    self._vouch(txn, served)
            except lmdb.Error:
                self._replace_somewhere(served)
            self._served = served
            self._tell_tokens()

    def _vouch(self, txn: lmdb.Transaction, served: Served) -> None:
        meta = model_files.read_meta(txn)
        txn.put(model_layout.META, _ENCODER.encode(self._meta(served, made_bytes(meta))))
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
            try:
                is_written = self._write_change(served, names)
            except lmdb.MapFullError:
                is_written = False
            except lmdb.Error as error:
                _LOG.warning("the read model is made again", reason=str(error))
                self._close_file()  # its locks may be harmed: nothing more is written to it
                is_written = False
            if is_written:
                self._served = served
            else:
                self._replace_somewhere(served)

    def _write_change(self, served: Served, names: Iterable[str]) -> bool:
        """Write a change into the file; False if another one is to be made."""
        file = self._file
        if file is None or file.is_to_be_made_again:
            return False
        # A worker that was killed pins nothing, and has no slot, any more.
        file.env.reader_check()
        with file.writing() as txn:
            self._change(txn, served, names)
        return True

    def _change(self, txn: lmdb.Transaction, served: Served, names: Iterable[str]) -> None:
        forget_filtered(txn)
        for name in names:
            forget_library(txn, name)
            library = served.libraries.get(name)
            if library is not None:
                put_all(txn, ((key, make()) for key, make in library_records(library)))
        put_lists(txn, served)
        made = made_bytes(model_files.read_meta(txn))
        txn.put(model_layout.META, _ENCODER.encode(self._meta(served, made)))

    def add_compressed(self, served: Served) -> None:
        """Write the compressed forms that the lists have by now. Raises lmdb.Error, OSError."""
        with self._lock:
            if self._file is None:
                return
            try:
                with self._file.writing() as txn:
                    for name, one in named_lists(served):
                        put_compressed(txn, name, one)
            except lmdb.MapFullError:
                self._replace_somewhere(served)

    def keep_filtered(self, served: Served, key: bytes, one: LongList) -> None:
        """Keep a list that was made because it was asked for, until the steps change.

        Raises lmdb.Error.
        """
        with self._lock:
            now = self._served
            # A tag that comes after its commit changes the steps, too.
            if self._file is not None and now is not None and now.steps_etag == served.steps_etag:
                self._asked.keep_filtered(self._file, key, one)

    def keep_pinned(
        self, library: ServedLibrary, version: str, steps: Iterable[ServedStep]
    ) -> None:
        """Keep an older release that was asked for, as long as its library stays what it is.

        Raises lmdb.Error.
        """
        with self._lock:
            if self._file is not None:
                self._asked.keep_pinned(self._file, library, version, steps)

    def set_tokens(self, tokens: Sequence[StoredToken]) -> None:
        """Write the tokens that are accepted from now on. Raises lmdb.Error, OSError.

        If that is not possible and one was revoked, workers read nothing any more.
        """
        with self._lock:
            self._tokens = tokens
            try:
                self._put_tokens(tokens)
            except (lmdb.Error, OSError):
                told = self._told_tokens
                if self._place is not None and (told is None or set(told) - set(tokens)):
                    self._place.withdraw()
                raise

    def _put_tokens(self, tokens: Sequence[StoredToken]) -> None:
        """Write the tokens; make another file if this one cannot be used."""
        if self._file is not None and self._file.is_there:
            if tokens == self._file.tokens:
                return
            try:
                with self._file.writing() as txn:
                    txn.put(model_layout.TOKENS, _ENCODER.encode(tokens))
            except lmdb.Error as error:
                _LOG.warning("the read model is made again", reason=str(error))
            else:
                self._tell_tokens()
                return
        if self._served is not None:
            write = self._replace if tokens == self._told_tokens else self._replace_somewhere
            write(self._served)

    def _tell_tokens(self) -> None:
        """Workers have the tokens now."""
        self._told_tokens = self._tokens
        if self._file is not None:
            self._file.tokens = self._tokens

    def records(self) -> Records:
        """Yield everything as it is kept, in the order of the keys."""
        if self._file is not None:
            yield from self._file.records()

    @property
    def size(self) -> int:
        """Bytes of the file; 0 while there is none."""
        return self._written.size if self._written is not None else 0

    @property
    def is_whole(self) -> bool:
        """False if the file is not what workers read any more, as somebody harmed it."""
        return self._served is None or (self._file is not None and self._file.is_there)

    def mend(self) -> None:
        """Make another file if somebody harmed this one. Raises lmdb.Error, OSError."""
        with self._lock:
            if self._served is not None and not self.is_whole:
                self._replace_somewhere(self._served)

    def close(self) -> None:
        """Write nothing more."""
        with self._lock:
            self._close_file()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()

    def _replace(self, served: Served) -> None:
        records = sorted(everything(served), key=itemgetter(0))
        name = model_files.new_name(_LISTS_AND_STEPS * served.lists.steps.plain.length)
        file = WrittenFile(self._directory, name)
        try:
            file.add_sorted(blocks(records))
            with file.env.begin(write=True) as txn:
                txn.put(model_layout.META, _ENCODER.encode(self._meta(served, file.size)))
                txn.put(model_layout.TOKENS, _ENCODER.encode(self._tokens or []))
            model_files.make_current(self._directory, name)
        except BaseException:
            file.close()
            model_files.remove(self._directory, name)
            raise
        model_files.end_trial(self._directory)
        before, self._written, self._served = self._file, file, served
        self._asked.begin_file()
        if self._place is not None:
            self._place.note(self._directory)
        self._tell_tokens()
        if before is not None:
            before.leave_for(name)
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
