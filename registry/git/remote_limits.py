"""The limits of a Git command that talks to another machine: how long, how much, to whom."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from registry.errors import GitError

_PROTOCOLS = "file:git:http:https:ssh"


def _ssh_command() -> str:
    """The program for SSH: what the operator says by the environment, never what a repository says.

    A workflow needs it for the key that its checkout brought along.
    """
    return f"{os.environ.get('OPSTEPS_SSH_COMMAND') or 'ssh'} -oBatchMode=yes"


class RemoteTimeoutError(GitError):
    """The other machine took longer than it may."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """Limits of one command, and what it is told about the other side.

    ``config`` goes by the environment, not by arguments, which everybody on a machine can read.
    """

    seconds: float | None = None
    """After so many seconds it is ended, with every program that it started."""
    file_bytes: int | None = None
    """Largest file that it may write, such as the pack that it fetches."""
    protocols: str = _PROTOCOLS
    ssh: str = field(default_factory=_ssh_command)
    config: Mapping[str, str] = field(default_factory=dict, repr=False)

    def environment(self) -> dict[str, str]:
        """The environment that tells Git of them."""
        found = {"GIT_ALLOW_PROTOCOL": self.protocols, "GIT_SSH_COMMAND": self.ssh}
        if self.config:
            found["GIT_CONFIG_COUNT"] = str(len(self.config))
        for number, (key, value) in enumerate(self.config.items()):
            found[f"GIT_CONFIG_KEY_{number}"] = key
            found[f"GIT_CONFIG_VALUE_{number}"] = value
        return found


def communicate(
    process: subprocess.Popen[bytes], stdin: bytes, reach: Reach | None
) -> tuple[bytes, bytes]:
    """Feed a process and read all that it says; raises RemoteTimeoutError and ends it."""
    with process:
        if reach is not None:
            limit_files(process.pid, reach)
        try:
            return process.communicate(stdin, timeout=reach.seconds if reach else None)
        except subprocess.TimeoutExpired as error:
            _end(process)
            raise _too_slow(reach) from error
        except BaseException:
            _end(process)
            raise


@contextmanager
def within(process: subprocess.Popen[str], reach: Reach) -> Iterator[None]:
    """Work with what a process says, which leads a session; it ends when its time is over.

    It ends as well when that work fails. Raises RemoteTimeoutError.
    """
    is_late = threading.Event()

    def end() -> None:
        if process.poll() is None:
            is_late.set()
            _end(process)

    watchdog = threading.Timer(reach.seconds or 0, end)
    watchdog.daemon = True
    if reach.seconds is not None:
        watchdog.start()
    try:
        yield
    except BaseException:
        _end(process)
        process.wait()
        raise
    finally:
        watchdog.cancel()
    if is_late.is_set():
        raise _too_slow(reach)


def _too_slow(reach: Reach | None) -> RemoteTimeoutError:
    return RemoteTimeoutError(
        f"it took longer than {reach.seconds if reach else 0:g} s",
        next_step="Try again later; the other side is slow, or does not answer",
    )


def limit_files(process: int, reach: Reach) -> None:
    """From outside, as code between fork and exec is unsafe in a process with threads."""
    if reach.file_bytes is None:
        return
    try:
        resource.prlimit(process, resource.RLIMIT_FSIZE, (reach.file_bytes, reach.file_bytes))
    except ProcessLookupError:  # it has ended already
        return


def _end(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """End it; where it leads a session, also its helpers, which would hold the pipes open."""
    try:
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        return
