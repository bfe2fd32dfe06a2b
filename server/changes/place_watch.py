"""Watch the registry's place: it must be there, writable, with room, and answering.

A thread of its own looks, as a disk that hangs holds whoever asks it. What it saw last is told.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from registry.files.durable import STAGED, write_durably
from registry.git.repository import GitRepository

_SECONDS = 2.0
# A look takes microseconds; one that takes so long hangs.
_HANGS_SECONDS = 10.0
# Below this hardly any change fits: its pack, its refs, its lock and its journal.
_LEAST_BYTES = 64 * 1024
_LEAST_FILES = 16


class PlaceWatch:
    """``problem`` is why nothing can be written; empty when all is well."""

    def __init__(self, repository: GitRepository, state_directory: Path) -> None:
        """Look once; `start` goes on looking."""
        self._root = repository.work_tree or repository.git_dir
        self._written = (repository.common_dir / "objects", repository.common_dir / "refs")
        self._state = state_directory
        self.looked: Callable[[], None] = lambda: None
        """Called after each look of the thread."""
        self.free_bytes = 0
        """Room on the registry's file system, for the server's user."""
        self._problem = ""
        self._began: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="place", daemon=True)
        self.look()

    @property
    def problem(self) -> str:
        """Say why nothing can be written, for all that is known; empty when it can."""
        began = self._began
        if began is not None and monotonic() - began > _HANGS_SECONDS:
            return f"the registry's disk has not answered for {monotonic() - began:.0f} s"
        return self._problem

    def start(self) -> None:
        """Look every few seconds."""
        self._thread.start()

    def stop(self) -> None:
        """End; a look that hangs is left behind."""
        self._stop.set()

    def look(self) -> None:
        """Look now."""
        self._began = monotonic()
        try:
            self._problem = self._seen()
        except OSError as error:
            self._problem = f"the registry's directory cannot be read: {error.strerror}"
        self._began = None

    def _run(self) -> None:
        while not self._stop.wait(_SECONDS):
            self.look()
            self.looked()

    def can_write(self) -> bool:
        """True if as much as a small change needs can be written now: tried, and taken away."""
        tried = self._state / f"{STAGED}{uuid.uuid4().hex}"
        try:
            write_durably(tried, bytes(_LEAST_BYTES))
            tried.unlink()
        except OSError:
            tried.unlink(missing_ok=True)
            return False
        return True

    def _seen(self) -> str:
        if not self._root.is_dir():
            return "the registry's directory is not there any more: put it back, or mount it"
        found = os.statvfs(self._written[0])
        self.free_bytes = found.f_bavail * found.f_frsize
        if found.f_flag & os.ST_RDONLY:
            return "the registry's file system can only be read"
        places = [path for path in (*self._written, self._state) if path.exists()]
        if not all(os.access(path, os.W_OK | os.X_OK) for path in places):
            return "the server's user may not write to the registry"
        if self.free_bytes < _LEAST_BYTES:
            return "there is no room left on the registry's file system"
        if found.f_files and found.f_favail < _LEAST_FILES:
            return "the registry's file system takes no more files"
        return ""
