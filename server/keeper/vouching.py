"""Decides at a start, before anything is loaded, if workers may use the existing read model."""

from __future__ import annotations

from pathlib import Path

import lmdb
import msgspec
import structlog

from registry.errors import RegistryError
from registry.names import CORE
from registry.snapshots.registry import Registry
from server.following.head_watch import HeadWatch
from server.readmodel import model_files, model_layout
from server.readmodel.model_layout import Meta
from server.readmodel.stored_values import values

_LOG = structlog.get_logger(__name__)


class _Known(msgspec.Struct, array_like=True):
    """The beginning of a `ServedLibrary`."""

    name: str
    id: int
    key: str
    version: str


_KNOWN = msgspec.msgpack.Decoder(_Known)


def vouch_at_once(
    directory: Path, registry: Registry, *, code: str, instance: str, run: str
) -> bool:
    """Vouch for a file that was made of the registry's head; False if there is none.

    The keeper checks the whole file soon after. Workers accept no token before it has read them.
    """
    name = model_files.current_name(directory)
    if name is None or not _is_tried(directory, name):
        return False
    try:
        meta = _checked(directory, name, registry)
        if meta is None or not model_files.is_believed(meta, code=code, instance=instance):
            return False
        if meta.commit != HeadWatch(registry).look():
            return False
        with model_files.open_to_write(directory, name) as env, env.begin(write=True) as txn:
            vouched = msgspec.structs.replace(meta, vouched=run)
            txn.put(model_layout.META, msgspec.msgpack.encode(vouched))
            if meta.vouched != run:
                # Tokens of another run may have been revoked since; of this one they were valid
                # as long as there was no keeper, and are so until they have been read again.
                txn.put(model_layout.TOKENS, msgspec.msgpack.encode([]))
    except (lmdb.Error, OSError, RegistryError, msgspec.MsgspecError) as error:
        _LOG.warning("the read model is not used before it was read", reason=str(error))
        return False
    finally:
        model_files.end_trial(directory)
    return True


def _is_tried(directory: Path, name: str) -> bool:
    """True if the reading of the file is noted; False if a reading of it ended an earlier keeper.

    That one's note stays, for `ReadModel.read` to heed.
    """
    try:
        return model_files.begin_trial(directory, name)
    except OSError as error:
        _LOG.warning("the read model is not used before it was read", reason=str(error))
        return False


def _checked(directory: Path, name: str, registry: Registry) -> Meta | None:
    """Return the file's meta record; None if it has a library that was never noted as served."""
    env = model_files.open_to_read(directory, name)
    if env is None:
        return None
    with env, env.begin() as txn:
        registry.memory.refresh()
        known = registry.memory.libraries
        for one in values(txn, *model_layout.LIBRARIES):
            library = _KNOWN.decode(one)
            if library.version and library.name != CORE and library.name not in known:
                return None
        return model_files.read_meta(txn)
