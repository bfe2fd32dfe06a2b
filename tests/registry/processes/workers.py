"""What the worker processes of `test_pool.py` do: a worker finds its work by module and name."""

import os
import signal
import subprocess
from pathlib import Path

from registry.errors import ConflictError

_begun: list[str] = []


def begin(word: str) -> None:
    _begun.append(word)


def begun() -> list[str]:
    return _begun


def refuse_to_begin() -> None:
    raise ConflictError("the registry is taken", next_step="Choose another one")


def process_id() -> int:
    return os.getpid()


def refuse(where: str) -> None:
    raise ConflictError("that is taken", where=where, next_step="Take another")


def fail() -> None:
    raise ConnectionResetError("a peer of the work, not the worker")


class StubbornError(Exception):
    """Pickles, and cannot be unpickled: it needs two arguments and keeps one."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


def fail_stubbornly() -> None:
    raise StubbornError("one", "two")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def meet(directory: str, count: int) -> int:
    """Wait until so many processes are here at once."""
    (Path(directory) / str(os.getpid())).touch()
    while len(list(Path(directory).iterdir())) < count:
        pass
    return os.getpid()


def hang(told: str) -> None:
    """Say who works, and start a program that ends as little as this does."""
    child = subprocess.Popen(["sleep", "600"])
    Path(told).write_text(f"{os.getpid()} {child.pid}", encoding="ascii")
    child.wait()


def stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
