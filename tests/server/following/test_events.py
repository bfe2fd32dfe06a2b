"""The stream of events and the audit trail, on real servers; two servers on one clone as well."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from tests.server.changes.test_changes import change, install
from tests.server.real_server import Client, Place, making_place, serving, until


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with making_place(tmp_path / "registry") as made:
        yield made


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    with serving(place.path, events_heartbeat_seconds=0.2) as running:
        yield running


class Listener:
    """Reads a stream, event by event."""

    def __init__(self, response: HTTPResponse) -> None:
        self._response = response

    def event(self) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        while True:
            line = self._response.readline().decode().rstrip("\n")
            name, _, value = line.partition(": ")
            if name and name != "retry":
                fields[name] = json.loads(value) if name == "data" else value
            if not line and "event" in fields:
                return fields

    def until(self, kind: str) -> dict[str, Any]:
        while (event := self.event())["event"] != kind:
            pass
        return event

    def rest(self) -> bytes:
        return self._response.read()

    def comment(self) -> str:
        while not (line := self._response.readline().decode()).startswith(":"):
            pass
        return line


@contextmanager
def listening(client: Client, last: str = "", path: str = "/api/v1/events") -> Iterator[Listener]:
    connection = HTTPConnection("127.0.0.1", client.port, timeout=30)
    connection.request("GET", path, headers={"Last-Event-ID": last} if last else {})
    response = connection.getresponse()
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    try:
        yield Listener(response)
    finally:
        connection.close()


def test_each_change_is_told_with_who_and_what(client: Client) -> None:
    with listening(client) as stream:
        start = stream.until("head")
        assert start["id"] == client.health()["commit"]
        assert stream.until("health")["data"] == {"status": "healthy"}
        done = install(client, "alpha").json()
        event = stream.until("installed")
        assert event["id"] == done["commit"]
        assert event["data"]["libraries"] == [
            {
                "name": "alpha",
                "library_id": done["library_id"],
                "version": "1.0.0",
                "enabled": True,
                "status": "enabled",
            }
        ]
        assert event["data"]["operation"] == "install"
        assert stream.until("head")["id"] == done["commit"]
        change(client, "PUT", "/api/v1/libraries/alpha/toggle?enabled=false")
        assert stream.until("toggled")["data"]["libraries"][0]["enabled"] is False
        change(client, "DELETE", "/api/v1/libraries/alpha")
        assert stream.until("uninstalled")["data"]["libraries"][0]["status"] == "uninstalled"
        assert stream.comment() == ": still here\n"


def test_a_client_resumes_after_what_it_heard_also_at_another_server(
    client: Client, place: Place
) -> None:
    with listening(client) as stream:
        last = stream.until("head")["id"]
    commits = [install(client, name).json()["commit"] for name in ("alpha", "beta")]
    with listening(client, last) as stream:
        assert [stream.event()["id"] for _ in commits] == commits
        assert stream.event()["event"] == "head"
    with serving(place.path) as other:
        until(lambda: install(other, "alpha").json()["changed"] is False)
        path = f"/api/v1/events?after={last}"
        with listening(other, path=path) as stream:
            assert [stream.event()["id"] for _ in commits] == commits


def test_what_is_not_known_or_too_long_ago_is_a_reset(place: Place) -> None:
    first = place.git("rev-parse", "HEAD")
    for number in range(3):
        place.publish("alpha", f"1.0.{number}")
    with serving(place.path, events_replayed=2) as client:
        # Following has begun, so that the history of what is served is known.
        install(client, "beta")
        for last in (first, "0" * 40):
            with listening(client, last) as stream:
                assert stream.event()["event"] == "reset"
                assert stream.event()["event"] == "head"
        assert client.get("/api/v1/events?after=nonsense").status == 422


def test_only_so_many_clients_listen_and_a_stop_ends_their_streams(place: Place) -> None:
    with ExitStack() as kept:
        # The server is stopped first; `serving` asserts that it ends cleanly and in time.
        with serving(place.path, events_clients=1) as client:
            stream = kept.enter_context(listening(client))
            stream.until("head")
            assert client.get("/api/v1/events").status == 503
        assert stream.rest().endswith(b"\n\n")


def test_the_audit_trail_says_who_did_what(client: Client, place: Place) -> None:
    for name in ("alpha", "beta"):
        install(client, name)
    change(client, "PUT", "/api/v1/libraries/alpha/toggle?enabled=false")
    until(lambda: not place.git("status", "--porcelain"))
    place.commit_file("instances/production/beta.yaml", "enabled: false\n")
    client.until_served(place.git("rev-parse", "HEAD"))
    entries = client.get("/api/v1/audit").json()["entries"]
    assert [one["operation"] for one in entries[:4]] == ["commit", "disable", "install", "install"]
    assert entries[1]["libraries"] == ["alpha"]
    assert entries[3]["versions"] == {"alpha": ["1.0.0"]}
    assert not any(one["attested"] for one in entries)
    found = client.get("/api/v1/audit?library=beta&operation=install").json()["entries"]
    assert [one["summary"] for one in found] == ["Install beta 1.0.0 in production"]
    assert client.get("/api/v1/audit?since=2030-01-01T00:00:00Z").json()["entries"] == []
    for wrong in ("library=../x", "since=2030-01-01T00:00:00", "cursor=x", "limit=100000"):
        assert client.get(f"/api/v1/audit?{wrong}").status == 422


def test_pages_of_the_audit_trail_stay_in_place_while_new_commits_come(client: Client) -> None:
    for name in ("alpha", "beta", "gamma"):
        install(client, name)
    whole = [one["commit"] for one in client.get("/api/v1/audit").json()["entries"]]
    page = client.get("/api/v1/audit?limit=2").json()
    install(client, "delta")
    seen = [one["commit"] for one in page["entries"]]
    while page["next_cursor"]:
        page = client.get(f"/api/v1/audit?limit=2&cursor={page['next_cursor']}").json()
        seen += [one["commit"] for one in page["entries"]]
    assert seen == whole


def test_two_servers_on_one_clone_serve_what_either_changes(place: Place) -> None:
    with serving(place.path) as one, serving(place.path) as other:
        commit = install(one, "alpha").json()["commit"]
        other.until_served(commit)
        assert other.get("/api/v1/steps/alpha.file.copy").status == 200
        results: list[int] = []

        def send(client: Client, number: int) -> None:
            results.append(install(client, f"library-{number}").status)

        threads = [
            threading.Thread(target=send, args=((one, other)[number % 2], number))
            for number in range(10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [200] * 10
        head = place.git("rev-parse", "HEAD")
        one.until_served(head)
        other.until_served(head)
        assert one.get("/api/v1/libraries").body == other.get("/api/v1/libraries").body
    assert not place.git("rev-list", "--merges", "HEAD")
