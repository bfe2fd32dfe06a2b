"""Put rendered files into the spare tree: only those that differ, each as a new file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256

from builder.catalogue.output.site_state import Outputs
from builder.catalogue.output.two_trees import TreeTarget, remove_output

_DIGEST_BYTES = 12


def digest(content: bytes) -> bytes:
    """Return the digest that tells one file's bytes from another's in the state."""
    return sha256(content).digest()[:_DIGEST_BYTES]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """Files to publish: ``files`` by path; ``twins`` are further paths with a file's bytes."""

    files: dict[str, bytes] = field(default_factory=dict)
    twins: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedFile:
    """A file that is rendered only when ``key``, which stands for all it is made of, is new."""

    path: str
    key: bytes
    render: Callable[[], bytes]


@dataclass(kw_only=True, slots=True)
class Changes:
    """The changes made to a tree, as paths below its root."""

    written: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0

    def add(self, other: Changes) -> None:
        """Count another part of the same build."""
        self.written += other.written
        self.removed += other.removed
        self.unchanged += other.unchanged


class TreeWriter:
    """Writes into one tree, and into its mirror."""

    def __init__(self, target: TreeTarget) -> None:
        """Nothing is written yet."""
        # Texts and system calls, not Path: for ten thousands of files that is half of the time.
        self._root = os.fspath(target.tree)
        self._tree = target.tree
        self._is_fresh = target.is_fresh
        self._mirror = target.mirror
        self._made: set[str] = {""}

    def publish(self, rendered: Rendered, before: Mapping[str, bytes], changes: Changes) -> Outputs:
        """Bring the files in line with ``rendered``; ``before`` is all that there was of them."""
        outputs = self.write_changed(rendered.files, before, changes)
        for path, original in rendered.twins.items():
            outputs[path] = found = outputs[original]
            if before.get(path) == found:
                changes.unchanged += 1
            else:
                self._twin(path, original)
                changes.written.append(path)
        self.remove((path for path in before if path not in outputs), changes)
        return outputs

    def write_changed(
        self, files: Mapping[str, bytes], before: Mapping[str, bytes], changes: Changes
    ) -> Outputs:
        """Write the files whose bytes are not those of ``before``."""
        outputs: Outputs = {}
        for path, content in files.items():
            outputs[path] = found = digest(content)
            if before.get(path) == found:
                changes.unchanged += 1
            else:
                self._write(path, content)
                changes.written.append(path)
        return outputs

    def write_planned(
        self, planned: Iterable[PlannedFile], before: Mapping[str, bytes], changes: Changes
    ) -> Outputs:
        """Render and write the files whose keys are not those of ``before``."""
        outputs: Outputs = {}
        for file in planned:
            outputs[file.path] = file.key
            if before.get(file.path) == file.key:
                changes.unchanged += 1
            else:
                content = file.render()
                if file.path in before and self._holds(file.path, content):
                    changes.unchanged += 1
                else:
                    self._write(file.path, content)
                    changes.written.append(file.path)
        return outputs

    def _holds(self, path: str, content: bytes) -> bool:
        try:
            return (self._tree / path).read_bytes() == content
        except FileNotFoundError:
            return False

    def append(self, path: str, more: bytes) -> None:
        """Put more behind a file of a tree that nothing else shares but its mirror."""
        _write_all(f"{self._root}/{path}", os.O_APPEND, more)

    def replace(self, path: str, content: bytes) -> None:
        """Put another file in the place of one that is there."""
        self._write(path, content)

    def remove(self, paths: Iterable[str], changes: Changes) -> None:
        """Take files out of the tree."""
        for path in paths:
            remove_output(self._tree, path)
            if self._mirror is not None:
                remove_output(self._mirror, path)
            changes.removed.append(path)
            self._made.clear()
            self._made.add("")

    def _write(self, path: str, content: bytes) -> None:
        self._make_folder(path.rpartition("/")[0])
        full = f"{self._root}/{path}"
        target = full if self._is_fresh else full + ".new"
        _write_all(target, os.O_CREAT | os.O_TRUNC, content)
        self._settle(path, target, full)

    def _twin(self, path: str, original: str) -> None:
        self._make_folder(path.rpartition("/")[0])
        full = f"{self._root}/{path}"
        target = full if self._is_fresh else full + ".new"
        os.link(f"{self._root}/{original}", target)
        self._settle(path, target, full)

    def _settle(self, path: str, target: str, full: str) -> None:
        """Put what was written in its place, and into the mirror."""
        if not self._is_fresh:
            os.replace(target, full)  # noqa: PTH105 - as above
        if self._mirror is not None:
            # Written again in the same build, it is the same file in both trees already.
            with suppress(FileExistsError):
                os.link(full, f"{self._mirror}/{path}")

    def _make_folder(self, folder: str) -> None:
        if folder in self._made:
            return
        self._make_folder(folder.rpartition("/")[0])
        for tree in (self._root, self._mirror):
            if tree is not None:
                with suppress(FileExistsError):
                    os.mkdir(f"{tree}/{folder}")  # noqa: PTH102 - as above
        self._made.add(folder)


def _write_all(path: str, flags: int, content: bytes) -> None:
    """Write to a file that is opened with these flags, as often as that takes. Raises OSError."""
    file = os.open(path, os.O_WRONLY | flags, 0o644)
    try:
        written = os.write(file, content)
        while written < len(content):
            written += os.write(file, memoryview(content)[written:])
    finally:
        os.close(file)
