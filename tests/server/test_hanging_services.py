"""PostgreSQL and Redis that are stopped, SQLite that is full, a branch that is gone: told soon."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server.changes.test_changes import install
from tests.server.changes.test_disk_full import limit_files
from tests.server.changes.test_hanging import asking, gauge, writer
from tests.server.postgres_server import running_postgres
from tests.server.real_server import Client, Place, making_place, serving, until
from tests.server.redis_server import running_redis


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with making_place(tmp_path / "registry") as made:
        made.publish("alpha", "1.0.0")
        yield made


@contextmanager
def stopped(process: int) -> Iterator[None]:
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@pytest.mark.needs_redis
def test_no_change_waits_for_a_redis_that_hangs_and_health_says_so(place: Place) -> None:
    with (
        running_redis() as redis,
        serving(place.path, "--no-catalogue", redis_url=redis.url) as client,
    ):
        until(lambda: client.health()["notices"] == "ready")
        assert install(client, "beta").status == 200
        with stopped(redis.process_id):
            began = time.monotonic()
            assert install(client, "gamma").status == 200
            took = time.monotonic() - began
            until(lambda: client.health()["notices"] == "down")
            # Nobody knew yet that Redis hangs when it was answered.
            assert took < (time.monotonic() - began) / 2
            assert gauge(client, "notices_down") == 1
        until(lambda: client.health()["notices"] == "ready")


@pytest.mark.needs_postgres
def test_a_postgresql_that_hangs_holds_no_request(place: Place) -> None:
    with (
        running_postgres() as postgres,
        serving(place.path, "--no-catalogue", database_url=postgres.new_database()) as client,
        ThreadPoolExecutor(4) as threads,
    ):
        assert _toggle(client, "first", on=False) == 200
        with postgres.stopped():
            waiting = [threads.submit(_toggle, client, f"key-{n}", on=True) for n in range(4)]
            assert {one.result() for one in waiting} == {503}
            until(lambda: client.health()["database"]["status"] == "down")
            assert gauge(client, "database_down") == 1
            assert client.get("/api/v1/libraries/alpha").status == 200
        until(lambda: client.health()["database"]["status"] == "ready")
        assert _toggle(client, "later", on=True) == 200


def _toggle(client: Client, key: str, *, on: bool) -> int:
    path = f"/api/v1/libraries/alpha/toggle?enabled={str(on).lower()}"
    return client.ask("PUT", path, {"Idempotency-Key": key}).status


def test_rows_that_cannot_be_written_are_told_and_heal(place: Place) -> None:
    with serving(place.path, "--no-catalogue", token_memory_seconds=1) as client:
        assert _toggle(client, "first", on=False) == 200
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        limit_files(client, (0, unlimited[1]))
        assert _toggle(client, "second", on=True) == 503
        database = client.health()["database"]
        assert database["status"] == "unwritable", database
        assert database["problem"]
        assert client.health()["status"] == "degraded"
        assert gauge(client, "database_unwritable") == 1
        limit_files(client, unlimited)
        until(lambda: client.health()["database"]["status"] == "ready")
        assert _toggle(client, "third", on=True) == 200


def test_a_branch_that_is_gone_on_the_remote_is_told_in_words(tmp_path: Path) -> None:
    with making_place(tmp_path / "registry") as place:
        place.publish("alpha", "1.0.0")
        place.git("init", "--quiet", "--bare", str(tmp_path / "remote.git"))
        place.git("remote", "add", "origin", str(tmp_path / "remote.git"))
        place.git("push", "--quiet", "--tags", "-u", "origin", "main")
        with serving(
            place.path, "--no-catalogue", remote="origin", remote_poll_seconds=0.1
        ) as client:
            until(lambda: client.health()["remote"]["status"] == "ready")
            assert install(client, "beta").status == 200
            place.git("--git-dir", str(tmp_path / "remote.git"), "branch", "-D", "main")
            until(lambda: client.health()["remote"]["status"] == "refused")
            assert "origin has no branch main" in client.health()["remote"]["problem"]
            assert client.health()["status"] == "degraded"
            assert gauge(client, "remote_down") == 1
            refused = install(client, "gamma")
            assert refused.status == 409
            assert "origin has no branch main" in refused.json()["detail"]
            place.git("push", "--quiet", "origin", "main")
            until(lambda: client.health()["remote"]["status"] == "ready")
            assert install(client, "gamma").status == 200


def test_a_killed_writer_fails_only_the_change_that_it_was_making(place: Place) -> None:
    with serving(place.path, "--no-catalogue") as client:
        assert install(client, "beta").status == 200
        process = writer(client)
        os.kill(process, signal.SIGSTOP)
        with asking(client, "one") as one:
            until(lambda: gauge(client, "oldest_change_seconds") > 0)
            with asking(client, "two") as two, asking(client, "three") as three:
                until(lambda: _queued(client) == 3)
                os.kill(process, signal.SIGKILL)
                assert one.result().status == 503
                assert (two.result().status, three.result().status) == (200, 200)
        assert install(client, "one").status == 200


def _queued(client: Client) -> int:
    text = client.get("/metrics").body.decode()
    (line,) = [line for line in text.splitlines() if line.startswith('opsteps_queue{queue="write"')]
    return int(float(line.split()[-1]))
