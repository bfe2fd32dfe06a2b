"""``kill -9`` of a whole server amid uploads: the old state or the new, nothing between."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from registry.snapshots.registry import Registry
from tests.server.changes.test_changes import change, form, upload, zipped
from tests.server.real_server import (
    Client,
    making_place,
    processes_of,
    release_files,
    serving,
    until,
)

_LIBRARIES = 12
_ROUNDS = 4


class Writers:
    """Threads that install, update and turn off until the server is gone; they note the answers."""

    def __init__(self, client: Client, number: int) -> None:
        self.acknowledged: set[str] = set()
        self._client = client
        self._round = number
        self._threads = [threading.Thread(target=self._run, args=(part,)) for part in range(3)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _run(self, part: int) -> None:
        for number in range(part, _LIBRARIES, 3):
            name = f"round-{self._round}-{number}"
            body = form(zipped(release_files(name, "1.0.0")))
            try:
                if upload(self._client, body).status == 200:
                    self.acknowledged.add(name)
                path = f"/api/v1/libraries/{name}/toggle?enabled=false"
                if change(self._client, "PUT", path).status == 200:
                    self.acknowledged.add(f"{name} off")
            except (OSError, HTTPException):
                return


def _kill_all(client: Client) -> None:
    """The server first, then what it has started; its workers lead process groups."""
    for process in [client.process.pid, *processes_of(client)]:
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)


@pytest.mark.timeout(240)
def test_what_was_acknowledged_is_there_and_the_rest_is_whole_or_absent(tmp_path: Path) -> None:
    chance = random.Random(4)
    acknowledged: set[str] = set()
    with making_place(tmp_path / "registry") as place:
        for number in range(_ROUNDS):
            with serving(place.path, is_killed=True) as client:
                writers = Writers(client, number)
                writers.start()
                wanted = chance.randint(1, _LIBRARIES)
                until(lambda w=writers, n=wanted: len(w.acknowledged) >= n)  # type: ignore[misc]
                _kill_all(client)
                writers.join()
            acknowledged |= writers.acknowledged
            with serving(place.path) as client:
                served = {one["name"]: one for one in client.get("/api/v1/libraries").json()}
                for said in acknowledged:
                    name, _, off = said.partition(" ")
                    assert name in served, f"{name} was acknowledged"
                    assert not off or served[name]["status"] == "disabled"
                assert {one["status"] for one in served.values()} <= {"enabled", "disabled"}
                assert client.health()["alarms"] == []
                # It works on: what was under way can be done again.
                again = form(zipped(release_files(f"after-{number}", "1.0.0")))
                assert upload(client, again).status == 200
            until(lambda: not place.git("status", "--porcelain"))
        with Registry.open(place.path) as registry:
            for library in registry.snapshot().libraries():
                assert not library.problems
        fsck = ["git", "-C", str(place.path), "fsck", "--no-dangling", "--no-progress"]
        checked = subprocess.run(fsck, capture_output=True, text=True, check=True)
        assert checked.stdout + checked.stderr == ""
