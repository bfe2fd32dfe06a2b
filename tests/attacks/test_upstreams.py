"""Questions about upstreams that never answer, or hold much, keep nobody else waiting."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from registry.installing.incoming import check_incoming
from registry.installing.installer import Installer
from registry.limits import Limits
from registry.transactions.transaction import Actor
from registry.upstreams.address import parse_address
from registry.upstreams.declaration import Upstream, UpstreamAlias
from registry.upstreams.declaration_edit import add_upstream
from server.changes.planning_process import _NICENESS
from tests.server.real_server import (
    Client,
    Place,
    Reply,
    make_token,
    making_place,
    processes_of,
    release_files,
    serving,
    until,
)

_ASKED = json.dumps({"requirements": ["top>=1"]}).encode()
_JSON = {"Content-Type": "application/json"}


def _declare(place: Place, alias: str, address: str) -> None:
    upstream = Upstream(
        alias=UpstreamAlias(alias), address=parse_address(address), allow_private=True
    )
    add_upstream(place.registry, upstream, by=Actor(name="operator"))


def _resolve(client: Client, **headers: str) -> Reply:
    return client.ask("POST", "/api/v1/resolve", {**_JSON, **headers}, _ASKED)


@contextmanager
def _silent() -> Iterator[str]:
    """The address of a server that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        held: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    held.append(listening.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listening.getsockname()[1]}/steps.git"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            for one in held:
                one.close()


def test_an_upstream_that_never_answers_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    with making_place(tmp_path / "registry") as place, _silent() as address:
        place.publish("alpha", "1.0.0")
        _declare(place, "silent", address)
        token = make_token(place.path, "manage")
        with (
            serving(place.path, fetch_queue=4, stop_seconds=1) as client,
            ThreadPoolExecutor(24) as threads,
        ):
            until(lambda: client.get("/").status == 200)
            allowed = {"Authorization": f"Bearer {token}"}
            waiting: list[Future[Reply]] = [
                threads.submit(_resolve, client, **allowed) for _ in range(8)
            ]
            # The server's own look at what was never fetched has a place, too.
            until(lambda: sum(one.done() for one in waiting) >= 4)
            refused = [one.result() for one in waiting if one.done()]
            assert {one.status for one in refused} == {503}
            assert all(one.headers["retry-after"] for one in refused)
            anonymous = [threads.submit(_resolve, client) for _ in range(12)]
            said = [one.result() for one in anonymous]
            assert {one.status for one in said} == {502}
            assert "never fetched" in said[0].json()["detail"]
            assert client.get("/").status == 200
            assert client.get("/api/v1/available").json()["libraries"] == []
            assert client.get("/api/v1/steps/alpha.file.copy").status == 200
            assert client.get("/api/v1/libraries/alpha/versions").status == 200
            # All that was answered while these still wait.
            assert not all(one.done() for one in waiting)
            client.process.terminate()
            assert client.process.wait(20) == 0


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server whose upstream has a manifest of 60,000 fields that nobody knows."""
    root = tmp_path_factory.mktemp("heavy")
    with making_place(root / "theirs") as theirs, making_place(root / "ours") as ours:
        unknown: Any = {f"{number:x}": 0 for number in range(60_000)}
        _install_anything(theirs, release_files("top", "1.0.0", **unknown))
        _declare(ours, "pub", str(theirs.path))
        ours.publish("alpha", "1.0.0")
        token = make_token(ours.path, "manage")
        with serving(ours.path, "--no-catalogue") as client:
            allowed = {"Authorization": f"Bearer {token}"}
            assert client.ask("POST", "/api/v1/upstreams/update", allowed).status == 200
            yield client


def _install_anything(place: Place, files: dict[str, bytes]) -> None:
    """Installing is generous: what publishing refuses is only warned about."""
    installer = Installer(place.registry)
    installer.install([check_incoming(files, limits=Limits())], by=Actor(name="mallory"))


def test_what_is_hard_to_read_is_read_once(heavy: Client) -> None:
    began = time.monotonic()
    first = heavy.get("/api/v1/available")
    took = time.monotonic() - began
    assert [one["name"] for one in first.json()["libraries"]] == ["top"]
    (state,) = first.json()["upstreams"]
    assert state["alias"] == "pub"
    assert state["fetched_at"]
    began = time.monotonic()
    for _ in range(5):
        assert heavy.get("/api/v1/available").body == first.body
    assert (time.monotonic() - began) / 5 < took / 3


def test_an_answer_says_how_old_it_is_and_needs_no_fetch(heavy: Client) -> None:
    said = _resolve(heavy).json()
    assert [one["name"] for one in said["libraries"]] == ["top"]
    assert said["upstreams"][0]["fetched_at"]


def test_a_question_that_takes_too_long_is_ended_and_the_next_one_is_answered(
    tmp_path: Path,
) -> None:
    path = "/api/v1/upstreams"
    with (
        making_place(tmp_path / "registry") as place,
        serving(place.path, "--no-catalogue", plan_seconds=3) as client,
    ):
        until(lambda: client.get(path).status == 200)
        for child in processes_of(client):
            if os.getpriority(os.PRIO_PROCESS, child) == _NICENESS:
                os.kill(child, signal.SIGSTOP)
        refused = client.get(path)
        assert refused.status == 503
        assert "plan_seconds" in refused.json()["detail"]
        assert refused.headers["retry-after"]
        until(lambda: client.get(path).status == 200)
