"""OpsConductor as it is: its installer's requests, and its libraries, against a real server."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.opsconductor_libraries import code, library, metadata, step, zipped
from tests.server.changes.test_changes import form, upload
from tests.server.real_server import Client, Place, making_place, release_files, serving
from tests.server.real_server import step as step_of

_FILES = {
    "windows-core-v1.0.0.zip": library("windows-core", step("run_powershell"), step("file_copy")),
    "network-tools-v1.0.0.zip": library("network-tools", step("ping_host")),
    "automation-basics-v1.0.0.zip": library("automation-basics", step("delay", outputs=2)),
    "web-http-v1.0.0.zip": library("web-http", step("http_request"), step("web_scrape")),
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with making_place(tmp_path / "registry") as made:
        yield made


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    with serving(place.path) as running:
        yield running


def _post(client: Client, name: str, files: Mapping[str, bytes]) -> Any:
    """What ``requests.post(url, files={"file": (name, …, "application/zip")})`` sends."""
    boundary = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/zip\r\n\r\n"
    )
    body = head.encode() + zipped(files) + f"\r\n--{boundary}--\r\n".encode()
    headers = {
        "User-Agent": "python-requests/2.32.3",
        "Accept-Encoding": "gzip, deflate",
        "Accept": "*/*",
        "Connection": "keep-alive",
        "Content-Type": f"multipart/form-data; boundary={boundary}",
    }
    return client.ask("POST", "/api/v1/libraries/install", headers, body)


def test_the_installer_of_the_starter_libraries_works(client: Client) -> None:
    assert client.get("/health").status == 200
    before = client.get("/api/v1/libraries").json()
    assert [one["display_name"] for one in before] == ["Core"]
    for name, files in _FILES.items():
        reply = _post(client, name, files)
        assert reply.status == 200, reply.body
        assert reply.headers["content-type"].startswith("application/json")
        result = reply.json()
        assert result["version"] == "1.0.0"
        assert (
            result["display_name"] == json.loads(files["manifest.json"])["metadata"]["display_name"]
        )
        assert result["steps_count"] == result["step_count"] > 0
        again = _post(client, name, files).json()
        assert (again["changed"], again["digest"]) == (False, result["digest"])
    steps = client.get("/api/v1/steps").json()["steps"]
    named = {one["id"] for one in steps}
    assert {"windows-core.run_powershell", "network-tools.ping_host"} <= named
    assert {"automation-basics.delay", "web-http.web_scrape"} <= named
    one = client.get("/api/v1/steps/web-http.http_request").json()
    assert one["parameters"]["lines"]["validation"] == {
        "placeholder": "first\nsecond",
        "label": "Lines",
    }
    assert one["has_executor"]


def test_what_was_not_converted_is_a_warning_of_the_answer(client: Client) -> None:
    files = library("odd", step("gone", retries=1), step("other"), source=code("A", "other"))
    reply = _post(client, "odd.zip", files)
    assert reply.status == 200, reply.body
    said = "\n".join(reply.json()["warnings"])
    assert "steps.py has no method gone" in said
    assert "'retries' has no place here" in said
    assert not client.get("/api/v1/steps/odd.gone").json()["has_executor"]


@pytest.mark.parametrize("broken", [None, "class A\n", ""])
def test_code_that_runs_nothing_burns_no_version(client: Client, broken: str | None) -> None:
    files = library(source=broken or "")
    if broken is None:
        del files["steps.py"]
    reply = _post(client, "web-tools.zip", files)
    assert reply.status == 400, reply.body
    assert "steps.py" in reply.json()["detail"]
    assert _post(client, "web-tools.zip", library()).status == 200


def test_under_a_top_folder_and_with_litter_it_is_the_same(client: Client) -> None:
    files = {f"web-tools/{path}": content for path, content in library().items()}
    assert _post(client, "x.zip", files).status == 200


def test_a_hostile_name_is_refused_and_leaves_no_trace(client: Client) -> None:
    commit = client.health()["commit"]
    for files in (
        library("x", step("../../evil")),
        library(manifest={"metadata": metadata("../evil"), "steps": [step("json_parse")]}),
    ):
        reply = _post(client, "x.zip", files)
        assert reply.status == 400
        assert " has 1 error: manifest.json" in reply.json()["detail"]
    assert client.health()["commit"] == commit


def test_a_premium_one_needs_its_key_as_every_other(client: Client) -> None:
    files = library(
        manifest={"metadata": metadata("paid", is_premium=True), "steps": [step("json_parse")]}
    )
    assert upload(client, form(zipped(files))).status == 402


def test_errors_stand_first_and_are_counted_apart(client: Client) -> None:
    files = release_files("alpha", "1.0.0", steps=[step_of("file.copy", category=7)])
    files |= {"A.txt": b"x", "steps/aside.json": b"{}", "docs/README.md": b"<b>x</b>"}
    reply = upload(client, form(zipped(files)))
    assert reply.status == 400
    detail, problems = reply.json()["detail"], reply.json()["problems"]
    assert detail.startswith("alpha 1.0.0 has 1 error: steps/")
    assert detail.endswith("warnings")
    assert "warning:" not in detail
    kinds = ["warning:" in problem for problem in problems]
    assert kinds == sorted(kinds)
    assert kinds.count(True) > 1


def test_many_errors_are_counted_and_the_first_are_named(client: Client) -> None:
    steps = [step_of(f"file.copy{n}", category=7, color="x") for n in range(6)]
    reply = upload(client, form(zipped(release_files("alpha", "1.0.0", steps=steps))))
    detail = reply.json()["detail"]
    assert detail.startswith("alpha 1.0.0 has 12 errors: ")
    assert "; and 9 more errors" in detail
    assert len(detail) < 1_500
