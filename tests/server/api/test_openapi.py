from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from registry.formats.parsing import parse_step
from registry.formats.schema import Format, schema_of
from registry.library.wire import step_bytes
from registry.names import LibraryName
from server.following.events import EVENTS, TYPES
from tests.server.real_server import Client, Place, make_token, making_place, serving, step

ANSWERS = [
    ("/health", "/health"),
    ("/api/v1/libraries", "/api/v1/libraries"),
    ("/api/v1/libraries/{library}", "/api/v1/libraries/alpha"),
    ("/api/v1/libraries/{library}", "/api/v1/libraries/core"),
    ("/api/v1/steps", "/api/v1/steps"),
    ("/api/v1/steps/{step}", "/api/v1/steps/alpha.file.copy@1.0.0"),
    ("/api/v1/analytics/usage", "/api/v1/analytics/usage"),
    ("/api/v1/performance", "/api/v1/performance"),
    ("/api/v1/libraries/{library}/versions", "/api/v1/libraries/alpha/versions"),
    ("/api/v1/libraries/{library}/dependents", "/api/v1/libraries/alpha/dependents"),
    ("/api/v1/libraries/{library}/docs", "/api/v1/libraries/alpha/docs"),
    ("/api/v1/libraries/{library}/diff", "/api/v1/libraries/alpha/diff"),
    ("/api/v1/audit", "/api/v1/audit"),
    ("/api/v1/upstreams", "/api/v1/upstreams"),
    ("/api/v1/available", "/api/v1/available"),
    ("/api/v1/security-events", "/api/v1/security-events"),
]
# What changes something is held against the document in test_changes.py and test_upstreams.py.
CHANGES = {
    "/api/v1/libraries/install": {"post"},
    "/api/v1/libraries/{library}": {"delete"},
    "/api/v1/libraries/{library}/toggle": {"put"},
    "/api/v1/libraries/{library}/pin": {"put"},
    "/api/v1/libraries/{library}/rollback": {"post"},
    "/api/v1/libraries/{library}/update": {"post"},
    "/api/v1/resolve": {"post"},
    "/api/v1/upstreams/update": {"post"},
    # A stream has no end; test_events.py listens to it.
    "/api/v1/events": {"get"},
}
ERRORS = [
    ("/api/v1/libraries/{library}", "/api/v1/libraries/nobody", 404),
    ("/api/v1/steps/{step}", "/api/v1/steps/nobody.x", 404),
    ("/api/v1/steps", "/api/v1/steps?plattform=linux", 422),
]


@pytest.fixture(scope="module")
def document(client: Client) -> Any:
    return client.get("/openapi.json").json()


def _check(document: Any, schema: Any, value: Any) -> None:
    jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(
        value
    )


def _schema(document: Any, route: str, status: int, method: str = "get") -> Any:
    content = document["paths"][route][method]["responses"][str(status)]["content"]
    return content["application/json"]["schema"]


@pytest.mark.parametrize(("route", "path"), ANSWERS)
def test_every_answer_is_what_the_document_says(
    client: Client, document: Any, route: str, path: str
) -> None:
    reply = client.get(path)
    assert reply.status == 200
    _check(document, _schema(document, route, 200), reply.json())


@pytest.mark.parametrize(("route", "path", "status"), ERRORS)
def test_every_error_is_what_the_document_says(
    client: Client, document: Any, route: str, path: str, status: int
) -> None:
    reply = client.get(path)
    assert reply.status == status
    _check(document, _schema(document, route, status), reply.json())


def test_a_search_without_an_index_is_what_the_document_says(place: Place, document: Any) -> None:
    with serving(place.path, "--no-catalogue") as bare:
        reply = bare.get("/api/v1/search?q=x")
    assert reply.status == 503
    _check(document, _schema(document, "/api/v1/search", 503), reply.json())


def test_the_document_has_every_route_and_every_route_is_tested(
    client: Client, document: Any
) -> None:
    elsewhere = {"/api/v1/search", "/api/v1/cache/clear", "/metrics"}
    assert set(document["paths"]) == {route for route, _ in ANSWERS} | elsewhere | set(CHANGES)
    for route, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], route
            assert operation["description"], route
            if method in CHANGES.get(route, ()):
                continue
            concrete = route.format(library="alpha", step="alpha.file.copy")
            assert client.ask(method.upper(), concrete).status in {200, 503}


def test_clearing_the_cache_answers_as_documented(client: Client, document: Any) -> None:
    reply = client.ask("POST", "/api/v1/cache/clear")
    _check(document, _schema(document, "/api/v1/cache/clear", 200, "post"), reply.json())


def test_every_example_fits_its_schema(document: Any) -> None:
    found = 0
    for schema in document["components"]["schemas"].values():
        for described in schema.get("properties", {}).values():
            for example in described.get("examples", []):
                _check(document, described, example)
                found += 1
    for methods in document["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                for example in parameter["schema"].get("examples", []):
                    _check(document, parameter["schema"], example)
                    found += 1
    assert found > 8


def test_the_models_forbid_what_they_do_not_name(document: Any) -> None:
    named = document["components"]["schemas"]
    for name in ("Step", "Parameter", "Example", "Permissions", "LibrarySummary", "LibraryDetail"):
        assert named[name]["additionalProperties"] is False, name


EVERY_FIELD: dict[str, Any] = {
    "author_email": "ada@example.com",
    "homepage": "https://example.com/full",
    "repository": "https://example.com/full.git",
    "tags": ["full"],
    "dependencies": ["core>=1.0"],
    "min_opsconductor_version": "1.0.0",
    "required_permissions": ["network"],
    "is_premium": True,
    "price": 9.5,
    "trial_days": 14,
    "support_email": "help@example.com",
    "python_requirements": [],
}
EVERY_FIELD_OF_A_STEP: dict[str, Any] = {
    "parameters": {
        "mode": {
            "type": "select",
            "required": True,
            "default": "fast",
            "description": "How.",
            "options": ["fast", "slow"],
            "multiline": True,
            "secret": True,
            "validation": {"pattern": "f.*|s.*", "max_length": 9},
        },
        "bare": {"type": "string"},
    },
    "permissions": {
        "filesystem": {"read": ["{mode}"], "write": ["{mode}"]},
        "network": ["*:443"],
        "commands": ["ping"],
        "environment": ["HOME"],
        "limits": {"wall_seconds": 5, "memory_mb": 64},
    },
    "examples": [{"name": "Fast", "description": "It is.", "parameters": {"mode": "fast"}}],
    "is_deprecated": True,
    "deprecation_message": "Use another.",
    "returns": {"type": "object"},
}


def test_what_sets_every_field_or_none_is_what_the_document_says(
    tmp_path: Path, document: Any
) -> None:
    with making_place(tmp_path / "registry") as made:
        made.publish("full", "1.0.0", [step("do.all", **EVERY_FIELD_OF_A_STEP)], **EVERY_FIELD)
        made.publish("bare", "1.0.0", [{"name": "do.it"}])
        made.publish("broken", "1.0.0")
        made.commit_file("libraries/broken/1.0.0/manifest.json", "{")
        with serving(made.path, "--no-catalogue") as client:
            answers = {
                name: client.get(f"/api/v1/libraries/{name}").json()
                for name in ("full", "bare", "broken")
            }
    for answer in answers.values():
        _check(document, _schema(document, "/api/v1/libraries/{library}", 200), answer)
    (sent,) = answers["full"]["steps"]
    named = {name: one["properties"] for name, one in document["components"]["schemas"].items()
             if "properties" in one}  # fmt: skip
    assert set(answers["full"]) == set(named["LibraryDetail"])
    assert set(sent) == set(named["Step"])
    assert set(sent["parameters"]["mode"]) == set(named["Parameter"])
    assert set(sent["parameters"]["bare"]) == {"type", "required", "description"}
    assert set(sent["examples"][0]) == set(named["Example"])
    assert set(sent["permissions"]) == set(named["Permissions"])
    assert set(sent["permissions"]["limits"]) == set(named["RunLimits"])
    assert answers["bare"]["steps"][0]["permissions"]["limits"]["disk_mb"] is None
    assert "license" not in answers["broken"]


def test_a_field_of_a_file_is_described_as_in_its_schema(document: Any) -> None:
    of_file = schema_of(Format.STEP)
    named = document["components"]["schemas"]
    for name in ("color", "returns", "is_deprecated"):
        assert (
            named["Step"]["properties"][name]["description"]
            == of_file["properties"][name]["description"]
        )
    kinds = of_file["$defs"]["parameter"]["properties"]["type"]["enum"]
    assert named["Parameter"]["properties"]["type"]["enum"] == kinds


def test_an_unknown_limit_of_a_value_is_sent_and_allowed(document: Any) -> None:
    raw = b'{"name": "do.it", "parameters": {"p": {"type": "string", "validation": {"odd": 1}}}}'
    known = parse_step(raw, file="steps/do_it.json").value
    assert known is not None
    sent = json.loads(step_bytes(LibraryName("some"), "1.0.0", known, has_executor=False))
    assert sent["parameters"]["p"]["validation"] == {"odd": 1}
    _check(document, {"$ref": "#/components/schemas/Step"}, sent)


def test_the_document_says_who_may_and_what_headers_count(document: Any) -> None:
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for route, methods in document["paths"].items():
        for method, operation in methods.items():
            headers = {
                one["name"] for one in operation.get("parameters", []) if one["in"] == "header"
            }
            is_public = route == "/health"
            assert (operation["security"] == []) == is_public, route
            is_change = method != "get" and route != "/api/v1/resolve"
            assert ("Idempotency-Key" in headers) == is_change, route
            for one in operation.get("parameters", []):
                if one["name"] == "limit":
                    assert '"maximum": ' in json.dumps(one["schema"])


def test_what_is_documented_with_an_etag_has_one_and_nothing_else(
    client: Client, document: Any
) -> None:
    told = dict(ANSWERS) | {"/metrics": "/metrics", "/api/v1/search": "/api/v1/search?q=x"}
    for route, path in told.items():
        operation = document["paths"][route]["get"]
        headers = {one["name"] for one in operation.get("parameters", []) if one["in"] == "header"}
        has_etag = "etag" in client.get(path).headers
        assert ("If-None-Match" in headers) == has_etag, route
        assert ("304" in operation["responses"]) == has_etag, route


def test_operations_have_short_names_of_their_own(document: Any) -> None:
    names = [one["operationId"] for ways in document["paths"].values() for one in ways.values()]
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+){0,2}", name) for name in names), names
    assert len(set(names)) == len(names)


def test_every_kind_of_event_is_documented(document: Any) -> None:
    described = document["paths"]["/api/v1/events"]["get"]["description"]
    assert set(re.findall(r"`([a-z-]+)`", described)) == EVENTS.keys()
    assert {*TYPES.values(), "changed", "head", "health", "reset"} == EVENTS.keys()


def test_a_question_needs_no_token_for_a_key_and_a_token_keeps_so_many(tmp_path: Path) -> None:
    with making_place(tmp_path / "registry") as made:
        made.publish("alpha", "1.0.0")
        token = make_token(made.path, "execute")
        with serving(made.path, "--no-catalogue", idempotency_keys=3) as running:
            kind = {"Content-Type": "application/json", "Idempotency-Key": "k"}
            asked = b'{"requirements": ["alpha"]}'
            assert running.ask("POST", "/api/v1/resolve", kind, asked).status == 200
            bearer = {"Authorization": f"Bearer {token}"}
            said = [
                running.ask(
                    "PUT", "/api/v1/nothing", {**bearer, "Idempotency-Key": f"k{number}"}
                ).status
                for number in range(4)
            ]
            assert said == [404, 404, 404, 429]


@pytest.mark.parametrize("moment", ["0.5", "1700000000", "now", "2026-13-01T00:00:00Z"])
def test_a_moment_is_written_out(client: Client, moment: str) -> None:
    reply = client.get(f"/api/v1/audit?until={moment}")
    assert reply.status == 422
    assert "until" in reply.json()["detail"]
