"""A writing process that hangs: told, replaced, and no reason for a stop or a kill to hang too."""

from __future__ import annotations

import fcntl
import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import pytest

from server.changes.write_process import _NICENESS
from tests.server.changes.test_changes import install
from tests.server.real_server import (
    Client,
    Place,
    Reply,
    command_of,
    making_place,
    processes_of,
    serving,
    until,
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with making_place(tmp_path / "registry") as made:
        yield made


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Meanwhile every writer waits, as for a disk that does not answer."""
    with (place.path / ".git/opsteps/write.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def asking(client: Client, name: str) -> Iterator[Future[Reply]]:
    """An install that is under way."""
    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(install, client, name)


def writer(client: Client) -> int:
    """The process that writes."""
    for child in processes_of(client):
        is_worker = b"registry.processes.worker" in command_of(child)
        # One that checks uploads is nicer.
        if is_worker and os.getpriority(os.PRIO_PROCESS, child) == _NICENESS:
            return child
    raise AssertionError("there is no writing process")


def gauge(client: Client, name: str) -> float:
    text = client.get("/metrics").body.decode()
    found = re.search(rf"^opsteps_{name} (\S+)", text, re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_a_change_that_hangs_is_told_then_ended_and_the_next_one_works(place: Place) -> None:
    with serving(place.path, "--no-catalogue", slow_change_seconds=0.2, change_seconds=3) as client:
        assert install(client, "alpha").status == 200
        assert client.health()["writing"]["status"] == "ready"
        os.kill(writer(client), signal.SIGSTOP)
        with asking(client, "beta") as reply:
            until(lambda: client.health()["writing"]["status"] == "slow")
            health = client.health()
            assert health["status"] == "degraded"
            assert "has been under way for" in health["writing"]["problem"]
            assert gauge(client, "oldest_change_seconds") > 0
            assert client.get("/api/v1/steps/alpha.file.copy").status == 200
            assert reply.result().status == 503
            assert "took too long" in reply.result().json()["detail"]
        assert client.health()["writing"]["status"] == "failing"
        assert client.health()["status"] == "degraded"
        assert gauge(client, "write_failing") == 1
        assert install(client, "beta").status == 200
        assert client.health()["writing"]["status"] == "ready"
        assert gauge(client, "write_failing") == 0
        until(lambda: client.health()["status"] == "healthy")


@pytest.mark.parametrize("how", ["stopped", "locked"])
def test_a_stop_does_not_wait_for_a_writer_that_hangs(place: Place, how: str) -> None:
    with serving(place.path, "--no-catalogue", stop_seconds=1) as client:
        assert install(client, "alpha").status == 200
        with locked(place):
            if how == "stopped":
                os.kill(writer(client), signal.SIGSTOP)
            with asking(client, "beta") as reply:
                until(lambda: gauge(client, "oldest_change_seconds") > 0)
                client.process.send_signal(signal.SIGTERM)
                # It once waited for the writer for ever.
                assert client.process.wait(20) == 0
                assert _came_to(reply) in {0, 503}


@pytest.mark.parametrize("how", ["idle", "stopped", "locked"])
def test_nothing_outlives_a_server_that_is_killed_alone(place: Place, how: str) -> None:
    with serving(place.path, is_killed=True) as client:
        assert install(client, "alpha").status == 200
        with locked(place), ThreadPoolExecutor(1) as thread:
            if how != "idle":
                asked = thread.submit(install, client, "beta")
                until(lambda: gauge(client, "oldest_change_seconds") > 0)
            if how == "stopped":
                os.kill(writer(client), signal.SIGSTOP)
            started = processes_of(client)
            assert len(started) > 1
            os.kill(client.process.pid, signal.SIGKILL)
            until(lambda: not any(map(_is_there, started)))
            if how != "idle":
                assert _came_to(asked) == 0


def _came_to(reply: Future[Reply]) -> int:
    """The status of the answer; 0 when there was none."""
    try:
        return reply.result().status
    except (OSError, HTTPException):
        return 0


def _is_there(process: int) -> bool:
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
