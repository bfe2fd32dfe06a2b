"""Keeps what was asked for in the read model: filtered lists and older releases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import lmdb
import msgspec

from server.readmodel import model_layout
from server.readmodel.long_lists import LongList
from server.readmodel.records import ServedLibrary, ServedStep
from server.readmodel.stored_changes import forget_range, put_all
from server.readmodel.stored_records import plain_body
from server.readmodel.stored_values import stored_library
from server.readmodel.written_file import WrittenFile

_RECORD_BYTES = 1_024
"""Bytes counted for each record besides its value, so that small ones are limited as well."""
_ENCODER = msgspec.msgpack.Encoder()


class AskedRecords:
    """Records that are kept in a file because they were asked for. For one thread."""

    def __init__(self, most_bytes: int) -> None:
        """If there were more bytes than this, all that was kept before is deleted."""
        self._most = most_bytes
        self._bytes = 0

    def begin_file(self) -> None:
        """A new file holds nothing that was asked for."""
        self._bytes = 0

    def keep_filtered(self, file: WrittenFile, key: bytes, one: LongList) -> None:
        """Keep a list, until the steps change. Raises lmdb.Error."""
        keys = [model_layout.made_piece_key(piece.digest) for piece in one.pieces]
        records = [(key, _ENCODER.encode(plain_body(one, keys)))]
        records += zip(keys, (piece.body for piece in one.pieces), strict=True)
        if self._has_room(file, records):
            with file.writing() as txn:
                put_all(txn, records)

    def keep_pinned(
        self, file: WrittenFile, library: ServedLibrary, version: str, steps: Iterable[ServedStep]
    ) -> None:
        """Keep an older release, as long as its library stays what it is. Raises lmdb.Error."""
        records = [
            (
                model_layout.pinned_key(step.id, version),
                model_layout.step_value(step.etag, step.body),
            )
            for step in steps
        ]
        if self._has_room(file, records):
            with file.writing() as txn:
                stored = stored_library(txn, library.name)
                if stored is not None and stored.key == library.key:
                    put_all(txn, records)

    def _has_room(self, file: WrittenFile, records: Sequence[tuple[bytes, bytes]]) -> bool:
        """True if there is room for the records; may delete all earlier ones."""
        size = sum(len(value) + _RECORD_BYTES for _, value in records)
        # A slow reader keeps freed pages from being used again; the next commit mends that.
        if size > self._most or file.is_to_be_made_again:
            return False
        if self._bytes + size > self._most:
            with file.writing() as txn:
                for first, after in model_layout.ASKED:
                    forget_range(txn, first, after)
            self._bytes = 0
        self._bytes += size
        return True


def forget_filtered(txn: lmdb.Transaction) -> None:
    """Delete all filtered lists: the steps have changed."""
    for first, after in model_layout.MADE:
        forget_range(txn, first, after)
