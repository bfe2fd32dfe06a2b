"""A disk that takes no more: 507, nothing changed, and all works again when there is space.

The kernel refuses the server's writes beyond a file size, which needs no disk of its own to fill.
"""

import errno
import os
import resource
from contextlib import suppress
from pathlib import Path

import pytest

from server.changes.refusals import refusal
from tests.server.changes.test_changes import form, install, upload, zipped
from tests.server.real_server import (
    Client,
    keeper_of,
    making_place,
    processes_of,
    release_files,
    serving,
    until,
)


def limit_files(client: Client, limits: tuple[int, int]) -> None:
    """Let the server and the processes that it started write files of so many bytes only."""
    for pid in (client.process.pid, *processes_of(client)):
        with suppress(ProcessLookupError):  # a Git that has ended meanwhile
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("room", [0, 60, 120, 200])
def test_a_full_disk_is_told_and_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, room: int
) -> None:
    body = form(zipped(release_files("alpha", "1.0.0")))
    folder = tmp_path_factory.mktemp("full")
    with making_place(folder / "registry") as place, serving(place.path) as client:
        # So that the process that writes is there.
        assert install(client, "beta").status == 200
        before = place.git("rev-parse", "HEAD")
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        limit_files(client, (room, unlimited[1]))
        reply = upload(client, body)
        assert reply.status == 507, reply.body
        assert "space" in reply.json()["detail"]
        assert place.git("rev-parse", "HEAD") == before
        assert not place.git("tag", "--list", "alpha/*")
        # The server tries by itself whether there is space again: its file is there for a moment.
        until(lambda: not list((place.path / ".git").rglob(".opsteps-*")))
        assert client.get("/api/v1/steps/core.flow.start").status == 200
        limit_files(client, unlimited)
        assert upload(client, body).status == 200
        assert client.get("/api/v1/steps/alpha.file.copy").status == 200
    assert not place.git("fsck", "--strict")


def test_health_says_that_nothing_can_be_written_until_it_can(tmp_path: Path) -> None:
    with (
        making_place(tmp_path / "registry") as place,
        serving(place.path, "--no-catalogue") as client,
    ):
        assert install(client, "alpha").status == 200
        until(lambda: client.health()["status"] == "healthy")
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        limit_files(client, (0, unlimited[1]))
        assert install(client, "beta").status == 507
        health = client.health()
        assert health["status"] == "degraded"
        assert health["writing"]["status"] == "failing"
        assert "could not be written" in health["writing"]["problem"]
        assert str(tmp_path) not in health["writing"]["problem"]
        assert health["writing"]["failed_at"]
        limit_files(client, unlimited)
        # By itself: the next change may be days away.
        until(lambda: client.health()["status"] == "healthy")
        assert client.health()["writing"]["status"] == "ready"
        assert install(client, "beta").status == 200


def test_the_working_tree_follows_by_itself_when_there_is_space_again(tmp_path: Path) -> None:
    """Once it waited for the next change, or for a restart."""
    with (
        making_place(tmp_path / "registry") as place,
        serving(
            place.path, "--no-catalogue", edits_check_seconds=0.1, refused_retry_seconds=0.1
        ) as client,
    ):
        assert install(client, "alpha").status == 200
        until(lambda: not place.git("status", "--porcelain"))
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        # What writes has space; what follows, in the server itself, has none.
        resource.prlimit(keeper_of(client), resource.RLIMIT_FSIZE, (0, unlimited[1]))
        assert install(client, "beta").status == 200
        until(lambda: place.git("status", "--porcelain"))
        # Nor can the read model be written: lookups stay at the commit before.
        until(lambda: "read model" in client.health()["problem"])
        resource.prlimit(keeper_of(client), resource.RLIMIT_FSIZE, unlimited)
        until(lambda: not place.git("status", "--porcelain"))
        until(lambda: client.health()["status"] == "healthy")


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (errno.EROFS, 503),
        (errno.EACCES, 503),
        (errno.EIO, 503),
        (errno.ENOSPC, 507),
        (errno.EDQUOT, 507),
        (errno.EFBIG, 507),
    ],
)
def test_what_the_file_system_refuses_is_no_fault_of_the_program(number: int, status: int) -> None:
    answer = refusal(OSError(number, os.strerror(number), "/srv/registry/.git/objects"))
    assert answer is not None
    assert answer.status == status
    assert "/srv" not in str(answer)
