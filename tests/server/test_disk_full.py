"""A disk that takes no more: 507, nothing changed, and all works again when there is space.

The kernel refuses the server's writes beyond a file size, which needs no disk of its own to fill.
"""

import resource

import pytest

from tests.server.real_server import Client, making_place, release_files, serving
from tests.server.test_changes import children, form, install, upload, zipped


def limit_files(client: Client, limits: tuple[int, int]) -> None:
    """Let the server and the processes that it started write files of so many bytes only."""
    for pid in (client.process.pid, *children(client)):
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
        assert not list((place.path / ".git").rglob(".opsteps-*"))
        assert client.get("/api/v1/steps/core.flow.start").status == 200
        limit_files(client, unlimited)
        assert upload(client, body).status == 200
        assert client.get("/api/v1/steps/alpha.file.copy").status == 200
    assert not place.git("fsck", "--strict")
