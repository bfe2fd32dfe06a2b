"""Load a whole registry for serving: alone when it is small, by several processes when it is large.

A process loads a slice of the names and writes its records to its standard output in blocks, each
after its length. They are msgpack, decoded into typed records: nothing in them is ever executed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import msgspec

from registry.errors import RegistryError
from registry.names import CORE, CommitId, LibraryName
from registry.processes.lifeline import end_with_starter, lifeline
from registry.processes.program import hand_over, program, start_program
from registry.snapshots.registry import Registry, Snapshot
from server.errors import LoadError
from server.readmodel.records import ServedLibrary, served_library
from server.settings import Settings

_BLOCK_LIBRARIES = 200
_LENGTH_BYTES = 8
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[ServedLibrary])


def load_names(snapshot: Snapshot, names: Iterable[LibraryName] | None) -> Iterator[ServedLibrary]:
    """The records of these libraries, or of all with ``core``, in this process."""
    for library in snapshot.libraries(names):
        name = library.name
        yield served_library(library, snapshot.key(name), snapshot.known(name))


def load_all(registry: Registry, snapshot: Snapshot, settings: Settings) -> list[ServedLibrary]:
    """The records of all libraries of a snapshot; raises LoadError."""
    names = snapshot.names
    if len(names) <= settings.load_in_process or settings.load_workers <= 1:
        return list(load_names(snapshot, None))
    count = settings.load_workers
    size = -(-len(names) // count)
    slices = [names[start : start + size] for start in range(0, len(names), size)]
    with ThreadPoolExecutor(count) as pool:
        parts = pool.map(lambda part: _load_elsewhere(registry, snapshot.commit, part), slices)
        loaded = [library for part in parts for library in part]
    missing = set(names).difference(library.name for library in loaded)
    if missing:
        raise LoadError(
            f"{len(missing)} libraries were not loaded", next_step="Look at the log above"
        )
    return [*load_names(snapshot, [CORE]), *loaded]


def _load_elsewhere(
    registry: Registry, commit: CommitId, names: Sequence[LibraryName]
) -> list[ServedLibrary]:
    command = program(
        "server.readmodel.load_process", str(registry.path), registry.instance, commit
    )
    with lifeline() as end:
        process = start_program(command, end=end, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return _loaded(process, names)


def _loaded(process: subprocess.Popen[bytes], names: Sequence[LibraryName]) -> list[ServedLibrary]:
    if process.stdout is None:
        raise LoadError("a loading process has no pipes", next_step="Report this as a bug")
    try:
        hand_over(process, "\n".join(names).encode())
        loaded = [library for block in read_blocks(process.stdout) for library in block]
    finally:
        process.stdout.close()
        code = process.wait()
    if code != 0:
        raise LoadError(f"a loading process ended with {code}", next_step="Look at the log above")
    return loaded


def write_block(stream: IO[bytes], libraries: Sequence[ServedLibrary]) -> None:
    """One block: its length in 8 bytes, big-endian, then the records."""
    data = _ENCODER.encode(libraries)
    stream.write(len(data).to_bytes(_LENGTH_BYTES, "big"))
    stream.write(data)


def read_blocks(stream: IO[bytes]) -> Iterator[list[ServedLibrary]]:
    """The blocks of a stream to its end; raises LoadError when it ends in the middle of one."""
    while header := stream.read(_LENGTH_BYTES):
        size = int.from_bytes(header, "big")
        data = stream.read(size)
        if len(header) < _LENGTH_BYTES or len(data) < size:
            raise LoadError("a loading process stopped early", next_step="Look at the log above")
        yield _DECODER.decode(data)


def run_load_process(arguments: Sequence[str]) -> int:
    """Load in a process of its own: names from standard input, blocks to standard output."""
    end_with_starter()
    path, instance, commit = arguments
    names = [LibraryName(line) for line in sys.stdin.read().split()]
    try:
        registry = Registry.open(Path(path), instance=instance, check_clone=False)
    except RegistryError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    try:
        registry.remembers = True
        snapshot = registry.snapshot(CommitId(commit))
        block: list[ServedLibrary] = []
        for library in load_names(snapshot, names):
            block.append(library)
            if len(block) == _BLOCK_LIBRARIES:
                write_block(sys.stdout.buffer, block)
                block = []
        write_block(sys.stdout.buffer, block)
        sys.stdout.buffer.flush()
    finally:
        registry.close()
    return 0
