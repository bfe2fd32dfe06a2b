"""A disk that takes no more: 507, nothing changed, and all works again when there is space.

The kernel refuses the server's writes beyond a file size, which needs no disk of its own to fill.
"""

import resource

import pytest

from tests.server.real_server import make_place, release_files, serving
from tests.server.test_changes import form, upload, zipped


@pytest.mark.parametrize("room", [0, 60, 120, 200])
def test_a_full_disk_is_told_and_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, room: int
) -> None:
    place = make_place(tmp_path_factory.mktemp("full") / "registry")
    body = form(zipped(release_files("alpha", "1.0.0")))
    with serving(place.path) as client:
        before = place.git("rev-parse", "HEAD")
        unlimited = resource.prlimit(client.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(client.process.pid, resource.RLIMIT_FSIZE, (room, unlimited[1]))
        reply = upload(client, body)
        assert reply.status == 507, reply.body
        assert "space" in reply.json()["detail"]
        assert place.git("rev-parse", "HEAD") == before
        assert not place.git("tag", "--list", "alpha/*")
        assert not list((place.path / ".git").rglob(".opsteps-*"))
        assert client.get("/api/v1/steps/core.flow.start").status == 200
        resource.prlimit(client.process.pid, resource.RLIMIT_FSIZE, unlimited)
        assert upload(client, body).status == 200
        assert client.get("/api/v1/steps/alpha.file.copy").status == 200
    assert not place.git("fsck", "--strict")
