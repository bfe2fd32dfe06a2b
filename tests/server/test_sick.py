"""A registry's place that is gone, full or read-only: told in words, and healed by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.git.failures import git_failure
from server.api.contract.health_schemas import Health
from server.changes.refusals import refusal
from tests.server.changes.test_changes import install
from tests.server.changes.test_hanging import gauge
from tests.server.places import serving_read_only, serving_small_disk
from tests.server.real_server import Client, Place, making_place, serving, until

_READS = (
    "/api/v1/audit",
    "/api/v1/libraries/alpha/versions",
    "/api/v1/libraries/alpha/docs",
    "/api/v1/upstreams",
    "/api/v1/available",
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with making_place(tmp_path / "registry") as made:
        made.publish("alpha", "1.0.0")
        yield made


def _rows(tmp_path: Path) -> str:
    return f"sqlite:////{tmp_path}/rows.db"


def test_a_registry_that_is_moved_away_is_told_and_heals_when_it_is_back(
    place: Place, tmp_path: Path
) -> None:
    # The rows lie elsewhere: that they are away, too, would be told first.
    with serving(place.path, "--no-catalogue", database_url=_rows(tmp_path)) as client:
        assert install(client, "beta").status == 200
        place.path.rename(tmp_path / "away")
        for reply in (install(client, "gamma"), *map(client.get, _READS)):
            assert reply.status in {200, 503}, reply.body
            assert str(tmp_path) not in reply.body.decode()
        refused = install(client, "gamma")
        assert refused.status == 503
        assert "directory is not there" in refused.json()["detail"]
        until(lambda: "not there any more" in client.health()["writing"]["problem"])
        assert client.health()["status"] == "degraded"
        until(lambda: gauge(client, "registry_unwritable") == 1)
        assert client.get("/api/v1/steps/alpha.file.copy").status == 200
        (tmp_path / "away").rename(place.path)
        until(lambda: client.health()["problem"] == "")
        assert install(client, "gamma").status == 200
        until(lambda: client.health()["status"] == "healthy")
        assert gauge(client, "registry_unwritable") == 0


def test_a_registry_that_can_only_be_read_is_told_before_anybody_changes_it(
    place: Place, tmp_path: Path
) -> None:
    with serving_read_only(place.path, database_url=_rows(tmp_path)) as client:
        writing = client.health()["writing"]
        assert writing["status"] == "failing"
        assert "can only be read" in writing["problem"]
        assert gauge(client, "registry_unwritable") == 1
        assert gauge(client, "write_failing") == 1
        refused = install(client, "beta")
        assert refused.status == 503
        assert "Read-only file system" in refused.json()["detail"]
        until(lambda: client.get("/api/v1/search?q=copy").status == 200)


def test_every_size_of_a_full_disk_is_507_or_the_change_is_made(
    place: Place, tmp_path: Path
) -> None:
    with serving_small_disk(
        place.path, "--no-catalogue", size="2m", database_url=_rows(tmp_path)
    ) as (client, disk):
        assert install(client, "zero").status == 200
        seen = set()
        for pages in range(12):
            disk.leave(pages)
            name = f"lib-{chr(ord('a') + pages)}"
            reply = install(client, name)
            seen.add(reply.status)
            assert reply.status in {200, 507}, reply.body
            assert str(tmp_path) not in reply.body.decode()
            there = client.get(f"/api/v1/steps/{name}.file.copy").status
            assert there == (200 if reply.status == 200 else 404)
        assert seen == {200, 507}
        disk.leave(0)
        assert install(client, "late").status == 507
        until(lambda: gauge(client, "registry_unwritable") == 1)
        assert gauge(client, "registry_free_bytes") < 64 * 1024
        assert gauge(client, "last_write_error_timestamp_seconds") > 0
        disk.leave(300)
        assert install(client, "late").status == 200
        until(lambda: client.health()["status"] == "healthy")
        assert gauge(client, "last_write_error_timestamp_seconds") == 0


@pytest.mark.parametrize(
    "said",
    [
        "fatal: couldn't write '/srv/registry/.git/refs/heads/main.lock'",
        "error: Out of diskspace",
        "fatal: No space left on device",
    ],
)
def test_what_git_says_of_a_full_disk_is_507_without_a_path(said: str) -> None:
    answer = refusal(
        git_failure("update-ref", said, where="/srv/registry/.git", is_partial=False, remote="")
    )
    assert answer is not None
    assert answer.status == 507
    assert "/srv" not in answer.message


def test_what_git_says_to_clients_names_no_path_of_the_server() -> None:
    said = "fatal: Unable to create '/srv/registry/.git/index.lock': File exists."
    answer = refusal(
        git_failure("read-tree", said, where="/srv/registry/.git", is_partial=False, remote="")
    )
    assert answer is not None
    assert "/srv" not in answer.message


_METRICS = {
    "status": {"degraded", "loading"},
    "libraries": {"libraries"},
    "steps": {"steps"},
    "dirty": {"dirty"},
    "alarms": {"alarms"},
    "alarm_count": {"alarms"},
    "problem": {"head_not_served"},
    "search": {"search_unavailable"},
    "catalogue": {"catalogue_failed"},
    "database": {"database_down", "database_unwritable", "security_events_dropped"},
    "remote": {"remote_down"},
    "clone": {"clone_incomplete"},
    "writing": {
        "write_failing",
        "oldest_change_seconds",
        "last_write_error_timestamp_seconds",
        "registry_unwritable",
        "registry_free_bytes",
    },
    "notices": {"notices_down"},
    "read_model": {"read_model_behind_seconds", "read_model_bytes"},
}
_NO_STATE = {
    "service",
    "timestamp",
    "version",
    "instance",
    "commit",
    "committed_at",
    "dirty_paths",
    "next_steps",
    "warnings",
}


def test_each_state_of_health_is_a_metric(client: Client) -> None:
    assert {*_METRICS, *_NO_STATE} == set(Health.model_fields), "give a new state a metric"
    text = client.get("/metrics").body.decode()
    there = set(re.findall(r"^opsteps_(\w+) ", text, re.MULTILINE))
    assert set().union(*_METRICS.values()) <= there
    assert 'opsteps_queue{queue="planning"}' in text
    assert 'opsteps_queue_refused_total{queue="write"}' in text


def test_alarms_beyond_a_hundred_are_counted_and_said(tmp_path: Path) -> None:
    with making_place(tmp_path / "registry") as place:
        place.publish("alpha", "1.0.0")
        broken = [f"lib-{a}{b}" for a in "abcdefghijk" for b in "abcdefghij"]
        for name in broken:
            file = place.path / "libraries" / name / "library.yaml"
            file.parent.mkdir()
            file.write_text("- no facts\n", encoding="utf-8")
        place.git("add", "libraries")
        place.git("commit", "--quiet", "--no-verify", "-m", "Break much")
        with serving(place.path, "--no-catalogue") as client:
            health = client.health()
            assert health["alarm_count"] >= len(broken)
            assert len(health["alarms"]) == 101
            assert health["alarms"][-1].startswith(f"and {health['alarm_count'] - 100} more")
            assert gauge(client, "alarms") == health["alarm_count"]
