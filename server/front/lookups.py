"""The questions a reader asks, answered from one state of the registry."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import lmdb
import structlog

from registry.snapshots.registry import Snapshot
from server.asgi.answer import Answer
from server.errors import AnswerError
from server.readmodel import model_layout
from server.readmodel.long_lists import make_list
from server.readmodel.lookup_errors import (
    LOADING,
    library_of_step,
    no_active_step,
    no_library,
    no_step,
    usable,
)
from server.readmodel.pinned_releases import PinnedReleases
from server.readmodel.records import ServedLibrary, ServedStep, etag_of
from server.readmodel.served import Served, steps_tail
from server.readmodel.writer import ReadModel
from server.settings import Settings
from server.thread_pools import Pool

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class StepFilter:
    """The filters of a list of steps; None means everything."""

    category: str | None = None
    library: str | None = None
    platform: str | None = None

    def admits(self, step: ServedStep) -> bool:
        """True if a step is in the list, its library aside."""
        return (self.category is None or step.category == self.category) and (
            self.platform is None or self.platform in step.platforms
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A part of a list: at most ``limit`` entries from the ``start``-th on."""

    limit: int
    start: int = 0


class Lookups:
    """Every method works on the one state that is current when it is called."""

    def __init__(
        self,
        settings: Settings,
        current: Callable[[], Served | None],
        snapshot: Callable[[], Snapshot | None],
        lists: Pool,
        model: ReadModel,
    ) -> None:
        """``current`` is what is served now, ``snapshot`` where older releases are read.

        What is made because it was asked for is in the ``model`` for whoever asks next.
        """
        self._model = model
        self._settings = settings
        self.current = current
        self._snapshot = snapshot
        self._lists = lists
        self.pinned = PinnedReleases(settings.old_releases, settings.pinned_queue, model)
        self._filtered: OrderedDict[tuple[bytes, StepFilter], Answer] = OrderedDict()
        self._filtered_bytes = 0

    @property
    def filtered_lists(self) -> int:
        """Filtered lists that are kept."""
        return len(self._filtered)

    def clear(self) -> None:
        """Forget what was made on demand."""
        self.pinned.clear()
        self._filtered.clear()
        self._filtered_bytes = 0

    def served(self) -> Served:
        """The current state; raises AnswerError (503) while the first one is being loaded."""
        served = self.current()
        if served is None:
            raise AnswerError(503, LOADING)
        return served

    async def step(self, key: str) -> Answer:
        """One step by ``<id>`` or ``<id>@<version>``; raises AnswerError (404, 503)."""
        served = self.served()
        step_id, at, version = key.partition("@")
        step = served.steps.get(step_id)
        if not at and step is not None:
            return step_answer(step)
        name = library_of_step(step_id)
        library = usable(served.libraries.get(name), name, self._settings.instance)
        if not at:
            raise no_active_step(library, step_id)
        if version == library.version and step is not None:
            return step_answer(step)
        steps = await self.pinned.steps(self._snapshot, library, version)
        step = steps.get(step_id)
        if step is None:
            raise no_step(library.name, version, step_id)
        return step_answer(step)

    def library(self, key: str) -> Answer:
        """One library by name or integer id; raises AnswerError (404)."""
        library = self.served().library(key)
        if library is None:
            raise no_library(key)
        return Answer(pieces=(library.detail_bytes(),), etag=library.detail_etag)

    def libraries(self, *, enabled_only: bool = False, page: Page | None = None) -> Answer:
        """The list of libraries, or a page of it."""
        lists = self.served().lists
        chosen = lists.usable_libraries if enabled_only else lists.libraries
        if page is None:
            return Answer(long=chosen)
        members = [one.summary for piece in chosen.pieces for one in piece.members]
        part = members[page.start : page.start + page.limit]
        body = b"[" + b",".join(part) + b"]"
        return Answer(pieces=(body,), etag=etag_of(body))

    async def steps(self, wanted: StepFilter, page: Page | None = None) -> tuple[Answer, int]:
        """The list of steps, or a page of it, and how many steps there are in all."""
        served = self.served()
        if page is None and wanted == StepFilter():
            return Answer(long=served.lists.steps), len(served.steps)
        if page is not None:
            return await self._lists.run(_page_of_steps, served, wanted, page)
        key = (served.steps_etag, wanted)
        answer = self._filtered.get(key)
        if answer is None:
            settings = self._settings
            contiguous = settings.contiguous_max_bytes
            answer = await self._lists.run(_filtered_steps, served, wanted, contiguous)
            self._keep(key, answer)
            await self._lists.end(self._give, served, wanted, answer)
        else:
            self._filtered.move_to_end(key)
        return answer, -1

    def _give(self, served: Served, wanted: StepFilter, answer: Answer) -> None:
        """Let the workers answer it from now on."""
        key = model_layout.filtered_key(wanted.category, wanted.library, wanted.platform)
        if answer.long is None:
            return
        try:
            self._model.keep_filtered(served, key, answer.long)
        except lmdb.Error as error:
            _LOG.warning("a list is not kept", reason=str(error))

    def _keep(self, key: tuple[bytes, StepFilter], answer: Answer) -> None:
        size = _size(answer)
        if size > self._settings.filtered_list_bytes or key in self._filtered:
            return
        self._filtered[key] = answer
        self._filtered_bytes += size
        while (
            len(self._filtered) > self._settings.filtered_lists
            or self._filtered_bytes > self._settings.filtered_list_bytes
        ):
            _, old = self._filtered.popitem(last=False)
            self._filtered_bytes -= _size(old)


def _size(answer: Answer) -> int:
    return answer.long.plain.length if answer.long else 0


def step_answer(step: ServedStep) -> Answer:
    """One step's bytes."""
    return Answer(pieces=(step.body,), etag=step.etag)


def _libraries_of(served: Served, wanted: StepFilter) -> Iterable[ServedLibrary]:
    if wanted.library is None:
        return served.libraries.values()
    found = served.library(wanted.library)
    return () if found is None else (found,)


def _filtered_steps(served: Served, wanted: StepFilter, contiguous: int) -> Answer:
    chosen = {
        library.name: [step for step in library.visible_steps if wanted.admits(step)]
        for library in _libraries_of(served, wanted)
    }
    shown = [served.libraries[name] for name, steps in chosen.items() if steps]
    made = make_list(
        shown,
        lambda library: [step.body for step in chosen[library.name]],
        b'{"steps":[',
        steps_tail(
            sum(map(len, chosen.values())),
            {step.category for steps in chosen.values() for step in steps},
            [library.name for library in shown],
        ),
        contiguous_max_bytes=contiguous,
    )
    return Answer(long=made)


def _page_of_steps(served: Served, wanted: StepFilter, page: Page) -> tuple[Answer, int]:
    found = [
        (library.name, step)
        for library in _libraries_of(served, wanted)
        for step in library.visible_steps
        if wanted.admits(step)
    ]
    part = found[page.start : page.start + page.limit]
    tail = steps_tail(len(found), {step.category for _, step in found}, {name for name, _ in found})
    body = b'{"steps":[' + b",".join([step.body for _, step in part]) + tail
    return Answer(pieces=(body,), etag=etag_of(body)), len(found)
