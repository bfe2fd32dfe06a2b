"""Releases that are not the active one: read from Git when asked for, then kept for a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

import lmdb
import structlog

from registry.errors import InvalidNameError, NotFoundError
from registry.names import LibraryName
from registry.problems import InvalidLibraryError
from registry.snapshots.registry import Snapshot
from registry.versions import parse_version
from server.errors import AnswerError
from server.readmodel.records import ServedLibrary, ServedStep, served_steps
from server.readmodel.writer import ReadModel
from server.thread_pools import Pool

_LOG = structlog.get_logger(__name__)
Steps = Mapping[str, ServedStep]


class PinnedReleases:
    """The least recently used releases leave first.

    Keyed by what the library is made of, so a removed release is not answered from memory.
    """

    def __init__(self, capacity: int, queue: int, model: ReadModel) -> None:
        """Keep at most ``capacity`` releases; ``queue`` questions wait for others at most.

        They are in the ``model`` as well, for the workers.
        """
        self._model = model
        self._capacity = capacity
        self._kept: OrderedDict[tuple[str, str], Steps] = OrderedDict()
        self.pool = Pool("pinned", threads=1, most=queue, what="questions about older releases")

    def __len__(self) -> int:
        """Releases kept."""
        return len(self._kept)

    def clear(self) -> None:
        """Forget all of them."""
        self._kept.clear()

    def close(self) -> None:
        """Stop reading."""
        self.pool.close()

    async def steps(
        self, snapshot: Callable[[], Snapshot | None], library: ServedLibrary, version: str
    ) -> Steps:
        """The steps of a release by id; raises AnswerError (404, 503)."""
        key = (library.key, version)
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        steps = await self.pool.run(self._read, snapshot, library, version)
        self._kept[key] = steps
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return steps

    def _read(
        self, snapshot: Callable[[], Snapshot | None], library: ServedLibrary, version: str
    ) -> Steps:
        steps = _read(snapshot, library.name, version)
        try:
            self._model.keep_pinned(library, version, steps.values())
        except lmdb.Error as error:
            _LOG.warning("an older release is not kept", reason=str(error))
        return steps


def _read(snapshot: Callable[[], Snapshot | None], name: str, text: str) -> Steps:
    at = snapshot()
    if at is None:
        raise AnswerError(503, "older releases cannot be read yet; ask again in a second")
    library = LibraryName(name)
    try:
        version = parse_version(text)
        content = at.content(library, version)
    except InvalidNameError as error:
        raise AnswerError(404, str(error)) from error
    except NotFoundError as error:
        raise AnswerError(404, f"{error.message}; see GET /api/v1/libraries/{name}") from error
    except InvalidLibraryError as error:
        problems = tuple(map(str, error.problems))
        raise AnswerError(404, f"{name} {text} cannot be read", problems) from error
    return {step.id: step for step in served_steps(library, str(version), content)}
