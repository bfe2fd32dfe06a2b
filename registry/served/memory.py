"""The memory of what this clone's servers have served: one file, to which lines are only added.

A release never changes, so whoever served it knows what it is: its tag object, its digest and the
tree of its files. What is there later is compared with that, whatever tag and ledger say by then.
The file is data only: a magic, then blocks, each with its length and a checksum. A last block that
was not written to its end is cut off; only a person's acceptance writes the file again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path

import msgspec

from registry.files.durable import write_durably
from registry.files.locks import exclusive

_FILE = "served.log"
_LOCK = "served.lock"
_MAGIC = b"opsteps-remembered-1\n"
_LENGTH_BYTES = 4
_DIGEST_BYTES = 16
WITHDRAWN = "withdrawn"
"""It was removed or uninstalled, as the history allows."""
MISSED = "missed"
"""Nothing allows that it is gone."""


class RememberedRelease(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A release as it was served: ids of its tag object and of the tree of its files."""

    version: str
    tag: str
    digest: str
    tree: str
    gone: str = ""
    """Of a directory that is gone: whether it was removed on purpose, or is missed."""


class RememberedLibrary(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The releases of a library that were served, and the blob of its ``library.yaml`` then."""

    name: str
    releases: tuple[RememberedRelease, ...] = ()
    facts: str = ""
    accepted: int = 0
    """The number of times that a person accepted a change of it."""
    active: str = ""
    """The version that lookups without one were answered with last, while all was sound."""

    def release(self, version: str) -> RememberedRelease | None:
        """One version of it."""
        return next((one for one in self.releases if one.version == version), None)


class _Block(msgspec.Struct, frozen=True, array_like=True):
    libraries: tuple[RememberedLibrary, ...] = ()
    generation: int = 0


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Block)


class Memory:
    """The file as one process reads it, and adds to it. Nothing is read before `refresh`."""

    def __init__(self, directory: Path) -> None:
        """``directory`` is the registry's state directory; it need not exist."""
        self.path = directory / _FILE
        self.libraries: dict[str, RememberedLibrary] = {}
        self.generation = 0
        """Grows whenever a person accepts something."""
        self.problem = ""
        """The reason why not all of the file can be read; empty when it can."""
        self._lock = directory / _LOCK
        self._file: tuple[int, int] | None = None
        self._size = 0
        self._synced = 0

    def refresh(self) -> None:
        """Read what others have added since; a file that cannot be read is a problem, no error."""
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                if (status.st_dev, status.st_ino) != self._file or status.st_size < self._size:
                    self._forget()
                    self._file = (status.st_dev, status.st_ino)
                if status.st_size == self._size:
                    return
                file.seek(self._size)
                self._take(file.read())
        except FileNotFoundError:
            if self._file is not None:
                # What is remembered here stays so, whoever removed the file.
                self._file, self._size = None, 0
        except OSError as error:
            self.problem = f"what was served cannot be read: {error.strerror}"

    def _forget(self) -> None:
        self.libraries = {}
        self.generation, self._size, self.problem = 0, 0, ""

    def _take(self, data: bytes) -> None:
        view = memoryview(data)
        start = 0
        if self._size == 0:
            if bytes(view[: len(_MAGIC)]) != _MAGIC:
                self.problem = "what was served cannot be read: the file is damaged"
                return
            start = len(_MAGIC)
        end, is_damaged = start, False
        for body, end, is_good in _blocks(view, start):
            try:
                if not is_good:
                    raise ValueError  # noqa: TRY301 - one way out for whatever is wrong with it
                self._merge(_DECODER.decode(body))
            except (ValueError, msgspec.MsgspecError):
                # A power cut may leave zeros at the end; what others follow was whole once.
                is_damaged = end < len(view) and any(view[start:])
                break
            start = end
        if is_damaged:
            self.problem = f"what was served cannot be read: damaged at byte {self._size + start:,}"
        self._size += start

    def _merge(self, block: _Block) -> None:
        self.generation = max(self.generation, block.generation)
        known = self.libraries
        for library in block.libraries:
            before = known.get(library.name)
            known[library.name] = library if before is None else _merged(before, library)

    def add(self, libraries: Iterable[RememberedLibrary]) -> None:
        """Remember more, here at once and then in the file. Raises OSError for the file.

        `sync` lets it outlast a power cut; until then what is there is remembered again after one.
        """
        more = tuple(one for one in libraries if _is_news(self.libraries.get(one.name), one))
        if not more:
            return
        block = _Block(libraries=more)
        self._merge(block)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(self._lock):
            self.refresh()
            self._merge(block)
            if self.problem:
                return  # what is damaged is left for a person to look at
            if self._file is None:
                self._write(self.generation)
                return
            with self.path.open("r+b") as file:
                file.truncate(self._size)
                file.seek(self._size)
                data = _framed(block)
                file.write(data)
            self._size += len(data)

    def sync(self) -> None:
        """Let what was added outlast a power cut. Raises OSError."""
        if self._size == self._synced:
            return
        with self.path.open("rb") as file:
            self._synced = self._size
            os.fsync(file.fileno())

    def accept(self, libraries: Iterable[RememberedLibrary]) -> None:
        """In the place of these libraries remember what a person accepts. Raises OSError."""
        accepted = tuple(libraries)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(self._lock):
            self.refresh()
            for library in accepted:
                before = self.libraries.get(library.name)
                count = 1 if before is None else before.accepted + 1
                self.libraries[library.name] = msgspec.structs.replace(library, accepted=count)
            self._write(self.generation + 1)

    def accept_tags(self, tags: Mapping[tuple[str, str], str]) -> None:
        """Other tag objects state the same releases, by name and version. Raises OSError."""
        self.refresh()
        names = {name for name, _ in tags}
        changed = []
        for library in [self.libraries[name] for name in names if name in self.libraries]:
            releases = tuple(
                msgspec.structs.replace(one, tag=tags.get((library.name, one.version), one.tag))
                for one in library.releases
            )
            if releases != library.releases:
                changed.append(msgspec.structs.replace(library, releases=releases))
        if changed:
            self.accept(changed)

    def _write(self, generation: int) -> None:
        """Write all of it again, at once or not at all."""
        block = _Block(libraries=tuple(self.libraries.values()), generation=generation)
        data = _MAGIC + _framed(block)
        write_durably(self.path, data)
        status = self.path.stat()
        self._file, self._size = (status.st_dev, status.st_ino), len(data)
        self.generation, self.problem = generation, ""


def _is_news(known: RememberedLibrary | None, library: RememberedLibrary) -> bool:
    if known is None:
        return True
    versions = {one.version: one.gone for one in known.releases}
    if library.facts not in ("", known.facts) or library.active not in ("", known.active):
        return True
    return any(versions.get(one.version) != one.gone for one in library.releases)


def _merged(before: RememberedLibrary, more: RememberedLibrary) -> RememberedLibrary:
    """Releases that are known already stay what they were, be they there or gone."""
    told = {one.version: one for one in more.releases}
    known = {one.version for one in before.releases}
    releases = tuple(
        msgspec.structs.replace(one, gone=told[one.version].gone) if one.version in told else one
        for one in before.releases
    )
    new = tuple(one for one in more.releases if one.version not in known)
    return RememberedLibrary(
        name=before.name,
        releases=releases + new,
        facts=more.facts or before.facts,
        accepted=max(before.accepted, more.accepted),
        active=more.active or before.active,
    )


def _framed(block: _Block) -> bytes:
    body = _ENCODER.encode(block)
    digest = blake2b(body, digest_size=_DIGEST_BYTES).digest()
    return len(body).to_bytes(_LENGTH_BYTES, "big") + digest + body


def _blocks(data: memoryview, start: int) -> Iterator[tuple[memoryview, int, bool]]:
    """Each whole block, where it ends, and whether its checksum is right."""
    while True:
        body = start + _LENGTH_BYTES + _DIGEST_BYTES
        end = body + int.from_bytes(data[start : start + _LENGTH_BYTES], "big")
        if body > len(data) or end > len(data):
            return
        digest = blake2b(data[body:end], digest_size=_DIGEST_BYTES).digest()
        yield data[body:end], end, digest == data[start + _LENGTH_BYTES : body]
        start = end
