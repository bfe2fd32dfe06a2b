"""Writes the read model: a commit's changes in one transaction, or everything into a new file."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lmdb
import msgspec
import structlog

from server.readmodel import model_files, model_layout
from server.readmodel.long_lists import LongList, piece_digest
from server.readmodel.model_layout import Meta, StoredBody, StoredToken
from server.readmodel.records import ServedLibrary, ServedStep, etag_of
from server.readmodel.served import Served

_AT_ONCE_BYTES = 16 * 1024 * 1024
"""Bytes for one transaction of a new file: unwritten pages are held in memory."""
_LEAST_BYTES = 64 * 1024 * 1024
_ASKED_BYTES = 32 * 1024 * 1024
_RECORD_BYTES = 1_024
"""Bytes counted for each record besides its value, so that small ones are limited as well."""
_GROWTH = 3
"""A file that has grown to this many times its first size is made again."""
_ENCODER = msgspec.msgpack.Encoder()
_LIBRARY = msgspec.msgpack.Decoder(ServedLibrary)
_BODY = msgspec.msgpack.Decoder(StoredBody)
_TOKENS = msgspec.msgpack.Decoder(list[StoredToken])
_LOG = structlog.get_logger(__name__)

Records = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredState:
    """The content of a read model: the records that it was made of."""

    commit: str
    committed_at: str
    libraries: list[ServedLibrary]


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
    ) -> None:
        """``run`` is an id of the server's run, whose workers use no file of another run.

        Records that are only kept because they were asked for take at most ``asked_bytes``.
        """
        self._asked_bytes = asked_bytes
        self._directory = directory
        self._code = code
        self._instance = instance
        self._run = run
        self._lock = threading.Lock()
        self._env: lmdb.Environment | None = None
        self._name = ""
        self._made_bytes = 0
        self._tokens: Sequence[StoredToken] = ()

    def read(self) -> StoredState | None:
        """Return all records of the existing file; None if it cannot be trusted, or is in use."""
        name = model_files.current_name(self._directory)
        if name is None or self._env is not None:
            return None
        try:
            if not model_files.begin_trial(self._directory, name):
                return None
            return self._read(name)
        except (lmdb.Error, OSError, ValueError, KeyError, msgspec.MsgspecError) as error:
            _LOG.warning("the read model is made again", reason=str(error))
            self.close()
            return None
        finally:
            model_files.end_trial(self._directory)

    def _read(self, name: str) -> StoredState | None:
        checked = model_files.open_to_read(self._directory, name)
        if checked is None:
            return None
        try:
            with checked.begin() as txn:
                meta = model_files.read_meta(txn)
                if not model_files.is_believed(meta, code=self._code, instance=self._instance):
                    return None
                state = _read_all(txn)
        finally:
            checked.close()
        with self._lock:
            self._env = model_files.open_to_write(self._directory, name)
            self._name = name
        return state

    def vouch(self, served: Served) -> None:
        """Let workers answer from the file: it holds what is to be served. Raises lmdb.Error."""
        with self._lock:
            if self._env is None:
                self._replace(served)
                return
            with self._env.begin(write=True) as txn:
                meta = model_files.read_meta(txn)
                made = meta.made_bytes if meta is not None else 0
                txn.put(model_layout.META, _ENCODER.encode(self._meta(served, made)))
                txn.put(model_layout.TOKENS, _ENCODER.encode(self._tokens))

    def replace(self, served: Served) -> None:
        """Write everything into a new file. Raises lmdb.Error, OSError."""
        with self._lock:
            self._replace(served)

    def change(self, served: Served, names: Iterable[str]) -> None:
        """Write the new state of these libraries, and the lists. Raises lmdb.Error, OSError."""
        with self._lock:
            env = self._env
            if env is None or self._is_to_be_made_again(env):
                self._replace(served)
                return
            try:
                with env.begin(write=True) as txn:
                    self._change(txn, served, names)
            except lmdb.MapFullError:
                self._replace(served)
            except lmdb.Error:
                # LMDB does not trust a file that it could not write to its end, and nor do we.
                self._env = None
                env.close()
                raise

    def _change(self, txn: lmdb.Transaction, served: Served, names: Iterable[str]) -> None:
        for first, after in model_layout.MADE:
            _forget_range(txn, first, after)
        for name in names:
            _forget_library(txn, name)
            library = served.libraries.get(name)
            if library is not None:
                _put_all(txn, library_records(library))
        _put_lists(txn, served)
        meta = model_files.read_meta(txn)
        made = meta.made_bytes if meta is not None else 0
        txn.put(model_layout.META, _ENCODER.encode(self._meta(served, made)))

    def add_compressed(self, served: Served) -> None:
        """Write the compressed forms that the lists have by now. Raises lmdb.Error, OSError."""
        with self._lock:
            if self._env is None:
                return
            try:
                with self._env.begin(write=True) as txn:
                    for name, one in named_lists(served):
                        _put_compressed(txn, name, one)
            except lmdb.MapFullError:
                self._replace(served)

    def keep_filtered(self, commit: str, key: bytes, one: LongList) -> None:
        """Keep a list that was made because it was asked for, until the next commit.

        Raises lmdb.Error.
        """
        keys = [model_layout.made_piece_key(piece.digest) for piece in one.pieces]
        records = [(key, _ENCODER.encode(_plain_body(one, keys)))]
        records += zip(keys, (piece.body for piece in one.pieces), strict=True)
        with self._lock:
            if self._has_room(records):
                with self._writing() as txn:
                    meta = model_files.read_meta(txn)
                    if meta is not None and meta.commit == commit:
                        _put_all(txn, records)

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
                    stored = txn.get(model_layout.library_key(library.name))
                    if stored is not None and _LIBRARY.decode(stored).key == library.key:
                        _put_all(txn, records)

    def _has_room(self, records: Sequence[tuple[bytes, bytes]]) -> bool:
        """True if there is room for records that were asked for; may delete all earlier ones."""
        size = sum(len(value) + _RECORD_BYTES for _, value in records)
        if self._env is None or size > self._asked_bytes:
            return False
        if self._made_bytes + size > self._asked_bytes:
            with self._writing() as txn:
                for first, after in model_layout.ASKED:
                    _forget_range(txn, first, after)
            self._made_bytes = 0
        self._made_bytes += size
        return True

    @contextmanager
    def _writing(self) -> Iterator[lmdb.Transaction]:
        if self._env is None:
            raise lmdb.Error("the read model is closed")
        with self._env.begin(write=True) as txn:
            yield txn

    def set_tokens(self, tokens: Sequence[StoredToken]) -> None:
        """Write the tokens that are accepted from now on. Raises lmdb.Error."""
        with self._lock:
            if tokens == self._tokens:
                return
            self._tokens = tokens
            if self._env is not None:
                with self._env.begin(write=True) as txn:
                    txn.put(model_layout.TOKENS, _ENCODER.encode(tokens))

    def records(self) -> Records:
        """Yield everything as it is kept, in the order of the keys."""
        if self._env is not None:
            with self._env.begin() as txn, txn.cursor() as cursor:
                for key, value in cursor:
                    yield bytes(key), bytes(value)

    def is_missing(self) -> bool:
        """True if somebody deleted the file: new workers would find nothing."""
        return self._env is not None and not model_files.is_there(self._directory, self._name)

    def forget_dead_readers(self) -> None:
        """Release the pages that killed workers still hold. Raises lmdb.Error."""
        if self._env is not None:
            self._env.reader_check()

    @property
    def size(self) -> int:
        """Bytes of the file."""
        env = self._env
        return _size(env) if env is not None else 0

    def close(self) -> None:
        """Write nothing more."""
        with self._lock:
            if self._env is not None:
                self._env.close()
                self._env = None

    def _is_to_be_made_again(self, env: lmdb.Environment) -> bool:
        if not model_files.is_there(self._directory, self._name):
            return True
        with env.begin() as txn:
            meta = model_files.read_meta(txn)
        made = meta.made_bytes if meta is not None else 0
        return _size(env) > max(_LEAST_BYTES, _GROWTH * made)

    def _replace(self, served: Served) -> None:
        records = sorted(_everything(served))
        name = model_files.new_name(sum(len(value) for _, value in records))
        env = model_files.open_to_write(self._directory, name)
        try:
            for block in _blocks(records):
                with env.begin(write=True) as txn:
                    for key, value in block:
                        txn.put(key, value, append=True)
            with env.begin(write=True) as txn:
                meta = self._meta(served, _size(env))
                txn.put(model_layout.META, _ENCODER.encode(meta))
                txn.put(model_layout.TOKENS, _ENCODER.encode(self._tokens))
        except BaseException:
            env.close()
            raise
        model_files.make_current(self._directory, name)
        before, self._env, self._name, self._made_bytes = self._env, env, name, 0
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


def _blocks(records: Sequence[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    block: list[tuple[bytes, bytes]] = []
    size = 0
    for record in records:
        block.append(record)
        size += len(record[1])
        if size >= _AT_ONCE_BYTES:
            yield block
            block, size = [], 0
    yield block


def _everything(served: Served) -> Records:
    for library in served.libraries.values():
        yield from library_records(library)
    pieces: dict[bytes, bytes] = {}
    for name, one in named_lists(served):
        plain, found = plain_records(one)
        pieces.update(found)
        yield model_layout.list_key(name), _ENCODER.encode(plain)
        for body, more in compressed_records(one):
            pieces.update(more)
            yield model_layout.list_key(name, body.coding), _ENCODER.encode(body)
    yield from pieces.items()


def library_records(library: ServedLibrary) -> Records:
    """Yield the records of one library."""
    is_visible = bool(library.visible_steps)
    for step in library.steps:
        yield (
            model_layout.step_key(step.id, is_visible=is_visible),
            model_layout.step_value(step.etag, step.body),
        )
    bare = tuple(msgspec.structs.replace(step, body=b"") for step in library.steps)
    yield (
        model_layout.library_key(library.name),
        _ENCODER.encode(msgspec.structs.replace(library, steps=bare)),
    )
    yield model_layout.number_key(library.id), library.name.encode()


def named_lists(served: Served) -> tuple[tuple[str, LongList], ...]:
    """Return the long lists, each with its name in the read model."""
    lists = served.lists
    return tuple(
        zip(model_layout.LISTS, (lists.steps, lists.libraries, lists.usable_libraries), strict=True)
    )


def plain_records(one: LongList) -> tuple[StoredBody, Mapping[bytes, bytes]]:
    """Return a list, and its pieces by key."""
    keys = [model_layout.piece_key(piece.digest) for piece in one.pieces]
    bodies = (piece.body for piece in one.pieces)
    return _plain_body(one, keys), dict(zip(keys, bodies, strict=True))


def _plain_body(one: LongList, keys: Sequence[bytes]) -> StoredBody:
    return StoredBody(
        etag=one.plain.etag,
        of=one.plain.etag,
        length=one.plain.length,
        parts=_parts(one.head, b",", keys, one.tail),
    )


def compressed_records(one: LongList) -> Iterator[tuple[StoredBody, Mapping[bytes, bytes]]]:
    """Yield the compressed forms of a list, each with its pieces by key."""
    for made in one.compressed:
        if made.members is not None:
            keys = [model_layout.deflated_key(piece.digest) for piece in one.pieces]
            parts = _parts(made.members.head, made.members.comma, keys, made.members.tail)
            pieces = dict(zip(keys, (piece.deflate() for piece in one.pieces), strict=True))
        else:
            key = model_layout.whole_key(made.etag)
            parts = ((b"", key),)
            pieces = {key: b"".join(made.pieces)}
        body = StoredBody(
            etag=made.etag,
            of=one.plain.etag,
            length=made.length,
            parts=parts,
            coding=made.coding,
        )
        yield body, pieces


def _parts(
    head: bytes, comma: bytes, keys: Sequence[bytes], tail: bytes
) -> tuple[tuple[bytes, bytes], ...]:
    before = (head, *(comma for _ in keys[1:]))
    return (*zip(before, keys, strict=False), (tail if keys else head + tail, b""))


def _put_all(txn: lmdb.Transaction, records: Records) -> None:
    for key, value in records:
        txn.put(key, value)


def _forget_library(txn: lmdb.Transaction, name: str) -> None:
    key = model_layout.library_key(name)
    found = txn.get(key)
    if found is None:
        return
    old = _LIBRARY.decode(found)
    is_visible = bool(old.visible_steps)
    for step in old.steps:
        txn.delete(model_layout.step_key(step.id, is_visible=is_visible))
    _forget_range(txn, *model_layout.pinned_keys(name))
    txn.delete(model_layout.number_key(old.id))
    txn.delete(key)


def _forget_range(txn: lmdb.Transaction, first: bytes, after: bytes) -> None:
    with txn.cursor() as cursor:
        found = cursor.set_range(first)
        while found and bytes(cursor.key()) < after:
            found = cursor.delete()


def _body(txn: lmdb.Transaction, name: str, coding: bytes = b"") -> StoredBody | None:
    found = txn.get(model_layout.list_key(name, coding))
    return _BODY.decode(found) if found is not None else None


def _put_lists(txn: lmdb.Transaction, served: Served) -> None:
    """Write the lists; delete the compressed forms of those that have changed."""
    before: set[bytes] = set()
    after: dict[bytes, bytes] = {}
    for name, one in named_lists(served):
        old, (new, pieces) = _body(txn, name), plain_records(one)
        before |= old.keys() if old is not None else set()
        after.update(pieces)
        if old is not None and old.etag == new.etag:
            continue
        txn.put(model_layout.list_key(name), _ENCODER.encode(new))
        for coding in model_layout.CODINGS:
            _forget_compressed(txn, name, coding)
    for key in before - after.keys():
        txn.delete(key)
        txn.delete(model_layout.deflated_key(model_layout.digest_in(key)))
    for key in after.keys() - before:
        txn.put(key, after[key])


def _forget_compressed(txn: lmdb.Transaction, name: str, coding: bytes) -> None:
    """Deflated pieces stay as long as their pieces: the next compressed form has them as well."""
    for key in filter(model_layout.is_whole, _keys(txn, name, coding)):
        txn.delete(key)
    txn.delete(model_layout.list_key(name, coding))


def _keys(txn: lmdb.Transaction, name: str, coding: bytes) -> set[bytes]:
    found = _body(txn, name, coding)
    return found.keys() if found is not None else set()


def _put_compressed(txn: lmdb.Transaction, name: str, one: LongList) -> None:
    plain = _body(txn, name)
    if plain is None or plain.etag != one.plain.etag:
        return  # a newer state has been written meanwhile
    for body, pieces in compressed_records(one):
        if _keys(txn, name, body.coding) == body.keys():
            continue
        txn.put(model_layout.list_key(name, body.coding), _ENCODER.encode(body))
        for key, value in pieces.items():
            txn.put(key, value, overwrite=False)


def _read_all(txn: lmdb.Transaction) -> StoredState | None:
    meta = model_files.read_meta(txn)
    if meta is None:
        return None
    first, after = model_layout.LIBRARIES
    libraries: list[ServedLibrary] = []
    with txn.cursor() as cursor:
        found = cursor.set_range(first)
        while found and bytes(cursor.key()) < after:
            libraries.append(whole_library(txn, bytes(cursor.value())))
            found = cursor.next()
    for name in model_layout.LISTS:
        _check_list(txn, name)
    return StoredState(commit=meta.commit, committed_at=meta.committed_at, libraries=libraries)


def _check_list(txn: lmdb.Transaction, name: str) -> None:
    """Raise ValueError for a list with a piece that is not what it was."""
    one = _body(txn, name)
    if one is None:
        raise ValueError(f"the list {name} is missing")
    for key in sorted(one.keys()):
        piece = txn.get(key)
        if piece is None or piece_digest(bytes(piece)) != model_layout.digest_in(key):
            raise ValueError(f"a piece of the list {name} is damaged")


def whole_library(txn: lmdb.Transaction, value: bytes) -> ServedLibrary:
    """Return a library with its steps' bodies. Raises KeyError, ValueError, MsgspecError."""
    bare = _LIBRARY.decode(value)
    is_visible = bool(bare.visible_steps)
    steps = []
    for step in bare.steps:
        found = txn.get(model_layout.step_key(step.id, is_visible=is_visible))
        if found is None:
            raise KeyError(step.id)
        etag, body = model_layout.step_parts(bytes(found))
        if etag != step.etag or etag_of(body) != etag:
            raise ValueError(f"the step {step.id} is damaged")
        steps.append(msgspec.structs.replace(step, body=body))
    return msgspec.structs.replace(bare, steps=tuple(steps))
