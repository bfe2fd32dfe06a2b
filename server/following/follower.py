"""Follows a registry's head: builds the next state beside the current one and swaps it in.

One thread does all of it, so states follow each other in order. A state is current once the read
model has it, which is what lookup workers answer from. What is expensive and not needed to answer
(compressed lists) is made after that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic, perf_counter
from weakref import WeakValueDictionary

import lmdb
import msgspec
import structlog

from registry.errors import RegistryError
from registry.names import CORE, CommitId, LibraryName
from registry.served.memory import MISSED, WITHDRAWN, RememberedLibrary, RememberedRelease
from registry.signing.administrators import read_administrators
from registry.snapshots.registry import Registry, Snapshot
from registry.trust.evidence import Release
from server.errors import LoadError, ServerError
from server.following.garbage_collection import Collecting
from server.following.git_maintenance import Maintenance
from server.following.head_watch import HeadWatch
from server.following.judging import Judging
from server.following.returned_memory import return_memory
from server.following.tag_watch import TagWatch
from server.following.upkeep import Upkeep
from server.readmodel.loading import load_all, load_names
from server.readmodel.records import ServedLibrary, news_of
from server.readmodel.served import Served, make_served, next_served
from server.readmodel.stored_state import StoredState
from server.readmodel.writer import ReadModel
from server.settings import Settings

# After several changes more will come: lookups get their share meanwhile.
_REST_SHARE = 9
_LONGEST_REST_SECONDS = 0.5
# Changes under way at which more swaps than a few in a second would help nobody.
_FEW = 3
_LOG = structlog.get_logger(__name__)


class Follower:
    """`current` is the state to answer from; None until the first one is loaded."""

    def __init__(self, registry: Registry, settings: Settings, model: ReadModel) -> None:
        """Nothing is read before `start`; raises SigningError for keys that cannot be read."""
        self.current: Served | None = None
        self.snapshot: Snapshot | None = None
        self.heads = HeadWatch(registry)
        administrators = Path(settings.administrators) if settings.administrators else None
        self.judging = Judging(
            _another_handle(registry), self.heads, read_administrators(administrators)
        )
        self._model = model
        self._behind_since: float | None = None
        self._problem = ""
        self.swap_seconds = 0.0
        """From seeing the last change to serving it."""
        self.changes_under_way = 0
        """The number of clients that wait for theirs; a single one is never made to wait longer."""
        self.listeners: list[Callable[[Served], None]] = []
        self.upkeep = Upkeep(registry, settings, model)
        self.upkeep.afterwards.append(self._look_back)
        self._collecting = Collecting()
        self._states: WeakValueDictionary[int, Served] = WeakValueDictionary()
        self._maintenance = Maintenance(registry, settings)
        self._registry = registry
        self._settings = settings
        self._tags = TagWatch(registry, settings.tags_check_seconds)
        self._refused = ""
        self._generation = 0
        self._retry_at = 0.0
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._turns = threading.Condition()
        self._turn = 0
        self._rest = 0.0
        self._reload = False
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    @property
    def problem(self) -> str:
        """Say why the newest commit is not the one that is served; empty when it is."""
        return self._problem or self.heads.problem

    @property
    def behind_seconds(self) -> float:
        """Seconds for which a newer commit has been waiting; 0 if there is none."""
        since = self._behind_since
        return 0.0 if since is None else round(monotonic() - since, 3)

    def read_model(self) -> dict[str, object]:
        """Return how far lookups are behind the registry, for ``/health``."""
        status = "behind" if self._behind_since is not None else "current"
        if self.current is None:
            status = "loading"
        return {
            "status": status,
            "behind_seconds": self.behind_seconds,
            "bytes": self._model.size,
        }

    @property
    def states_kept(self) -> int:
        """Count the served states in memory; those of the past are freed after a moment."""
        return len(self._states)

    def start(self) -> None:
        """Load, then follow."""
        self._thread.start()

    def stop(self) -> None:
        """End following; waits for what is under way."""
        self._stop.set()
        self._wake.set()
        self._thread.join(self._settings.stop_seconds)
        self.upkeep.stop()
        self.judging.close()
        self._maintenance.stop()

    def reload(self, timeout: float) -> bool:
        """Build the state from Git again; returns True if that was done in time."""
        with self._turns:
            wanted = self._turn + 2  # the turn under way may have begun before this call
            self._reload = True
            self._wake.set()
            return self._turns.wait_for(lambda: self._turn >= wanted or not self._reload, timeout)

    def wake(self) -> None:
        """Look at the head now."""
        self._wake.set()

    def first_snapshot(self, seconds: float) -> Snapshot | None:
        """The snapshot for reading older releases: after a quick start it comes a moment later."""
        self._wake.set()
        with self._turns:
            self._turns.wait_for(lambda: self.snapshot is not None, seconds)
        return self.snapshot

    def until_serves(self, commit: CommitId, seconds: float) -> bool:
        """Wait until lookups answer with what a commit has; False when that took longer."""
        self._wake.set()
        with self._turns:
            return self._turns.wait_for(lambda: self._serves(commit), seconds)

    def _serves(self, commit: CommitId) -> bool:
        served, snapshot = self.current, self.snapshot
        if served is None:
            return False
        if served.commit == commit:
            return True
        # A snapshot that is not yet swapped in says what will be served, not what is.
        return (
            snapshot is not None
            and snapshot.commit == served.commit
            and not self._problem
            and snapshot.has_ancestor(commit)
        )

    def _run(self) -> None:
        while not self._stop.is_set():
            before = self.current
            self._guarded_turn()
            is_swapped, before = before is not self.current, None
            with self._turns:
                self._turn += 1
                self._turns.notify_all()
            if is_swapped:
                self._collecting.collect()
            self._stop.wait(self._rest)
            self._rest = 0.0
            self._wake.wait(self._settings.poll_seconds)
            # Cleared before the look, so that a call that comes during it is not lost.
            self._wake.clear()

    def _guarded_turn(self) -> None:
        try:
            self._look()
        except (RegistryError, ServerError, OSError) as error:
            self._remember(str(error))
        except Exception as error:  # noqa: BLE001 - following must outlive a bug in reading one commit
            _LOG.exception("following failed")
            self._remember(f"{type(error).__name__}: {error}")

    def _remember(self, problem: str) -> None:
        if problem != self._problem:
            _LOG.error("the newest commit is not served", reason=problem)
        self._problem = problem
        self._reload = False

    def _look(self) -> None:
        if self._reload:
            self._load(None)
            self._reload = False
            return
        if self.current is None:
            self._load(self._model.read())
            return
        head = self.heads.look()
        tags_moved = self._tags.moved(self.current) or self._is_accepted()
        if head == self.current.commit and not tags_moved:
            # Also after a look that failed, such as while the registry was not there.
            if head != self._refused:
                self._refused, self._problem = "", ""
            self._behind_since = None
            if self.snapshot is None:
                self._advance(all_tags=True)
            self._mend()
            self.upkeep.look_for_edits()
            return
        if self._behind_since is None and head != self.current.commit:
            self._behind_since = monotonic()
        if head == self._refused and not tags_moved and monotonic() < self._retry_at:
            return
        self._refused = head
        self._retry_at = monotonic() + self._settings.refused_retry_seconds
        self._advance(all_tags=tags_moved)
        self._refused = ""

    def _mend(self) -> None:
        """Have the read model made again if somebody deleted or harmed its files."""
        if monotonic() >= self._retry_at and not self._model.is_whole:
            self._retry_at = monotonic() + self._settings.refused_retry_seconds
            self._write(self._model.mend)

    def _look_back(self, served: Served) -> None:
        """After a swap, in the background: judge how it came about, and keep it from being lost."""
        if not self.heads.problem:
            self.judging.judge(served)
        self.heads.keep()
        with suppress(FileNotFoundError):
            self._registry.memory.sync()

    def _is_accepted(self) -> bool:
        """True if a person accepted what is there, in the place of what was served."""
        memory = self._registry.memory
        memory.refresh()
        before, self._generation = self._generation, memory.generation
        return before != self._generation

    def _load(self, warm: StoredState | None) -> None:
        """The first state: from the file when it is of the head, else from Git."""
        started = perf_counter()
        head = self.heads.look()
        if warm is not None and not self._is_remembered(warm):
            warm = None
        if warm is not None and warm.commit == head:
            served = make_served(
                warm.libraries,
                commit=head,
                committed_at=warm.committed_at,
                contiguous_max_bytes=self._settings.contiguous_max_bytes,
            )
            self._write(partial(self._model.vouch, served))
        else:
            self._tags.reset()
            snapshot = self._registry.snapshot(head)
            read = self._settled(snapshot, self._load_from_git(snapshot, warm))
            self._remember_served(news_of(read))
            served = make_served(
                read,
                commit=snapshot.commit,
                committed_at=snapshot.committed_at,
                contiguous_max_bytes=self._settings.contiguous_max_bytes,
            )
            self.snapshot = snapshot
            self._write(partial(self._model.replace, served))
            # Git keeps what it read for us; the next read starts it again, in milliseconds.
            self._registry.close()
        self._swap(served, started, warm=self.snapshot is None)
        return_memory()

    def _load_from_git(self, snapshot: Snapshot, warm: StoredState | None) -> list[ServedLibrary]:
        """All records of a snapshot; those kept from another commit that still hold are used."""
        known = {library.name: library for library in warm.libraries} if warm else {}
        held = [
            known[name]
            for name in (CORE, *snapshot.names)
            if name in known and known[name].key == snapshot.key(name)
        ]
        missing = set(snapshot.names).difference(library.name for library in held)
        if not held or len(missing) > self._settings.load_in_process:
            return load_all(self._registry, snapshot, self._settings)
        return [*held, *load_names(snapshot, sorted(missing))]

    def _advance(self, *, all_tags: bool) -> None:
        """The next state: only what changed is read."""
        before = self.current
        if before is None:
            return
        started = perf_counter()
        first = self.snapshot is None
        snapshot = self._registry.snapshot(
            self.heads.look(), previous=self.snapshot, all_tags=all_tags or self.snapshot is None
        )
        changed, removed = _difference(before, self.snapshot, snapshot)
        self.snapshot = snapshot
        if all_tags:
            self.judging.look_at_all_tags()
            self.upkeep.after_swap(before)
        if snapshot.commit == before.commit and not changed and not removed:
            self._problem = ""
            return
        read = self._settled(snapshot, list(load_names(snapshot, changed)))
        self._remember_served(news_of(read))
        served = next_served(
            before,
            read,
            removed,
            commit=snapshot.commit,
            committed_at=snapshot.committed_at,
            contiguous_max_bytes=self._settings.contiguous_max_bytes,
        )
        names = [*removed, *(library.name for library in read)]
        self._write(partial(self._model.change, served, names))
        self._swap(served, started, changed=len(changed), removed=len(removed), first=first)
        if self.changes_under_way > _FEW or len(changed) + len(removed) > 1:
            self._rest = min(self.swap_seconds * _REST_SHARE, _LONGEST_REST_SECONDS)

    def _settled(self, snapshot: Snapshot, read: list[ServedLibrary]) -> list[ServedLibrary]:
        """With releases kept whose directory went and must not have: only the history knows."""
        gone = [
            (LibraryName(library.name), version) for library in read for version in library.missing
        ]
        if not gone:
            return read
        missed = self.judging.missed(gone, snapshot.commit)
        self._remember_served(
            [
                RememberedLibrary(
                    name=library.name,
                    releases=tuple(
                        msgspec.structs.replace(one, gone=_gone(one, library.name, missed))
                        for one in known.releases
                        if one.version in library.missing
                    ),
                )
                for library in read
                if library.missing
                and (known := snapshot.known(LibraryName(library.name))) is not None
            ]
        )
        again = {one.name: one for one in load_names(snapshot, sorted({name for name, _ in gone}))}
        return [again.get(library.name, library) for library in read]

    def _is_remembered(self, warm: StoredState) -> bool:
        """True if what is served from the file was written down: that may have been removed."""
        self._registry.memory.refresh()
        known = self._registry.memory.libraries
        return all(
            library.name in known
            for library in warm.libraries
            if library.version and library.name != CORE
        )

    def _remember_served(self, news: Sequence[RememberedLibrary]) -> None:
        """Before anybody is answered with it; what cannot be written is known until the end."""
        try:
            self._registry.memory.add(news)
        except OSError as error:
            _LOG.warning("what is served is not remembered", reason=str(error))

    def _write(self, write: Callable[[], None]) -> None:
        """Let workers have a state; raises LoadError."""
        try:
            write()
        except (lmdb.Error, OSError) as error:
            raise LoadError(
                f"the read model cannot be written: {error}",
                next_step="Make room where derived files are kept (OPSTEPS_CACHE)",
            ) from error

    def _swap(self, served: Served, started: float, **facts: object) -> None:
        self.current = served
        self._states[id(served)] = served
        self._problem = ""
        self._behind_since = None
        self.heads.serves(served.commit)
        self.swap_seconds = perf_counter() - started
        _LOG.info(
            "serving",
            commit=served.commit[:12],
            libraries=served.library_count,
            steps=served.step_count,
            seconds=round(self.swap_seconds, 4),
            **facts,
        )
        for listener in self.listeners:
            listener(served)
        self.upkeep.after_swap(served)
        self._maintenance.after_change()


def _gone(release: RememberedRelease, name: str, missed: frozenset[Release]) -> str:
    return MISSED if (name, release.version) in missed else WITHDRAWN


def _another_handle(registry: Registry) -> Registry:
    """For a thread that must not wait for the reads of another."""
    return Registry.open(
        registry.path, instance=registry.instance, limits=registry.limits, check_clone=False
    )


def _difference(
    served: Served, before: Snapshot | None, now: Snapshot
) -> tuple[list[LibraryName], list[str]]:
    """The libraries that must be read again, and those that are gone."""
    known = served.libraries
    if before is not None and before.commit == served.commit:
        touched = now.changed_since(before)
    else:
        touched = frozenset(now.names).union(map(LibraryName, known)) - {CORE}
    here = frozenset(now.names) if touched else frozenset()
    changed = [
        name
        for name in sorted(touched & here)
        if name not in known or known[name].key != now.key(name)
    ]
    return changed, sorted(touched - here)
