"""The processes of a server: each may be killed, and lookups go on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic

from registry.files.code_fingerprint import code_fingerprint
from registry.snapshots.cache_place import cache_directory
from registry.snapshots.registry import Registry
from server.keeper.vouching import vouch_at_once
from server.readmodel.model_files import read_model_directory
from tests.installed import OPSTEPS
from tests.server.places import own_mounts
from tests.server.real_server import (
    Client,
    Place,
    command_of,
    keeper_of,
    running_module,
    serving,
    until,
    workers_of,
)

_KEPT = (
    "/api/v1/steps",
    "/api/v1/steps?category=network",
    "/api/v1/steps?library=alpha&platform=linux",
    "/api/v1/steps/alpha.file.copy@1.0.0",
    "/api/v1/libraries",
    "/api/v1/libraries?enabled_only=true",
    "/api/v1/libraries/alpha.json",
)
"""What workers answer by themselves, some of it once it was asked for."""
_STEP = "/api/v1/steps/alpha.file.copy"


@contextmanager
def _asking(client: Client) -> Iterator[list[int]]:
    """Meanwhile a lookup is asked again and again over new connections; the statuses."""
    statuses: list[int] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            statuses.append(client.get(_STEP).status)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        thread.join()


def _asked(client: Client, connection: HTTPConnection) -> int:
    connection.request("GET", _STEP, headers={"Host": f"127.0.0.1:{client.port}"})
    reply = connection.getresponse()
    reply.read()
    return reply.status


def _lookups_counted(client: Client) -> float:
    lines = client.get("/metrics").body.decode().splitlines()
    named = 'opsteps_requests_total{route="/api/v1/steps/{id}",status="200"} '
    return sum(float(line.removeprefix(named)) for line in lines if line.startswith(named))


def _replaced(client: Client, process: str) -> float:
    lines = client.get("/metrics").body.decode().splitlines()
    named = f'opsteps_processes_replaced_total{{process="{process}"}} '
    return sum(float(line.removeprefix(named)) for line in lines if line.startswith(named))


def test_a_killed_worker_loses_its_own_connections_and_is_replaced(place: Place) -> None:
    with serving(place.path, workers=2) as client:
        until(lambda: len(workers_of(client)) == 2)
        first, second = workers_of(client)
        os.kill(second, signal.SIGSTOP)
        stays = HTTPConnection("127.0.0.1", client.port, timeout=30)
        assert _asked(client, stays) == 200
        os.kill(second, signal.SIGCONT)
        os.kill(second, signal.SIGKILL)
        assert _asked(client, stays) == 200
        until(lambda: len(set(workers_of(client)) - {second}) == 2)
        assert first in workers_of(client)
        assert _asked(client, stays) == 200
        assert [client.get(_STEP).status for _ in range(20)] == [200] * 20
        stays.close()


def test_metrics_are_those_of_all_workers_and_never_fall(place: Place) -> None:
    with serving(place.path, workers=2) as client:
        until(lambda: len(workers_of(client)) == 2)
        for _ in range(30):
            client.get(_STEP)
        assert _lookups_counted(client) == 30
        killed = workers_of(client)
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        until(lambda: len(set(workers_of(client)) - set(killed)) == 2)
        until(lambda: client.get(_STEP).status == 200)
        before = _lookups_counted(client)
        assert before >= 31
        client.get(_STEP)
        assert _lookups_counted(client) == before + 1
        assert (_replaced(client, "worker"), _replaced(client, "keeper")) == (2, 0)
        assert client.get("/api/v1/performance").json()["stats"]["requests"] >= before


def test_lookups_go_on_while_a_killed_keeper_is_replaced(place: Place) -> None:
    with serving(place.path) as client, _asking(client) as statuses:
        before = keeper_of(client)
        os.kill(before, signal.SIGKILL)
        until(lambda: running_module(client, "server.keeper.program") not in ([], [before]))
        client.until_served(place.operator_says("beta", "enabled: false\n"))
        assert (_replaced(client, "worker"), _replaced(client, "keeper")) == (0, 1)
        assert client.get("/api/v1/steps/beta.net.ping").status == 404
        assert client.health()["status"] == "healthy"
    assert len(statuses) > 10
    assert set(statuses) == {200}


def test_a_keeper_that_hangs_is_replaced_and_nothing_waits_for_it(place: Place) -> None:
    with (
        serving(place.path, keeper_wait_seconds=0.2, keeper_silence_seconds=8) as client,
        _asking(client) as statuses,
    ):
        asked = {path: client.get(path).body for path in _KEPT}
        before = keeper_of(client)
        os.kill(before, signal.SIGSTOP)
        until(lambda: client.health()["read_model"]["status"] == "unattended")
        health = client.health()
        assert health["status"] == "degraded"
        assert "keeper" in health["problem"]
        stranger = client.get("/health", Host="evil.example")
        assert stranger.status == 503
        assert health["commit"].encode() not in stranger.body
        refused = client.get("/api/v1/audit")
        assert refused.status == 503
        assert int(refused.headers["retry-after"]) > 0
        assert {path: client.get(path).body for path in asked} == asked
        until(lambda: running_module(client, "server.keeper.program") not in ([], [before]))
        until(lambda: client.health()["read_model"]["status"] == "current")
        assert client.get("/api/v1/audit").status == 200
    assert set(statuses) == {200}


def test_a_server_that_was_paused_as_a_whole_goes_on_with_the_same_processes(place: Place) -> None:
    """After ``docker pause`` the keeper and all workers were killed, with their connections."""
    with serving(place.path, keeper_silence_seconds=3) as client:
        until(lambda: len(workers_of(client)) > 0)
        before = [keeper_of(client), *workers_of(client)]
        processes = [client.process.pid, *before]
        for one in processes:
            os.kill(one, signal.SIGSTOP)
        went_on = monotonic() + 4
        until(lambda: monotonic() > went_on)
        for one in processes:
            os.kill(one, signal.SIGCONT)
        for _ in range(3):
            assert client.get("/api/v1/audit").status == 200
        assert [keeper_of(client), *workers_of(client)] == before


def test_a_change_is_seen_through_every_worker_once_it_is_answered(place: Place) -> None:
    with serving(place.path, workers=2) as client:
        until(lambda: len(workers_of(client)) == 2)
        for turn in range(6):
            is_enabled = bool(turn % 2)
            path = f"/api/v1/libraries/alpha/toggle?enabled={str(is_enabled).lower()}"
            assert client.ask("PUT", path).status == 200
            expected = 200 if is_enabled else 404
            assert {client.get(_STEP).status for _ in range(8)} == {expected}


def test_all_processes_end_with_the_one_that_was_started(place: Place) -> None:
    with serving(place.path, is_killed=True) as client:
        processes = [keeper_of(client), *workers_of(client)]
        assert len(processes) == 2
        os.kill(client.process.pid, signal.SIGKILL)
        until(lambda: not any(map(command_of, processes)))


def test_processes_that_are_stopped_end_with_the_one_that_was_started(place: Place) -> None:
    """They stayed for ever, and held the port."""
    with serving(place.path, is_killed=True) as client:
        until(lambda: len(workers_of(client)) == 1)
        processes = [keeper_of(client), *workers_of(client)]
        for one in processes:
            os.kill(one, signal.SIGSTOP)
        os.kill(client.process.pid, signal.SIGKILL)
        try:
            until(lambda: not any(map(command_of, processes)))
        finally:
            for one in filter(command_of, processes):
                os.kill(one, signal.SIGKILL)


def test_a_stop_does_not_wait_for_processes_that_somebody_has_stopped(place: Place) -> None:
    """It took nearly three times `stop_seconds`."""
    with serving(place.path, "--no-catalogue") as client:
        until(lambda: len(workers_of(client)) == 1)
        for one in (keeper_of(client), *workers_of(client)):
            os.kill(one, signal.SIGSTOP)
        client.process.send_signal(signal.SIGTERM)
        assert client.process.wait(9) == 0


def test_a_state_that_was_served_before_is_answered_from_at_once(place: Place) -> None:
    """The memory of what was served was not read: each start waited for the whole load."""
    with serving(place.path):
        pass
    with Registry.open(place.path) as registry:
        directory = read_model_directory(cache_directory(registry), "production")
        code = code_fingerprint("registry", "server")
        assert vouch_at_once(directory, registry, code=code, instance="production", run="next")


def test_who_comes_before_anything_is_vouched_for_waits_a_moment(place: Place) -> None:
    """The first lookup of a second start was relayed, and answered that the server is loading."""
    with serving(place.path):
        pass
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(OPSTEPS), "serve", "--registry", str(place.path), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        client = Client(port=port, process=process)
        first: list[int] = []

        def asked() -> bool:
            first.append(client.get(_STEP).status)
            return True

        try:
            until(asked)
            assert first == [200]
        finally:
            process.terminate()


def test_counts_need_no_room_on_the_disk_for_temporary_files(place: Place, tmp_path: Path) -> None:
    """A worker that counted in a file of a full disk ended, as did the next one."""
    full = tmp_path / "full"
    full.mkdir()
    mounting = (
        'mount -t tmpfs -o size=64k none "$0" && export TMPDIR="$0" && shift 0 &&'
        ' { head -c 70000 /dev/zero > "$0/filler"; exec "$@"; }'
    )
    before = [*own_mounts(), mounting, str(full)]
    with serving(place.path, before=before) as client:
        until(lambda: len(workers_of(client)) == 1)
        worker = workers_of(client)
        for _ in range(3):
            assert client.get(_STEP).status == 200
        assert _lookups_counted(client) == 3
        assert workers_of(client) == worker


def test_a_long_name_of_the_directory_for_temporary_files_is_no_hindrance(
    place: Place, tmp_path: Path
) -> None:
    """The path of a Unix socket has at most 108 bytes."""
    long = tmp_path / ("x" * 120)
    long.mkdir()
    left = long / "opsteps-run-of-a-killed-server"
    left.mkdir()
    before = ["env", f"TMPDIR={long}"]
    with serving(place.path, before=before) as client:
        assert client.get("/api/v1/audit").status == 200
        assert not left.exists()
    assert not list(long.iterdir())


def test_a_signal_to_stop_does_not_end_a_keeper_that_starts(place: Place) -> None:
    with serving(place.path) as client:
        before = keeper_of(client)
        os.kill(before, signal.SIGKILL)
        until(lambda: running_module(client, "server.keeper.program") not in ([], [before]))
        after = keeper_of(client)
        os.kill(after, signal.SIGUSR1)
        until(lambda: client.get("/api/v1/audit").status == 200)
        assert keeper_of(client) == after
