"""`opsteps repair` and `opsteps verify` know what servers of their clone served."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.served.memory import Memory, RememberedLibrary, RememberedRelease
from registry.snapshots.registry import Registry
from registry.trust.served_head import read_served_head
from tests.installed import opsteps
from tests.server.real_server import Client, Place, making_place, serving, until

_QUICK: dict[str, Any] = {
    "poll_seconds": 0.02,
    "settle_seconds": 0,
    "tags_check_seconds": 0.05,
    "upstream_check_seconds": 0,
}
_FOUND = 1
_TAG = "alpha/v2.0.0"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """``beta`` 1.0.0; ``alpha`` 1.0.0 and 2.0.0, the newer in the last two commits."""
    with making_place(tmp_path_factory.mktemp("served") / "registry") as place:
        place.publish("beta", "1.0.0")
        place.publish("alpha", "1.0.0")
        place.publish("alpha", "2.0.0")
        yield place.path


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Iterator[Place]:
    shutil.copytree(made, tmp_path / "registry")
    with Registry.open(tmp_path / "registry") as registry:
        yield Place(path=registry.path, registry=registry)


def _alarms(client: Client) -> list[str]:
    return list(client.health()["alarms"])


def _healthy(client: Client) -> None:
    until(lambda: client.health()["status"] == "healthy")


def _went_back(place: Place, client: Client) -> None:
    """The head is that before the newest release, and a person said that this was meant."""
    place.git("reset", "-q", "--hard", "HEAD~2")
    opsteps(place.path, "trust", "HEAD")
    until(lambda: _alarms(client))


def test_the_tag_of_a_release_that_was_served_is_not_removed(place: Place) -> None:
    with serving(place.path, **_QUICK) as client:
        _healthy(client)
        _went_back(place, client)
        assert "a server of this clone served it" in opsteps(place.path, "repair", expect=_FOUND)
        said = opsteps(place.path, "repair", "--remove-tag", _TAG, "--yes", expect=_FOUND)
        assert "it is not removed: a server of this clone served it" in said
        assert "Sound now" not in said
        assert place.git("tag", "-l", _TAG) == _TAG
        opsteps(place.path, "trust", "HEAD", "--accept")
        said = opsteps(place.path, "repair", "--remove-tag", _TAG, "--yes")
        assert "Sound now" in said
        assert place.git("tag", "-l", _TAG) == ""
        _healthy(client)


@pytest.mark.parametrize("is_damaged", [False, True])
def test_the_servers_of_other_working_trees_are_asked_too(place: Place, is_damaged: bool) -> None:
    place.git("worktree", "add", "-q", "--detach", str(place.path.parent / "other"), "HEAD~2")
    other = Path(place.git("-C", str(place.path.parent / "other"), "rev-parse", "--git-dir"))
    release = RememberedRelease(version="2.0.0", tag="0" * 40, digest="0" * 64, tree="0" * 40)
    Memory(other / "opsteps").add([RememberedLibrary(name="alpha", releases=(release,))])
    if is_damaged:
        (other / "opsteps/served.log").write_bytes(b"nothing of ours")
    place.git("reset", "-q", "--hard", "HEAD~2")
    said = opsteps(place.path, "repair", "--remove-tag", _TAG, "--yes", expect=_FOUND)
    assert "a server of the working tree 'other' of this clone" in said
    assert place.git("tag", "-l", _TAG) == _TAG


def _obeyed(place: Place, said: str, command: str) -> None:
    line = next(one for one in re.findall(r"'([^']+)'", said) if one.startswith(command))
    program, *words = line.split()
    if program == "git":
        place.git(*words, *(["--no-edit"] if "merge" in words else []))
    else:
        opsteps(place.path, *words)


@pytest.mark.parametrize("way_out", ["opsteps trust", "git merge"])
def test_a_head_that_the_server_refuses_is_not_sound_and_not_repaired(
    place: Place, way_out: str
) -> None:
    with serving(place.path, **_QUICK) as client:
        _healthy(client)
        until(lambda: read_served_head(place.registry))
        place.git("commit", "-q", "--amend", "--no-verify", "-m", "Nicer")
        until(lambda: client.health()["problem"])
        before = place.git("for-each-ref", "refs/tags")
        verified = opsteps(place.path, "verify", expect=_FOUND)
        assert "rewritten history" in verified
        assert "were served" in verified
        said = opsteps(place.path, "repair", expect=_FOUND)
        assert "rewritten history" in opsteps(place.path, "repair", "--yes", expect=_FOUND)
        assert place.git("for-each-ref", "refs/tags") == before
        assert "opsteps trust" in said
        _obeyed(place, verified, way_out)
        opsteps(place.path, "repair", "--yes")
        assert "Sound" in opsteps(place.path, "verify")
        _healthy(client)


def test_a_branch_that_the_server_does_not_follow_is_named(place: Place) -> None:
    with serving(place.path, **_QUICK) as client:
        _healthy(client)
        until(lambda: read_served_head(place.registry))
    place.git("switch", "-q", "-c", "feature")
    assert "HEAD has left refs/heads/main" in opsteps(place.path, "verify")
    assert "git switch main" in opsteps(place.path, "repair", expect=_FOUND)


def test_a_repair_that_can_do_nothing_says_what_verify_found(place: Place) -> None:
    readme = place.path / "libraries/alpha/1.0.0/docs/README.md"
    readme.write_text("other\n")
    place.git("commit", "-q", "--no-verify", "-am", "Edit")
    place.git("revert", "--no-edit", "HEAD")
    opsteps(place.path, "verify", expect=_FOUND)
    for option in ([], ["--yes"]):
        said = opsteps(place.path, "repair", *option, expect=_FOUND)
        assert "Not sound yet" in said
        assert "'opsteps verify' says what to do" in said


def test_a_tag_that_was_deleted_is_one_alarm_with_one_command(place: Place) -> None:
    with serving(place.path, **_QUICK) as client:
        _healthy(client)
        place.git("tag", "-d", "alpha/v1.0.0", _TAG)
        until(lambda: len(_alarms(client)) > 1)
        place.git("tag", "alpha/v3.0.0")  # nobody released it
        until(lambda: any("3.0.0" in alarm for alarm in _alarms(client)))
        file = place.path / "libraries/beta/1.0.0/docs/README.md"
        file.write_text("other\n")
        place.git("commit", "-q", "--no-verify", "-am", "Edit")
        # What only the history tells is found by the judgement, which has all tags before it then.
        until(lambda: any(alarm.startswith("beta 1.0.0: altered") for alarm in _alarms(client)))
        for version in ("1.0.0", "2.0.0", "3.0.0"):
            (alarm,) = (one for one in _alarms(client) if "alpha" in one and version in one)
            assert len(re.findall(r"'(?:git|opsteps [^t])[^']*'", alarm)) == 1


def test_the_same_release_made_anew_upon_an_accepted_history_is_no_alarm(place: Place) -> None:
    directory = place.path.parent / "alpha"
    shutil.copytree(place.path / "libraries/alpha/2.0.0", directory)
    with serving(place.path, **_QUICK) as client:
        _healthy(client)
        served = place.git("rev-parse", _TAG)
        _went_back(place, client)
        (alarm,) = _alarms(client)
        assert "its ledger entry is gone" in alarm
        place.git("tag", "-d", _TAG)
        until(lambda: any("its tag is gone" in alarm for alarm in _alarms(client)))
        assert f"'git merge {place.git('rev-parse', served + '^{commit}')}'" in _alarms(client)[0]
        opsteps(place.path, "install", directory)
        assert place.git("rev-parse", _TAG) != served
        _healthy(client)
        assert client.get("/api/v1/libraries/alpha").json()["version"] == "2.0.0"
    with serving(place.path, **_QUICK) as client:
        _healthy(client)
    assert "Sound" in opsteps(place.path, "verify")


def test_a_tag_whose_name_is_no_text_silences_no_alarm(place: Place) -> None:
    head = place.git("rev-parse", "HEAD")
    line = b"create refs/tags/alpha/v9.0.0\xff " + head.encode() + b"\n"
    update = ["git", "-C", str(place.path), "update-ref", "--stdin"]
    subprocess.run(update, input=line, check=True)
    with serving(place.path, **_QUICK) as client:
        until(lambda: client.health()["catalogue"]["status"] == "ready")
        place.git("rm", "-rq", "libraries/beta/1.0.0")
        place.git("commit", "-q", "--no-verify", "-m", "Remove")
        until(lambda: any(alarm.startswith("beta 1.0.0: alt") for alarm in _alarms(client)))
