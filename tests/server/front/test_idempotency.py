"""``Idempotency-Key`` on a real server: done once, answered alike, also by another server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.changes.test_changes import form, upload, zipped
from tests.server.real_server import Client, Place, Reply, making_place, release_files, serving


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with making_place(tmp_path / "registry") as made:
        yield made


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    with serving(place.path) as running:
        yield running


def _install(client: Client, name: str, key: str) -> Reply:
    return upload(client, form(zipped_once(name)), idempotency_key=key)


def zipped_once(name: str) -> bytes:
    """The same bytes each time."""
    if name not in _ZIPS:
        _ZIPS[name] = zipped(release_files(name, "1.0.0"))
    return _ZIPS[name]


_ZIPS: dict[str, bytes] = {}


def test_a_request_that_is_sent_again_is_answered_as_the_first_was(
    client: Client, place: Place
) -> None:
    first = _install(client, "alpha", "k-1")
    assert first.status == 200
    assert first.json()["changed"] is True
    count = place.git("rev-list", "--count", "HEAD")
    again = _install(client, "alpha", "k-1")
    assert again.body == first.body
    assert again.headers["idempotency-replayed"] == "true"
    assert place.git("rev-list", "--count", "HEAD") == count
    # Without the key it is another request: nothing is left to do.
    assert upload(client, form(zipped_once("alpha"))).json()["changed"] is False


def test_a_key_that_comes_with_another_request_is_refused(client: Client) -> None:
    assert _install(client, "alpha", "k-1").status == 200
    other = _install(client, "beta", "k-1")
    assert other.status == 422
    assert "came with another request" in other.json()["detail"]
    toggled = client.ask(
        "PUT", "/api/v1/libraries/alpha/toggle?enabled=false", {"Idempotency-Key": "k-1"}
    )
    assert toggled.status == 422
    assert client.get("/api/v1/steps/beta.file.copy").status == 404


def test_a_refusal_is_kept_as_well(client: Client) -> None:
    path = "/api/v1/libraries/nobody/toggle?enabled=false"
    first = client.ask("PUT", path, {"Idempotency-Key": "k-2"})
    assert first.status == 404
    again = client.ask("PUT", path, {"Idempotency-Key": "k-2"})
    assert (again.status, again.body) == (404, first.body)
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("key", ["x" * 256, "with space", "\u00e9"])
def test_a_key_that_is_none_is_refused(client: Client, key: str) -> None:
    reply = client.ask("PUT", "/api/v1/libraries/x/toggle?enabled=false", {"Idempotency-Key": key})
    assert reply.status == 422
    assert "visible ASCII" in reply.json()["detail"]


def test_of_many_at_once_one_does_it(client: Client, place: Place) -> None:
    replies: list[Reply] = []
    threads = [
        threading.Thread(target=lambda: replies.append(_install(client, "gamma", "k-3")))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {reply.status for reply in replies} <= {200, 409}
    assert sum(r.status == 200 and r.json()["changed"] for r in replies) >= 1
    done = [r for r in replies if r.status == 200 and "idempotency-replayed" not in r.headers]
    assert len(done) == 1
    assert place.git("log", "--format=%s").count("Install gamma") == 1


def test_another_server_over_the_same_rows_answers_alike(place: Place) -> None:
    with serving(place.path) as one, serving(place.path) as two:
        first = _install(one, "alpha", "k-4")
        again = _install(two, "alpha", "k-4")
        assert again.body == first.body
        assert again.headers["idempotency-replayed"] == "true"


def test_an_answer_outlives_the_server(place: Place) -> None:
    with serving(place.path) as client:
        first = _install(client, "alpha", "k-5")
    with serving(place.path) as client:
        assert _install(client, "alpha", "k-5").body == first.body
