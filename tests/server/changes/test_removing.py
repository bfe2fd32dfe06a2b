"""One version is removed over HTTP: the answer, the events and the versions say just that."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.changes.test_changes import change, form, upload, zipped
from tests.server.following.test_events import listening
from tests.server.real_server import Client, Place, making_place, release_files, serving


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with making_place(tmp_path / "registry") as made:
        yield made


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    with serving(place.path) as running:
        yield running


def bring(client: Client, version: str) -> None:
    reply = upload(client, form(zipped(release_files("alpha", version))))
    assert reply.status == 200, reply.body


def test_answer_event_and_versions_say_what_is_removed(client: Client) -> None:
    bring(client, "1.0.0")
    bring(client, "1.1.0")
    with listening(client) as stream:
        stream.until("head")
        done = change(client, "DELETE", "/api/v1/libraries/alpha?version=1.1.0").json()
        assert (done["status"], done["version"]) == ("enabled", "1.1.0")
        assert (done["removed"], done["active"]) == (["1.1.0"], "1.0.0")
        event = stream.until("removed")
        (library,) = event["data"]["libraries"]
        assert (library["status"], library["version"]) == ("enabled", "1.0.0")
    versions = client.get("/api/v1/libraries/alpha/versions").json()["versions"]
    (gone,) = [one for one in versions if one["version"] == "1.1.0"]
    assert gone["state"] == "withdrawn"
    assert gone["removed"].keys() == {"date", "by"}


def test_answer_and_event_say_the_same_of_what_is_left(client: Client) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        bring(client, version)
    change(client, "PUT", "/api/v1/libraries/alpha/toggle?enabled=false")
    with listening(client) as stream:
        stream.until("head")
        for version, expected in (("1.0.0", "disabled"), ("1.2.0", "disabled")):
            done = change(client, "DELETE", f"/api/v1/libraries/alpha?version={version}").json()
            (library,) = stream.until("removed")["data"]["libraries"]
            assert done["status"] == library["status"] == expected
        done = change(client, "DELETE", "/api/v1/libraries/alpha?version=1.1.0").json()
        assert (done["status"], done["active"]) == ("uninstalled", None)
        told = next(one for one in iter(stream.event, None) if one["id"] == done["commit"])
        assert told["data"]["libraries"][0]["status"] == "uninstalled"


def test_unpinning_is_told_as_unpinning(client: Client) -> None:
    bring(client, "1.0.0")
    with listening(client) as stream:
        stream.until("head")
        for version, kind in ((b'"1.0.0"', "pinned"), (b"null", "unpinned")):
            body = b'{"version": %b}' % version
            headers = {"Content-Type": "application/json"}
            reply = client.ask("PUT", "/api/v1/libraries/alpha/pin", headers, body)
            assert reply.status == 200, reply.body
            assert stream.until(kind)["data"]["operation"] == (
                "pin" if version != b"null" else "unpin"
            )


def test_uninstalling_all_of_it_is_told_as_before(client: Client) -> None:
    bring(client, "1.0.0")
    with listening(client) as stream:
        stream.until("head")
        done = change(client, "DELETE", "/api/v1/libraries/alpha").json()
        assert (done["status"], done["removed"], done["active"]) == ("uninstalled", [], None)
        stream.until("uninstalled")
