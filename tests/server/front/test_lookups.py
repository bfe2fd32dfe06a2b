from __future__ import annotations

import json
from http.client import HTTPConnection
from pathlib import Path

import pytest

from registry.library import wire
from registry.names import LibraryName, library_id
from registry.versions import parse_version
from tests.server.real_server import Client, Place, making_place, serving, step

STEP_KEYS = [
    *("id", "name", "type", "category", "library", "library_id", "icon", "description", "color"),
    *("inputs", "outputs", "parameters", "platform_support", "required_permissions", "examples"),
    *("tags", "version", "permissions", "has_executor", "returns", "is_deprecated"),
    "deprecation_message",
]
LIBRARY_KEYS = [
    *("id", "name", "version", "display_name", "description", "author", "is_enabled"),
    *("is_premium", "installation_date", "last_used", "step_count", "status"),
]


def test_the_log_counts_as_health_does(
    standing_place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(standing_place.path) as client:
        health = client.health()
    lines = [line for line in capfd.readouterr().err.splitlines() if '"serving"' in line]
    told = json.loads(lines[-1])
    assert (told["libraries"], told["steps"]) == (health["libraries"], health["steps"])


def test_health_says_what_is_served(standing_place: Place, client: Client) -> None:
    reply = client.get("/health")
    health = reply.json()
    assert reply.status == 200
    assert health["status"] == "healthy"
    assert health["service"] == "opsconductor-steps"
    assert health["commit"] == standing_place.registry.head()
    assert health["libraries"] == 2  # besides core
    listed = client.get("/api/v1/steps").json()["steps"]
    assert health["steps"] == sum(step["library"] != "core" for step in listed) > 0
    assert health["dirty"] is False
    assert health["timestamp"].endswith("Z")
    assert reply.headers["cache-control"] == "no-store"


def test_libraries_are_an_array_of_the_fixed_shape(client: Client) -> None:
    libraries = client.get("/api/v1/libraries").json()
    assert [library["name"] for library in libraries] == ["core", "alpha", "beta"]
    assert all(list(library) == LIBRARY_KEYS for library in libraries)
    alpha = libraries[1]
    assert alpha["id"] == library_id(LibraryName("alpha"))
    assert (alpha["version"], alpha["step_count"], alpha["status"]) == ("1.1.0", 3, "enabled")


def test_a_library_by_name_and_by_id_is_the_same_bytes(client: Client) -> None:
    by_name = client.get("/api/v1/libraries/alpha")
    by_id = client.get(f"/api/v1/libraries/{library_id(LibraryName('alpha'))}")
    detail = by_name.json()
    assert by_name.body == by_id.body
    assert set(LIBRARY_KEYS) < set(detail)
    assert detail["license"] == "MIT"
    assert [one["version"] for one in detail["versions"]] == ["1.1.0", "1.0.0"]
    assert [one["type"] for one in detail["steps"]] == ["file.copy", "file.move", "file.link"]


def test_a_library_is_the_bytes_of_the_wire(standing_place: Place, client: Client) -> None:
    alpha = standing_place.registry.snapshot().library(LibraryName("alpha"))
    bodies = [body for _, body in wire.library_steps(alpha)]
    expected = wire.library_detail_bytes(alpha, bodies)
    assert client.get("/api/v1/libraries/alpha").body == expected


def test_steps_are_the_bytes_of_the_wire(standing_place: Place, client: Client) -> None:
    libraries = list(standing_place.registry.snapshot().libraries())
    bodies = [body for library in libraries for _, body in wire.library_steps(library)]
    steps = [one for library in libraries if library.content for one in library.content.steps]
    expected = wire.step_list_bytes(
        bodies, [one.category for one in steps], [library.name for library in libraries]
    )
    assert client.get("/api/v1/steps").body == expected


def test_a_library_without_an_active_release_says_why_and_what_can_be_had(tmp_path: Path) -> None:
    with making_place(tmp_path / "registry") as made:
        made.publish("yanked", "1.0.0")
        made.publish("early", "1.0.0")
        made.operator_says("early", "active: 9.9.9\n")
        made.edit_facts(
            "yanked",
            lambda text: (
                f"{text}yanked:\n  1.0.0: {{reason: 'wrong \U0001f525', replacement: early}}\n"
            ),
        )
        with serving(made.path, "--no-catalogue") as running:
            lookup = running.get("/api/v1/steps/yanked.file.copy")
            docs = running.get("/api/v1/libraries/yanked/docs")
            early = running.get("/api/v1/steps/early.file.copy")
            named = running.get("/api/v1/steps/yanked.file.copy@1.0.0")
    why = (
        "the library yanked has no active release: 1.0.0 is yanked"
        " (wrong \U0001f525, use early instead)"
    )
    how = "; a release is answered when it is named: GET /api/v1/"
    assert lookup.json()["detail"] == f"{why}{how}steps/yanked.file.copy@1.0.0"
    assert docs.json()["detail"] == f"{why}{how}libraries/yanked/docs?version=1.0.0"
    assert early.json()["detail"].endswith("steps/early.file.copy@1.0.0")
    assert "1.0.0 is not the version that its operator pinned" in early.json()["detail"]
    assert (lookup.status, docs.status, early.status, named.status) == (404, 404, 404, 200)


def test_a_step_has_the_fixed_shape(client: Client) -> None:
    found = client.get("/api/v1/steps/alpha.file.copy").json()
    assert list(found) == STEP_KEYS
    assert found["id"] == "alpha.file.copy"
    assert found["name"] == "File Copy"
    assert found["type"] == "file.copy"
    assert found["version"] == "1.1.0"


@pytest.mark.parametrize("path", ["steps/alpha.file.copy", "steps/alpha.file.copy@1.0.0", "steps"])
def test_the_spelling_of_the_static_catalogue_is_answered_too(client: Client, path: str) -> None:
    assert client.get(f"/api/v1/{path}.json").body == client.get(f"/api/v1/{path}").body


def test_a_pinned_release_is_answered_whether_active_or_not(client: Client) -> None:
    old = client.get("/api/v1/steps/alpha.file.copy@1.0.0")
    assert old.json()["version"] == "1.0.0"
    assert client.get("/api/v1/steps/alpha.file.copy@1.0.0").body == old.body
    active = client.get("/api/v1/steps/alpha.file.copy@1.1.0")
    assert active.body == client.get("/api/v1/steps/alpha.file.copy").body
    assert client.get("/api/v1/steps/alpha.file.link@1.0.0").status == 404
    assert client.get("/api/v1/steps/core.flow.start@1.0.0").status == 200


def test_a_step_has_the_same_headers_however_it_is_asked_for(client: Client) -> None:
    path, differing = "/api/v1/steps/alpha.file.copy", {"content-length", "content-type"}
    plain = client.get(path)
    replies = [
        plain,
        client.ask("HEAD", path),
        client.get(f"{path}?"),
        client.get(f"{path}.json"),
        client.get(f"{path}@1.0.0"),
        client.ask("GET", path, {"X-Request-Id": "mine"}),
        client.ask("GET", path, {"Content-Length": "0"}),
        client.ask("GET", path, {"If-None-Match": plain.headers["etag"]}),
        client.ask("GET", f"{path}?_=1", {"If-None-Match": plain.headers["etag"]}),
    ]
    assert [one.status for one in replies] == [200] * 7 + [304] * 2
    for one in replies:
        assert {*one.headers} - differing == {*plain.headers} - differing
        assert one.headers["referrer-policy"] == "no-referrer"
        assert "x-request-id" not in one.headers
    for other in (
        "/api/v1/steps",
        "/api/v1/libraries/alpha",
        "/api/v1/steps/alpha.nope",
        "/health",
    ):
        reply = client.ask("GET", other, {"X-Request-Id": "mine"})
        assert reply.headers["x-request-id"] == "mine"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("steps/alpha.file.nope", "no step 'file.nope'"),
        ("steps/nobody.file.copy", "no library 'nobody'"),
        ("steps/alpha", "is not a step id"),
        ("steps/alpha.file.copy@9.9.9", "no release 9.9.9"),
        ("steps/alpha.file.copy@../..", "not a version"),
        ("steps/alpha.file.copy@", "not a version"),
        ("libraries/nobody", "no library 'nobody'"),
        ("libraries/999", "no library '999'"),
        ("nothing", "nothing at"),
    ],
)
def test_what_is_not_there_is_a_sentence(client: Client, path: str, reason: str) -> None:
    reply = client.get(f"/api/v1/{path}")
    assert reply.status == 404
    assert reason in reply.json()["detail"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("category=network", ["beta.net.ping"]),
        ("library=beta", ["beta.net.ping"]),
        (f"library={library_id(LibraryName('beta'))}", ["beta.net.ping"]),
        ("platform=windows&library=beta", []),
        ("platform=linux&category=network", ["beta.net.ping"]),
        ("category=nothing", []),
        ("library=nobody", []),
        ("library=beta&_=1700000000", ["beta.net.ping"]),
        ("platform=amiga", []),
    ],
)
def test_steps_are_narrowed_by_each_filter(client: Client, query: str, found: list[str]) -> None:
    reply = client.get(f"/api/v1/steps?{query}")
    answer = reply.json()
    assert [one["id"] for one in answer["steps"]] == found
    assert answer["total_count"] == len(found)
    assert answer["libraries"] == (["beta"] if found else [])
    assert client.get(f"/api/v1/steps?{query}").body == reply.body


@pytest.mark.parametrize(
    "path",
    [
        "steps?plattform=linux",
        "steps?limit=0",
        "steps?limit=x",
        "steps?limit=100000",
        "steps?cursor=%00",
        "libraries?enabled_only=perhaps",
        "search?kind=dog",
        "search?cursor=bzk5OTk5OTk5",
        "search?q=" + "x" * 201,
        "search?limit=101",
    ],
)
def test_a_bad_value_is_a_sentence(client: Client, path: str) -> None:
    reply = client.get(f"/api/v1/{path}")
    assert reply.status == 422
    assert isinstance(reply.json()["detail"], str)
    assert reply.json()["detail"]


def test_pages_follow_each_other_to_the_end(client: Client) -> None:
    everything = [one["id"] for one in client.get("/api/v1/steps").json()["steps"]]
    seen: list[str] = []
    path = "/api/v1/steps?limit=3"
    while path:
        reply = client.get(path)
        seen += [one["id"] for one in reply.json()["steps"]]
        assert int(reply.headers["x-total-count"]) == len(everything)
        path = reply.headers.get("link", "").partition(">")[0].removeprefix("<")
    assert seen == everything


def test_a_disabled_library_is_listed_and_its_steps_are_not(place: Place) -> None:
    place.operator_says("alpha", "enabled: false\n")
    with serving(place.path) as client:
        listed = {one["name"]: one for one in client.get("/api/v1/libraries").json()}
        usable = [one["name"] for one in client.get("/api/v1/libraries?enabled_only=true").json()]
        assert listed["alpha"]["status"] == "disabled"
        assert listed["alpha"]["is_enabled"] is False
        assert usable == ["core", "beta"]
        for path in ("alpha.file.copy", "alpha.file.copy@1.0.0", "alpha.file.copy@1.1.0"):
            reply = client.get(f"/api/v1/steps/{path}")
            assert reply.status == 404
            assert "disabled" in reply.json()["detail"]
        assert "alpha" not in client.get("/api/v1/steps").json()["libraries"]
        assert client.get("/api/v1/steps?library=alpha").json()["steps"] == []


def test_a_yanked_release_is_answered_only_when_it_is_named(place: Place) -> None:
    place.edit_facts("alpha", lambda text: f"{text}yanked:\n  1.1.0:\n    reason: broken\n")
    with serving(place.path) as client:
        assert client.get("/api/v1/steps/alpha.file.copy").json()["version"] == "1.0.0"
        assert client.get("/api/v1/steps/alpha.file.copy@1.1.0").json()["version"] == "1.1.0"
        assert client.get("/api/v1/steps/alpha.file.link").status == 404


def test_the_operators_pin_decides_which_release_is_active(place: Place) -> None:
    place.operator_says("alpha", "active: 1.0.0\n")
    with serving(place.path) as client:
        assert client.get("/api/v1/steps/alpha.file.copy").json()["version"] == "1.0.0"


def test_a_broken_library_is_listed_and_leaves_its_neighbours_alone(place: Place) -> None:
    place.commit_file("libraries/alpha/library.yaml", "ledger: [not, a, mapping]\n")
    with serving(place.path) as client:
        listed = {one["name"]: one["status"] for one in client.get("/api/v1/libraries").json()}
        assert listed == {"core": "enabled", "alpha": "error", "beta": "enabled"}
        assert client.get("/api/v1/steps/beta.net.ping").status == 200
        refused = client.get("/api/v1/steps/alpha.file.copy").json()
        assert "alpha" in refused["detail"]
        assert refused["problems"]
        health = client.health()
        assert health["status"] == "degraded"
        assert any(alarm.startswith("alpha: ") for alarm in health["alarms"])


def test_a_release_with_changed_files_is_an_alarm_and_not_served(place: Place) -> None:
    place.commit_file("libraries/alpha/1.1.0/steps/file_copy.json", "{}")
    with serving(place.path) as client:
        refused = client.get("/api/v1/steps/alpha.file.copy")
        assert refused.status == 503
        assert "nothing older" in refused.json()["detail"]
        assert client.get("/api/v1/steps/alpha.file.copy@1.0.0").status == 200
        assert client.get("/api/v1/steps/alpha.file.copy@1.1.0").status == 404
        assert any("differ" in alarm for alarm in client.health()["alarms"])


def test_another_instance_has_its_own_facts(place: Place) -> None:
    place.commit_file("instances/staging/alpha.yaml", "enabled: false\n")
    with serving(place.path, instance="staging") as client:
        assert client.get("/api/v1/steps/alpha.file.copy").status == 404
    with serving(place.path) as client:
        assert client.get("/api/v1/steps/alpha.file.copy").status == 200


def test_old_releases_are_kept_up_to_the_limit(place: Place) -> None:
    place.publish("beta", "1.1.0", [step("net.ping", category="network")])
    with serving(place.path, old_releases=1) as client:
        for path in ("alpha.file.copy@1.0.0", "beta.net.ping@1.0.0", "alpha.file.copy@1.0.0"):
            assert client.get(f"/api/v1/steps/{path}").status == 200
        usage = client.get("/api/v1/analytics/usage").json()
        assert usage["cache_stats"]["pinned_releases"] == 1


def test_versions_have_their_own_bytes(standing_place: Place, client: Client) -> None:
    alpha = LibraryName("alpha")
    content = standing_place.registry.snapshot().content(alpha, parse_version("1.0.0"))
    expected = wire.step_bytes(alpha, "1.0.0", content.steps[0], has_executor=False)
    assert client.get("/api/v1/steps/alpha.file.copy@1.0.0").body == expected


@pytest.mark.parametrize(
    "path", ["/api/v1/steps/alpha.file.copy", "/api/v1/steps", "/api/v1/libraries/alpha", "/"]
)
def test_lines_of_a_header_that_comes_twice_are_one_list(client: Client, path: str) -> None:
    """One kind of answer heeded only the first line, and another only the last."""
    etag = client.get(path).headers.get("etag", "")
    lines = ['"other"', etag]
    for one in (lines, lines[::-1]):
        connection = HTTPConnection("127.0.0.1", client.port, timeout=30)
        connection.putrequest("GET", path, skip_accept_encoding=True)
        for line in one:
            connection.putheader("If-None-Match", line)
        connection.endheaders()
        assert connection.getresponse().status == 304
        connection.close()
