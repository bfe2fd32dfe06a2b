"""A server over a clone that lacks something says so, and is well once somebody fetched it."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.installed import command
from tests.registry.making import git
from tests.server.real_server import Place, serving, until


@pytest.mark.parametrize("option", ["--depth=1", "--no-tags"])
def test_health_says_what_the_clone_lacks_until_it_is_fetched(
    place: Place, tmp_path: Path, option: str
) -> None:
    git(tmp_path, "clone", "-q", option, place.path.as_uri(), "clone")
    clone = tmp_path / "clone"
    with serving(clone) as client:
        health = client.health()
        assert health["status"] == "degraded"
        assert health["clone"]["complete"] is False
        assert "this clone" in health["clone"]["problem"]
        line = health["clone"]["next_step"].split("'")[1]
        assert line.startswith("git fetch ")
        git(clone, *line.split()[1:])
        until(lambda: client.health()["clone"]["complete"])
        assert client.health()["clone"] == {"complete": True, "problem": "", "next_step": ""}


def test_complete_clone_and_one_that_is_none_are_well(place: Place) -> None:
    with serving(place.path) as client:
        assert client.health()["clone"] == {"complete": True, "problem": "", "next_step": ""}


def test_start_says_what_the_clone_lacks(place: Place, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", place.path.as_uri(), "clone")
    with subprocess.Popen(
        command("serve", "-r", tmp_path / "clone", "--port", "0", "--no-catalogue"),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OPSTEPS_LOG_LEVEL": "critical"},
    ) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(2)]
        process.terminate()
        process.communicate(timeout=60)
    assert "Not to be used as it is: this clone is shallow" in lines[0]
    assert "git fetch --unshallow --tags origin" in lines[1]


def test_change_over_http_is_refused(place: Place, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", place.path.as_uri(), "clone")
    with serving(tmp_path / "clone") as client:
        reply = client.ask("PUT", "/api/v1/libraries/alpha/toggle?enabled=false")
        assert reply.status == 503
        assert "this clone is shallow" in reply.json()["detail"]


def test_stray_tag_is_an_alarm_with_its_reason(place: Place) -> None:
    git(place.path, "tag", "-m", "x", "alpha/v1.2.0")
    with serving(place.path) as client:
        (alarm,) = client.health()["alarms"]
        assert alarm.startswith("alpha: release 1.2.0: it has a tag and no ledger entry")
        versions = client.get("/api/v1/libraries/alpha").json()["versions"]
        assert any("no ledger entry" in each.get("alarm", "") for each in versions)
