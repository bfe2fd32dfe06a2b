"""Reads all of an existing read model at a start, and lets nobody use one that is damaged."""

from __future__ import annotations

from pathlib import Path

import lmdb
import msgspec
import structlog

from server.readmodel import model_files, model_layout
from server.readmodel.stored_state import StoredState, read_state

_LOG = structlog.get_logger(__name__)


def checked_state(directory: Path, name: str, *, code: str, instance: str) -> StoredState | None:
    """Return all records of a file; None if it cannot be trusted.

    Its reading is noted as a trial: should it end this process, the next one does not try it.
    """
    try:
        # The note of a process that this file ended stays until another file is current.
        if not model_files.begin_trial(directory, name):
            _LOG.warning("the read model is made again", reason="reading it once never ended")
            return None
    except OSError as error:
        _LOG.warning("the read model is made again", reason=str(error))
        return None
    try:
        state = _read(directory, name, code=code, instance=instance)
    except (lmdb.Error, OSError, ValueError, KeyError, msgspec.MsgspecError) as error:
        _LOG.warning("the read model is made again", reason=str(error))
        _take_back(directory, name)
        model_files.forget_current(directory)
        state = None
    model_files.end_trial(directory)
    return state


def _read(directory: Path, name: str, *, code: str, instance: str) -> StoredState | None:
    env = model_files.open_to_read(directory, name)
    if env is None:
        return None
    with env, env.begin() as txn:
        meta = model_files.read_meta(txn)
        if not model_files.is_believed(meta, code=code, instance=instance):
            return None
        return read_state(txn)


def _take_back(directory: Path, name: str) -> None:
    """Let no worker answer from a file that is damaged, also not one that has it open."""
    try:
        with model_files.open_to_write(directory, name) as env, env.begin(write=True) as txn:
            txn.delete(model_layout.META)
    except (lmdb.Error, OSError) as error:
        _LOG.error("workers still answer from a damaged read model", reason=str(error))
