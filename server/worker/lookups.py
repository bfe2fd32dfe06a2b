"""Finds the answer to a lookup within one transaction of the read model."""

from __future__ import annotations

import re

import lmdb

from server.asgi.answer import Answer
from server.errors import AnswerError
from server.readmodel import model_layout
from server.readmodel.long_lists import accepts
from server.readmodel.lookup_errors import library_of_step, no_active_step, no_library, usable
from server.readmodel.records import ServedLibrary
from server.readmodel.stored_records import detail_body
from server.readmodel.stored_values import stored_body, stored_library, stored_list, value
from server.worker.long_answers import LongAnswer

_FILTER = re.compile(rb"[a-z]{1,16}=[A-Za-z0-9._-]{1,80}(?:&[a-z]{1,16}=[A-Za-z0-9._-]{1,80}){0,2}")
_FILTERS = frozenset({"category", "library", "platform"})
_NUMBER_DIGITS = len(str(2**53))


def find_step(txn: lmdb.Transaction, key: str, instance: str) -> Answer | None:
    """Return a step by ``<id>`` or ``<id>@<version>``; None if only the keeper can know it.

    Raises AnswerError (404, 503).
    """
    step_id, at, version = key.partition("@")
    found = _get(txn, model_layout.step_key(step_id))
    if found is not None and not at:
        return _step_answer(found)
    name = library_of_step(step_id)
    library = usable(find_library(txn, name), name, instance)
    if not at:
        raise no_active_step(library, step_id)
    if found is None or version != library.version:
        found = _get(txn, model_layout.pinned_key(step_id, version))
    return _step_answer(found) if found is not None else None


def find_library(txn: lmdb.Transaction, name: str) -> ServedLibrary | None:
    """Return a library's record, by a name that a client chose."""
    is_key = len(model_layout.library_key(name)) <= model_layout.KEY_BYTES
    return stored_library(txn, name) if is_key else None


def library_answer(txn: lmdb.Transaction, key: str) -> LongAnswer:
    """Return a library by name or integer id; raises AnswerError (404)."""
    name = key
    if key.isdecimal() and key.isascii():
        found = None
        if len(key) <= _NUMBER_DIGITS:
            found = value(txn, model_layout.number_key(int(key)))
        name = found.decode() if found is not None else ""
    library = find_library(txn, name)
    if library is None:
        raise no_library(key)
    return LongAnswer(body=detail_body(library), headers=())


def filtered_answer(txn: lmdb.Transaction, query: bytes) -> LongAnswer | None:
    """Return a filtered list of steps that was asked for before; None if the keeper must make it.

    Only queries in the plainest spelling are looked up.
    """
    if _FILTER.fullmatch(query) is None:
        return None
    asked = dict(part.split("=") for part in query.decode().split("&"))
    if len(asked) != query.count(b"=") or not asked.keys() <= _FILTERS:
        return None
    key = model_layout.filtered_key(
        asked.get("category"), asked.get("library"), asked.get("platform")
    )
    body = stored_body(txn, key)
    return LongAnswer(body=body) if body is not None else None


def list_answer(txn: lmdb.Transaction, name: str, accept: bytes) -> LongAnswer:
    """Return a long list in the smallest form that is kept and that the client accepts."""
    plain = stored_list(txn, name)
    if plain is None:
        raise AnswerError(503, "the list is not there; ask again in a moment")
    for coding in model_layout.CODINGS:
        if accepts(accept, coding):
            coded = stored_list(txn, name, coding)
            if coded is not None and coded.of == plain.etag:
                return LongAnswer(body=coded)
    return LongAnswer(body=plain)


def _get(txn: lmdb.Transaction, key: bytes) -> bytes | None:
    """Return the value of a key that a client chose, which may be longer than any key."""
    return value(txn, key) if len(key) <= model_layout.KEY_BYTES else None


def _step_answer(found: bytes) -> Answer:
    etag, body = model_layout.step_parts(found)
    return Answer(pieces=(body,), etag=etag)
