"""However a command ends, it ends in words: full disks, closed pipes, Ctrl-C, bugs."""

import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from registry.transactions.transaction import follow_head
from tests.installed import command, opsteps
from tests.registry.making import files, git, new_registry, put, write_files


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with new_registry(tmp_path / "registry") as made:
        put(made, files())
        follow_head(made)
    write_files(tmp_path / "library", files("new-tools"))
    return tmp_path / "registry"


def run(
    where: Path, *words: object, limit: int | None = None, out: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit or 0, limit or 0))

    kept = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    kept["GIT_AUTHOR_NAME"] = "Ada"
    return subprocess.run(
        command(*words),
        cwd=where,
        env=kept,
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        preexec_fn=small_files if limit is not None else None,
    )


def test_disk_that_is_full(place: Path) -> None:
    """A limit of the files' size stands for it: the kernel refuses in the same place."""
    before = git(place, "for-each-ref")
    for words in (("add", "../library"), ("toggle", "file-tools", "--off"), ("new", "my-tools")):
        done = run(place, *words, limit=0)
        assert done.returncode == 74, done.stderr
        assert "there is no room left to write this" in done.stderr
        assert len(done.stderr.splitlines()) == 2
    assert git(place, "for-each-ref") == before
    opsteps(place, "add", "../library")


def test_output_that_finds_no_room(place: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run(place, "log", out=full.fileno())
    assert done.returncode == 74, done.stderr
    assert "there is no room left" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("words", ["log", "log --json", "show file-tools", "verify", "search"])
def test_reader_that_leaves_early(place: Path, words: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run(place, *words.split(), out=writing)
    finally:
        os.close(writing)
    assert done.returncode == 141, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "roken" not in done.stderr


def test_interrupted_while_it_waits(place: Path) -> None:
    lock = place / ".git/opsteps/write.lock"
    with lock.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = subprocess.Popen(
            command("add", "../library", "--actor", "ada"),
            cwd=place,
            stderr=subprocess.PIPE,
            text=True,
        )
        _until_it_holds_open(process.pid, lock)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert said.strip() == ""


def _until_it_holds_open(pid: int, path: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if entry.readlink() == path:
                    return
            except FileNotFoundError:
                continue
    raise AssertionError("it never came to the lock")


_BUG = """
import registry.commands.init as command
def init(directory: str) -> None:
    raise ValueError("a \\x1b[31m line\\nand another")
command.init = init
import opsteps
opsteps.main(["init", "x"])
"""


@pytest.mark.parametrize("debug", [False, True])
def test_bug_is_one_line_and_a_traceback_on_request(debug: bool) -> None:
    environment = {**os.environ, **({"OPSTEPS_DEBUG": "1"} if debug else {})}
    done = subprocess.run(
        [sys.executable, "-c", _BUG], env=environment, capture_output=True, text=True, check=False
    )
    assert ("Traceback (most recent call last)" in done.stderr) == debug
    assert "╭" not in done.stderr
    if not debug:
        assert done.returncode == 70
        assert "opsteps: a bug in opsteps: ValueError: a" in done.stderr
        assert "OPSTEPS_DEBUG=1" in done.stderr
        assert "\x1b" not in done.stderr
        assert len(done.stderr.splitlines()) == 2


def test_names_that_are_no_text(place: Path) -> None:
    """A file whose name is no UTF-8, and a directory that is none: named, and no traceback."""
    odd = os.fsencode(place.parent / "library") + b"/docs/caf\xe9.md"
    Path(os.fsdecode(odd)).write_bytes(b"# x\n")
    for words in (("validate", "../library"), ("add", "../library")):
        done = run(place, *words)
        assert done.returncode in {0, 1}, done.stderr
        assert "Traceback" not in done.stderr
        assert "bug" not in done.stderr
    done = run(place, "validate", os.fsdecode(b"../caf\xe9"))
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


@pytest.mark.parametrize("words", ["add ../loop", "validate ../loop", "verify -r ../loop",
                                   "package file-tools --output /dev/null/x"])  # fmt: skip
def test_odd_paths(place: Path, words: str) -> None:
    loop = place.parent / "loop"
    loop.symlink_to(loop)
    done = run(place, *words.split())
    assert done.returncode not in {0, 1, 70}, done.stderr
    assert "Traceback" not in done.stderr
