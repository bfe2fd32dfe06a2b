"""Libraries of upstreams over HTTP, on a real server and real registries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.transactions.transaction import Actor
from registry.upstreams.address import parse_address
from registry.upstreams.declaration import Upstream, UpstreamAlias
from registry.upstreams.declaration_edit import add_upstream
from tests.server.changes.test_changes import change, fits, install
from tests.server.real_server import Client, Place, making_place, serving, until

_INSTALL = "/api/v1/libraries/install"


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Place]:
    """An upstream with ``base`` 1.0.0 and ``top``, which needs it."""
    with making_place(tmp_path / "theirs") as made:
        made.publish("base", "1.0.0")
        made.publish("top", "1.0.0", dependencies=["base>=1,<2"])
        yield made


@pytest.fixture
def place(tmp_path: Path, theirs: Place) -> Iterator[Place]:
    with making_place(tmp_path / "ours") as made:
        declare(made, "pub", theirs.path)
        yield made


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    with serving(place.path, upstream_fresh_seconds=0) as running:
        yield running


def declare(place: Place, alias: str, where: Path) -> None:
    upstream = Upstream(
        alias=UpstreamAlias(alias), address=parse_address(str(where)), allow_private=True
    )
    add_upstream(place.registry, upstream, by=Actor(name="operator"))


def named(client: Client, library: str, **more: Any) -> Any:
    return change(client, "POST", _INSTALL, {"library": library, **more})


def test_a_library_is_installed_by_name_with_what_it_needs(client: Client) -> None:
    reply = named(client, "top")
    assert reply.status == 200, reply.body
    answer = fits(client, reply, _INSTALL, "post")
    assert (answer["name"], answer["version"], answer["upstream"]) == ("top", "1.0.0", "pub")
    assert answer["step_count"] == 2
    assert answer["also"] == ["base"]
    assert client.get("/api/v1/steps/base.file.copy").status == 200
    again = named(client, "top")
    assert again.json()["changed"] is False
    assert again.json()["commit"] == answer["commit"]


def test_what_would_be_installed_is_told_and_nothing_is(client: Client) -> None:
    before = client.health()["commit"]
    reply = change(client, "POST", "/api/v1/resolve", {"requirements": ["top>=1"]})
    answer = fits(client, reply, "/api/v1/resolve", "post")
    assert [(one["name"], one["was"], one["is_installed"]) for one in answer["libraries"]] == [
        ("base", None, False),
        ("top", None, False),
    ]
    assert client.health()["commit"] == before


def test_an_update_goes_to_the_last_version_and_versions_told_that_there_is_one(
    client: Client, theirs: Place
) -> None:
    named(client, "top")
    versions = client.get("/api/v1/libraries/base/versions").json()
    assert (versions["upstream"], versions["update"]) == ("pub", None)
    theirs.publish("base", "1.1.0")
    reply = change(client, "POST", "/api/v1/upstreams/update")
    fits(client, reply, "/api/v1/upstreams/update", "post")
    assert client.get("/api/v1/libraries/base/versions").json()["update"] == "1.1.0"
    answer = client.get("/api/v1/available?status=update%20available").json()
    assert [(one["name"], one["version"], one["installed"]) for one in answer["libraries"]] == [
        ("base", "1.1.0", "1.0.0")
    ]
    reply = change(client, "POST", "/api/v1/libraries/base/update")
    updated = fits(client, reply, "/api/v1/libraries/{library}/update", "post")
    assert (updated["was"], updated["version"], updated["changed"]) == ("1.0.0", "1.1.0", True)
    (summary,) = [one for one in client.get("/api/v1/libraries").json() if one["name"] == "base"]
    assert summary["version"] == "1.1.0"


def test_a_failed_update_leaves_everything_as_it_was(client: Client, theirs: Place) -> None:
    named(client, "top")
    theirs.publish("base", "2.0.0")
    before = client.health()["commit"]
    reply = change(client, "POST", "/api/v1/libraries/base/update", {"version": "2.0.0"})
    assert reply.status == 409
    assert "top 1.0.0 needs base<2,>=1" in reply.json()["detail"]
    assert client.health()["commit"] == before
    assert client.get("/api/v1/steps/base.file.copy").json()["version"] == "1.0.0"


@pytest.mark.parametrize(
    ("content", "status", "detail"),
    [
        ({"library": "nobody"}, 404, "no upstream has a library 'nobody'"),
        (
            {"library": "top", "version": "9.0.0"},
            409,
            "there is no top==9.0.0; the newest is 1.0.0",
        ),
        ({"library": "top", "upstream": "other"}, 409, "comes from the upstream 'pub'"),
        ({"library": "top", "version": "1.0.0", "range": ">1"}, 422, "Name one of the two"),
        ({"library": "top", "range": "; os_name == 'x'"}, 422, "a marker"),
        ({"library": "Top/../x"}, 422, "not"),
        ({"library": "core"}, 409, "is built in"),
        ({"library": "top", "surprise": 1}, 422, "surprise"),
        ({}, 422, "library"),
        ([], 422, "body"),
    ],
)
def test_what_cannot_be_installed_is_refused_in_words(
    client: Client, content: Any, status: int, detail: str
) -> None:
    reply = change(client, "POST", _INSTALL, content)
    assert reply.status == status, reply.body
    assert detail in fits(client, reply, _INSTALL, "post")["detail"]


def test_an_owner_that_cannot_be_had_is_502_and_lookups_go_on(
    client: Client, theirs: Place
) -> None:
    named(client, "base")
    theirs.path.rename(theirs.path.with_name("away"))
    reply = named(client, "top")
    assert reply.status == 502
    assert "upstream 'pub'" in fits(client, reply, _INSTALL, "post")["detail"]
    (state,) = client.get("/api/v1/upstreams").json()["upstreams"]
    assert "cannot be fetched" in state["problem"]
    versions = client.get("/api/v1/libraries/base/versions").json()
    assert "has is not known" in versions["update_problem"]
    assert client.get("/api/v1/steps/base.file.copy").status == 200
    theirs.path.with_name("away").rename(theirs.path)
    assert named(client, "top").status == 200


def test_an_upload_does_not_take_the_place_of_an_upstreams_library(client: Client) -> None:
    named(client, "base")
    reply = install(client, "base", "9.0.0")
    assert reply.status == 409
    assert "is from the upstream 'pub'" in reply.json()["detail"]


def test_updates_show_by_themselves(place: Place, theirs: Place) -> None:
    with serving(place.path, upstream_check_seconds=0.1) as client:
        until(lambda: client.get("/api/v1/available").json()["total"] == 2)
        theirs.publish("third", "1.0.0")
        until(lambda: client.get("/api/v1/available").json()["total"] == 3)


def test_a_page_of_what_is_available_leads_to_the_next(client: Client) -> None:
    change(client, "POST", "/api/v1/upstreams/update")
    first = client.get("/api/v1/available?limit=1").json()
    assert [one["name"] for one in first["libraries"]] == ["base"]
    second = client.get(f"/api/v1/available?limit=1&cursor={first['next_cursor']}").json()
    assert [one["name"] for one in second["libraries"]] == ["top"]
    assert second["next_cursor"] is None


def test_a_body_that_is_too_large_is_refused_before_and_while_it_comes(client: Client) -> None:
    large = {"requirements": ["x" * 100_000]}
    reply = change(client, "POST", "/api/v1/resolve", large)
    assert reply.status == 413
    chunk = b"x" * 70_000
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(chunk), chunk)
    headers = {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}
    assert client.ask_raw("POST", "/api/v1/resolve", headers, body).status == 413


def test_a_premium_library_comes_by_no_name_without_a_key(client: Client, theirs: Place) -> None:
    theirs.publish("gold", "1.0.0", is_premium=True, price=9.0)
    theirs.publish("base", "1.1.0", is_premium=True, price=9.0)
    before = client.health()["commit"]
    install = named(client, "gold")
    assert (install.status, "no licence key" in install.json()["detail"]) == (402, True)
    needed = named(client, "top")
    assert needed.status == 402
    for reply in (
        named(client, "gold", license_key="osl1.x.y"),
        change(client, "POST", f"{_INSTALL}?license_key=K", {"library": "gold"}),
    ):
        assert reply.status == 403
        assert reply.json()["detail"].startswith("licence_unverifiable")
    assert client.health()["commit"] == before


def test_an_update_to_a_premium_version_needs_a_key(client: Client, theirs: Place) -> None:
    assert named(client, "base").status == 200
    theirs.publish("base", "1.1.0", is_premium=True, price=9.0)
    path = "/api/v1/libraries/base/update"
    assert change(client, "POST", path, {}).status == 402
    refused = change(client, "POST", path, {"license_key": "osl1.x.y"})
    assert refused.status == 403
    assert refused.json()["detail"].startswith("licence_unverifiable")
    assert client.get("/api/v1/libraries/base").json()["version"] == "1.0.0"
