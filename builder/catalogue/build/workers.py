"""Render and write many libraries: here, or spread over child processes.

A child opens the registry again (a Git process cannot be shared), renders what it is given, writes
the files itself and sends back only what the lists need. It inherits the site's lock, so a build
whose parent was killed keeps others out until its last child has ended, which it does by itself
when nobody reads its answers.
"""

from __future__ import annotations

import gc
import os
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path

import msgspec

from builder.catalogue.data.search_record import library_record
from builder.catalogue.facts.context import Context
from builder.catalogue.facts.library_sources import read_sources
from builder.catalogue.output.site_state import LibraryRecord
from builder.catalogue.output.tree_writer import Changes, TreeWriter
from builder.catalogue.output.two_trees import TreeTarget
from builder.catalogue.pages.one_library import render_library
from builder.errors import BuilderError
from builder.search.browser.records import SearchRecord, write_records
from registry.limits import Limits
from registry.names import CommitId, LibraryName
from registry.snapshots.registry import Registry, Snapshot

_CHUNK = 32
_FEW = 64
"""Up to so many libraries a second process costs more than it brings."""
_TOKEN = struct.Struct("<I")

Progress = Callable[[str, int, int], None]
"""Called with a phase, how much of it is done, and how much there is."""


class RenderError(BuilderError):
    """A child process failed; the message carries what it said."""

    exit_code = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """The facts that every process needs to render libraries."""

    path: Path
    instance: str
    limits: Limits
    commit: CommitId
    context: Context
    keys: dict[LibraryName, str]
    before: dict[str, LibraryRecord]
    target: TreeTarget
    records: Path | None
    """The place of the search records; None when there is to be no search."""
    remembers: bool = False
    """True for a server's, which holds releases to what it served."""


class Part(msgspec.Struct, kw_only=True):
    """The result of rendering some libraries."""

    libraries: dict[str, LibraryRecord] = msgspec.field(default_factory=dict)
    bodies: dict[str, tuple[bytes, ...]] = msgspec.field(default_factory=dict)
    unlisted: dict[str, str] = msgspec.field(default_factory=dict)
    written: list[str] = msgspec.field(default_factory=list)
    removed: list[str] = msgspec.field(default_factory=list)
    unchanged: int = 0
    error: str = ""

    def add(self, other: Part) -> None:
        """Put another part to this one."""
        self.libraries.update(other.libraries)
        self.bodies.update(other.bodies)
        self.unlisted.update(other.unlisted)
        self.written += other.written
        self.removed += other.removed
        self.unchanged += other.unchanged


@dataclass(kw_only=True, slots=True)
class _Desk:
    """A registry opened for rendering, and the writer that goes with it."""

    registry: Registry
    snapshot: Snapshot
    writer: TreeWriter


def render_libraries(
    task: Task,
    registry: Registry,
    snapshot: Snapshot,
    names: Sequence[LibraryName],
    *,
    jobs: int,
    progress: Progress,
) -> Part:
    """Render and write these libraries into the task's tree."""
    # A process with threads must not fork: a lock that another thread holds stays held for ever.
    if jobs > 1 and len(names) > _FEW and threading.active_count() == 1:
        return _render_in_children(task, snapshot, names, jobs, progress)
    writer = TreeWriter(task.target)
    desk = _Desk(registry=registry, snapshot=snapshot, writer=writer)
    whole = Part()
    for start in range(0, len(names), _CHUNK):
        whole.add(_render_chunk(task, desk, names[start : start + _CHUNK]))
        progress("pages", min(start + _CHUNK, len(names)), len(names))
    return whole


def _render_chunk(task: Task, desk: _Desk, names: Sequence[LibraryName]) -> Part:
    part, changes = Part(), Changes()
    search: dict[str, SearchRecord | None] = {}
    for source in read_sources(desk.registry, desk.snapshot, names):
        name = source.library.name
        result = render_library(source, key=task.keys[name], context=task.context)
        before = task.before.get(name)
        outputs = desk.writer.publish(result.rendered, before.outputs if before else {}, changes)
        part.libraries[name] = msgspec.structs.replace(result.record, outputs=outputs)
        part.bodies[name] = result.bodies
        if task.records is not None:
            facts = task.context.theme.facts
            search[name] = library_record(source.library, result.quality, facts)
    for name in names:
        if name not in part.libraries:
            part.unlisted[name] = task.keys[name]
            if (before := task.before.get(name)) is not None:
                desk.writer.remove(before.outputs, changes)
    if task.records is not None:
        write_records(task.records, {**search, **dict.fromkeys(part.unlisted)})
    part.written, part.removed = changes.written, changes.removed
    part.unchanged = changes.unchanged
    return part


def _render_in_children(
    task: Task, seen: Snapshot, names: Sequence[LibraryName], jobs: int, progress: Progress
) -> Part:
    chunks = [names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK)]
    take, give = os.pipe()
    readers: list[Connection] = []
    children: list[int] = []
    gc.freeze()
    try:
        for _ in range(min(jobs, len(chunks))):
            reader, sender = Pipe(duplex=False)
            child = os.fork()
            if child == 0:
                _be_a_child(task, seen, chunks, take, give, [*readers, reader], sender)
            sender.close()
            readers.append(reader)
            children.append(child)
        os.close(take)
        os.write(give, b"".join(_TOKEN.pack(index) for index in range(len(chunks))))
        os.close(give)
        return _collect(readers, len(names), progress)
    finally:
        gc.unfreeze()
        for reader in readers:
            reader.close()
        for child in children:
            os.waitpid(child, 0)


def _collect(readers: Sequence[Connection], total: int, progress: Progress) -> Part:
    whole = Part()
    decoder = msgspec.msgpack.Decoder(Part)
    pending = list(readers)
    while pending:
        for reader in wait(pending):
            if not isinstance(reader, Connection):
                continue
            try:
                part = decoder.decode(reader.recv_bytes())
            except EOFError:
                pending.remove(reader)
                continue
            if part.error:
                raise RenderError(part.error, next_step="Report this, with the registry's commit")
            whole.add(part)
            progress("pages", len(whole.libraries) + len(whole.unlisted), total)
    done = len(whole.libraries) + len(whole.unlisted)
    if done != total:
        raise RenderError(f"a process ended early: {done} of {total} libraries were rendered")
    return whole


def _be_a_child(
    task: Task,
    seen: Snapshot,
    chunks: Sequence[Sequence[LibraryName]],
    take: int,
    give: int,
    others: Sequence[Connection],
    sender: Connection,
) -> None:
    """Render chunks until none is left; never returns."""
    status = 1
    try:
        os.close(give)
        for other in others:
            other.close()
        gc.disable()
        _work(task, seen, chunks, take, sender)
        status = 0
    except BrokenPipeError:
        status = 2
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        sender.send_bytes(msgspec.msgpack.encode(Part(error=f"{type(error).__name__}: {error}")))
    finally:
        os._exit(status)


def _work(
    task: Task,
    seen: Snapshot,
    chunks: Sequence[Sequence[LibraryName]],
    take: int,
    sender: Connection,
) -> None:
    registry = Registry.open(task.path, instance=task.instance, limits=task.limits)
    registry.remembers = task.remembers
    # What the parent saw: the same tags in every child, and nothing to list once more.
    snapshot = registry.snapshot(task.commit, previous=seen, all_tags=False)
    writer = TreeWriter(task.target)
    desk = _Desk(registry=registry, snapshot=snapshot, writer=writer)
    encoder = msgspec.msgpack.Encoder()
    while token := os.read(take, _TOKEN.size):
        part = _render_chunk(task, desk, chunks[_TOKEN.unpack(token)[0]])
        sender.send_bytes(encoder.encode(part))
    registry.close()
