"""Keeps catalogue and search index up to date: one build at a time, in a process of its own.

A build that is asked for while another runs starts after it; several such wishes are one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import structlog

from registry.formats.timestamps import time_now
from registry.processes.lifeline import lifeline
from registry.processes.program import program, start_program
from server.settings import Settings

_LOG = structlog.get_logger(__name__)
_ERROR_CHARS = 500
_IDLE_NICENESS = 19
_LOG_CHARS = 4_000
_LOOK_SECONDS = 2.0
"""Time between two looks for a catalogue that somebody has deleted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildState:
    """The state in ``/health``: ``off``, ``waiting``, ``building``, ``ready`` or ``failed``."""

    status: str
    commit: str = ""
    built_at: str | None = None
    error: str = ""


def site_directory(directory: Path) -> Path:
    """Return the directory of the current catalogue."""
    return directory / "catalogue"


def search_directory(directory: Path) -> Path:
    """Return the directory of the search index."""
    return directory / "search"


def build_command(
    registry: Path, directory: Path, instance: str, *, public: str, listening: str
) -> list[str]:
    """The command that builds catalogue and search index of a registry; see `build_process`.

    ``public`` is where the operator says that people find the server; where that is empty,
    ``listening`` is the address of a catalogue that is published nowhere else.
    """
    site, search = site_directory(directory), search_directory(directory)
    arguments = map(str, (registry, instance, site, search, public.rstrip("/"), listening))
    return program("server.site.build_process", *arguments)


def _yield_to_others(process: int, niceness: int) -> None:
    """From outside, as code between fork and exec is unsafe in a process with threads."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process, niceness)
        if niceness == _IDLE_NICENESS and hasattr(os, "SCHED_IDLE"):
            os.sched_setscheduler(process, os.SCHED_IDLE, os.sched_param(0))


class Building:
    """Runs builds in the background; ``after`` is called when one ended well."""

    def __init__(
        self,
        command: Sequence[str],
        settings: Settings,
        after: Callable[[], None],
        *,
        is_there: Callable[[], bool] = lambda: True,
    ) -> None:
        """Nothing runs before `start`. What was built is built again where it is not there."""
        self.state = BuildState(status="waiting")
        self._command = list(command)
        self._settings = settings
        self._after = after
        self._is_there = is_there
        self._wanted = ""
        self._is_again = False
        self._change = threading.Condition()
        self._stopped = False
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="building", daemon=True)

    def start(self) -> None:
        """Begin to wait for wishes."""
        self._thread.start()

    def want(self, commit: str) -> None:
        """The catalogue should be that of this commit, soon."""
        with self._change:
            self._wanted = commit
            self._change.notify_all()

    def again(self) -> None:
        """Build the same commit once more, soon: something outside of it has changed."""
        with self._change:
            self._is_again = True
            self._change.notify_all()

    def stop(self) -> None:
        """End, and end the build that runs; what it built so far never appears."""
        with self._change:
            self._stopped = True
            self._change.notify_all()
            if self._process is not None and self._process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGTERM)
        if self._thread.is_alive():
            self._thread.join(self._settings.stop_seconds)

    def _run(self) -> None:
        built = ""
        while commit := self._next(built, timeout=None):
            if self._build():
                built = commit
                self._after()
                self.state = BuildState(status="ready", commit=commit, built_at=time_now())
            else:
                self._next(commit, timeout=self._settings.build_retry_seconds)

    def _next(self, done: str, timeout: float | None) -> str:
        """Wait for another commit than ``done``; empty when it is time to end."""
        self._wait(done, timeout)
        with self._change:
            seen = done
            while seen != self._wanted and not self._stopped:  # a burst of commits is one build
                seen = self._wanted
                self._change.wait_for(
                    partial(self._is_not, seen), timeout=self._settings.settle_seconds
                )
            self._is_again = False
            return "" if self._stopped else self._wanted

    def _wait(self, done: str, timeout: float | None) -> None:
        """Wait for something to do; without a timeout also until what was built is gone."""
        look = _LOOK_SECONDS if timeout is None else timeout
        is_over = False
        while not is_over:
            with self._change:
                is_wanted = self._change.wait_for(partial(self._is_not, done), look)
            # Without the lock: a disk that hangs must not hold up who wants a build.
            is_over = is_wanted or timeout is not None or self._is_gone(done)

    def _is_gone(self, done: str) -> bool:
        if not done or self._is_there():
            return False
        _LOG.warning("the catalogue is gone and is built again")
        return True

    def _is_not(self, commit: str) -> bool:
        return self._stopped or self._wanted != commit or (self._is_again and bool(self._wanted))

    def _build(self) -> bool:
        if self.state.status != "failed":  # an error stands until a build has succeeded
            self.state = replace(self.state, status="building")
        try:
            code, output = self._execute()
        except OSError as error:
            code, output = -1, str(error)
        if code == 0:
            return True
        if not self._stopped:
            # The last line is the error itself; the trace above it is for the log only.
            lines = output.strip().splitlines()
            reason = (lines[-1] if lines else f"it ended with {code}")[:_ERROR_CHARS]
            self.state = replace(self.state, status="failed", error=reason)
            _LOG.error("build failed", code=code, output=output[-_LOG_CHARS:])
        return False

    def _execute(self) -> tuple[int, str]:
        with lifeline() as end:
            with self._change:
                if self._stopped:
                    return -1, ""
                process = self._process = start_program(
                    self._command,
                    end=end,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    leads_group=True,
                )
            _yield_to_others(process.pid, self._settings.build_niceness)
            _, errors = process.communicate()
        return process.returncode, errors.decode(errors="replace")
