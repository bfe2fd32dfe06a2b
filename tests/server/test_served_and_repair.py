"""`opsteps repair` and `opsteps verify` know what servers of their clone served."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.remembered import Memory, RememberedLibrary, RememberedRelease
from registry.snapshot import Registry
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
    """``alpha`` 1.0.0 and 2.0.0, the newer in the last two commits."""
    with making_place(tmp_path_factory.mktemp("served") / "registry") as place:
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
