"""Install, toggle, uninstall, pin and roll back over HTTP, on a real server."""

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.server.real_server import (
    Client,
    Place,
    Reply,
    command_of,
    make_token,
    making_place,
    processes_of,
    release_files,
    serving,
    until,
)

_BOUNDARY = "a-boundary-of-a-form"
_EXAMPLES = Path(__file__).resolve().parents[3] / "examples/registry"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with making_place(tmp_path / "registry") as made:
        yield made


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    with serving(place.path) as running:
        yield running


def zipped(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return stream.getvalue()


def form(file: bytes, **fields: str) -> bytes:
    head = 'Content-Disposition: form-data; name="file"; filename="x.zip"'
    parts = [(head, file)]
    parts += [
        (f'Content-Disposition: form-data; name="{k}"', v.encode()) for k, v in fields.items()
    ]
    body = b"".join(
        f"--{_BOUNDARY}\r\n{header}\r\n\r\n".encode() + content + b"\r\n"
        for header, content in parts
    )
    return body + f"--{_BOUNDARY}--\r\n".encode()


def upload(client: Client, body: bytes, query: str = "", **headers: str) -> Reply:
    given = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    return client.ask("POST", f"/api/v1/libraries/install{query}", given, body)


def install(client: Client, name: str, version: str = "1.0.0", **manifest: Any) -> Reply:
    return upload(client, form(zipped(release_files(name, version, **manifest))))


def change(client: Client, method: str, path: str, content: Any = None) -> Reply:
    body = json.dumps(content).encode() if content is not None else b""
    return client.ask(method, path, {"Content-Type": "application/json"}, body)


def fits(client: Client, reply: Reply, route: str, method: str) -> Any:
    document = client.get("/openapi.json").json()
    content = document["paths"][route][method]["responses"][str(reply.status)]["content"]
    schema = {**content["application/json"]["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(reply.json())
    return reply.json()


def test_an_uploaded_library_is_served_when_the_answer_comes(client: Client) -> None:
    reply = install(client, "alpha")
    assert reply.status == 200, reply.body
    answer = fits(client, reply, "/api/v1/libraries/install", "post")
    assert (answer["name"], answer["version"], answer["step_count"]) == ("alpha", "1.0.0", 2)
    assert answer["status"] == "enabled"
    assert client.get("/api/v1/steps/alpha.file.copy").status == 200
    (library,) = [one for one in client.get("/api/v1/libraries").json() if one["name"] == "alpha"]
    assert library["id"] == answer["library_id"]
    again = install(client, "alpha").json()
    assert again == {**answer, "changed": False}


def test_the_two_commands_of_the_readme_work_as_they_are_printed(
    client: Client, tmp_path: Path
) -> None:
    source = _EXAMPLES / "libraries/file-operations-basic/1.0.0"
    archive = shutil.make_archive(str(tmp_path / "file-operations-basic-1.0.0"), "zip", source)
    # shutil writes entries for directories, as people's tools do.
    command = [
        "curl", "--silent", "--show-error", "-X", "POST",
        f"http://localhost:{client.port}/api/v1/libraries/install", "-F", f"file=@{archive}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=True)
    assert json.loads(done.stdout)["status"] == "enabled", done.stdout
    asked = ["curl", "--silent", f"http://localhost:{client.port}/api/v1/steps"]
    done = subprocess.run(asked, capture_output=True, check=True)
    listed = json.loads(done.stdout)
    assert "file-operations-basic.file.copy" in {step["id"] for step in listed["steps"]}


def test_off_on_and_gone(client: Client) -> None:
    library = install(client, "alpha").json()["library_id"]
    route = "/api/v1/libraries/{library}"
    reply = change(client, "PUT", f"/api/v1/libraries/{library}/toggle?enabled=false")
    answer = fits(client, reply, f"{route}/toggle", "put")
    assert (answer["enabled"], answer["status"]) == (False, "disabled")
    assert client.get("/api/v1/steps/alpha.file.copy").status == 404
    assert "disabled" in client.get("/api/v1/steps/alpha.file.copy@1.0.0").json()["detail"]
    assert change(client, "PUT", "/api/v1/libraries/alpha/toggle?enabled=true").status == 200
    assert client.get("/api/v1/steps/alpha.file.copy").status == 200
    answer = fits(client, change(client, "DELETE", f"/api/v1/libraries/{library}"), route, "delete")
    assert answer["name"] == "alpha"
    assert (answer["version"], answer["status"]) == ("1.0.0", "uninstalled")
    assert client.get("/api/v1/steps/alpha.file.copy").status == 404
    assert [one["name"] for one in client.get("/api/v1/libraries").json()] == ["core"]
    gone = change(client, "DELETE", "/api/v1/libraries/alpha")
    assert gone.status == 404
    fits(client, gone, route, "delete")
    assert install(client, "alpha").status == 200


def test_what_others_need_stays_and_a_cascade_takes_them_along(client: Client) -> None:
    install(client, "alpha")
    assert install(client, "beta", dependencies=["alpha<2"]).status == 200
    found = client.get("/api/v1/libraries/alpha/dependents").json()["dependents"]
    assert [one["name"] for one in found] == ["beta"]
    for method, path in (
        ("PUT", "/api/v1/libraries/alpha/toggle?enabled=false"),
        ("DELETE", "/api/v1/libraries/alpha"),
    ):
        reply = change(client, method, path)
        assert reply.status == 409
        assert "beta" in reply.json()["detail"]
        assert reply.json()["problems"] == [
            "beta 1.0.0 needs alpha<2, and alpha "
            + ("would be disabled" if method == "PUT" else "would be gone")
        ]
    done = change(client, "DELETE", "/api/v1/libraries/alpha?cascade=true").json()
    assert done["also"] == ["beta"]


def test_a_missing_dependency_is_a_conflict(client: Client) -> None:
    reply = install(client, "beta", dependencies=["nobody-has-it>=1"])
    assert reply.status == 409
    assert "nobody-has-it>=1" in reply.json()["detail"]


def test_versions_are_pinned_unpinned_and_rolled_back_to(client: Client, place: Place) -> None:
    install(client, "alpha")
    install(client, "alpha", "1.1.0")
    route = "/api/v1/libraries/{library}"
    reply = change(client, "POST", "/api/v1/libraries/alpha/rollback", {"version": "1.0.0"})
    answer = fits(client, reply, f"{route}/rollback", "post")
    assert (answer["version"], answer["pinned"]) == ("1.0.0", "1.0.0")
    assert place.git("tag", "--list", "rollback/*") == "rollback/1"
    assert client.get("/api/v1/steps/alpha.file.copy").json()["version"] == "1.0.0"
    listed = client.get("/api/v1/libraries/alpha/versions").json()
    assert [one["version"] for one in listed["versions"]] == ["1.1.0", "1.0.0"]
    assert (listed["active"], listed["pinned"]) == ("1.0.0", "1.0.0")
    reply = change(client, "PUT", "/api/v1/libraries/alpha/pin", {"version": None})
    assert fits(client, reply, f"{route}/pin", "put")["version"] == "1.1.0"
    reply = change(client, "PUT", "/api/v1/libraries/alpha/pin", {"version": "7.0.0"})
    assert reply.status == 404
    docs = client.get("/api/v1/libraries/alpha/docs?version=1.0.0").json()
    assert docs["readme"] == "# alpha\n"


def test_a_hostile_or_broken_upload_is_refused_with_every_problem_and_no_trace(
    client: Client, place: Place
) -> None:
    before = place.git("rev-parse", "HEAD")
    files = release_files("alpha", "1.0.0")
    wrong = {**files, "manifest.json": b'{"name": "alpha"}', "executors/../../evil.py": b""}
    reply = upload(client, form(zipped(wrong)))
    assert reply.status == 400
    assert any("evil.py" in problem for problem in reply.json()["problems"])
    reply = upload(client, form(zipped({**files, "manifest.json": b'{"name": "alpha"}'})))
    assert reply.status == 400
    assert len(reply.json()["problems"]) > 3
    for body in (b"no zip", b"", zipped(files) + b"trailing", b"before" + zipped(files)):
        assert upload(client, form(body)).status == 400
    assert place.git("rev-parse", "HEAD") == before


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/plain", b"{}", 415),
        ("multipart/form-data", b"x", 400),
        (f"multipart/form-data; boundary={_BOUNDARY}", b"x", 400),
        (f"multipart/form-data; boundary={_BOUNDARY}", form(b"x")[:-9], 400),
        (f"multipart/form-data; boundary={_BOUNDARY}", f"--{_BOUNDARY}--\r\n".encode(), 400),
    ],
)
def test_what_is_no_form_is_refused(
    client: Client, content_type: str, body: bytes, status: int
) -> None:
    given = {"Content-Type": content_type}
    assert client.ask("POST", "/api/v1/libraries/install", given, body).status == status


def test_a_body_that_is_too_large_is_refused_while_it_streams_in(place: Place) -> None:
    with serving(place.path, upload_bytes=100_000) as client:
        assert upload(client, form(b"x" * 100_000)).status == 413
        # Without a length: the server must count, and need not read to an end that never comes.
        with socket.create_connection(("127.0.0.1", client.port)) as stream:
            stream.sendall(
                b"POST /api/v1/libraries/install HTTP/1.1\r\nHost: localhost:%d\r\n"
                b"Content-Type: multipart/form-data; boundary=%s\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n" % (client.port, _BOUNDARY.encode())
            )
            begun = form(b"")[:100]
            stream.sendall(b"%x\r\n%s\r\n" % (len(begun), begun))
            block = b"%x\r\n%s\r\n" % (10_000, b"x" * 10_000)
            for _ in range(11):
                stream.sendall(block)
            assert b" 413 " in stream.recv(100)


def test_uploads_together_hold_no_more_memory_than_is_set(place: Place) -> None:
    body = form(zipped(release_files("alpha", "1.0.0")))
    with serving(place.path, uploads_bytes=len(body) - 1) as client:
        assert upload(client, body).status == 503
    with serving(place.path, uploads_bytes=len(body)) as client:
        assert upload(client, body).status == 200
        # What was held is given back.
        assert upload(client, body).status == 200


def test_a_client_that_vanishes_leaves_no_trace(client: Client, place: Place) -> None:
    before = place.git("rev-parse", "HEAD")
    body = form(zipped(release_files("alpha", "1.0.0")))
    for cut in (10, len(body) // 2, len(body) - 3):
        with socket.create_connection(("127.0.0.1", client.port)) as stream:
            stream.sendall(
                b"POST /api/v1/libraries/install HTTP/1.1\r\nHost: localhost:%d\r\n"
                b"Content-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n"
                % (client.port, _BOUNDARY.encode(), len(body))
            )
            stream.sendall(body[:cut])
    assert install(client, "beta").status == 200
    assert place.git("rev-list", "--count", f"{before}..HEAD") == "1"


def test_twenty_simultaneous_uploads_of_one_version_are_one_commit(
    client: Client, place: Place
) -> None:
    before = place.git("rev-parse", "HEAD")
    body = form(zipped(release_files("alpha", "1.0.0")))
    replies: list[Reply] = []

    def send() -> None:
        replies.append(upload(client, body))

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers = [reply.json() for reply in replies]
    assert {reply.status for reply in replies} == {200}
    assert [answer.pop("changed") for answer in answers].count(True) == 1
    assert all(answer == answers[0] for answer in answers)
    assert place.git("rev-list", "--count", f"{before}..HEAD") == "1"


def test_premium_needs_a_key_and_none_is_believed_unverified(client: Client) -> None:
    body = zipped(release_files("gold", "1.0.0", is_premium=True, price=9.0))
    assert upload(client, form(body)).status == 402
    for reply in (
        upload(client, form(body, license_key="K")),
        upload(client, form(body), "?license_key=K"),
    ):
        assert reply.status == 403
        assert "licence_unverifiable" in reply.json()["detail"]


def test_with_tokens_a_change_needs_the_scope_and_is_recorded_for_it(place: Place) -> None:
    read, manage = (
        make_token(place.path, scope, name=f"{scope} bot") for scope in ("read", "manage")
    )
    body = form(zipped(release_files("alpha", "1.0.0")))
    with serving(place.path) as client:
        assert upload(client, body).status == 401
        assert upload(client, body, authorization=f"Bearer {read}").status == 403
        mine = f"Bearer {manage}"
        away = upload(client, body, authorization=mine, origin="https://evil.example")
        assert away.status == 403
        done = upload(client, body, authorization=mine, x_request_id="r-1")
        assert done.status == 200
        assert done.headers["x-request-id"] == "r-1"
    message = place.git("log", "-1", "--format=%B")
    assert "Operation: install" in message
    assert "Actor: token:manage bot" in message
    assert "Request-Id: r-1" in message


def test_pages_of_other_sites_and_proxies_change_nothing(client: Client) -> None:
    body = form(zipped(release_files("alpha", "1.0.0")))
    assert upload(client, body, origin="https://evil.example").status == 403
    assert upload(client, body, x_forwarded_for="10.0.0.1").status == 403
    assert upload(client, body, via="1.1 proxy").status == 403


def test_the_working_tree_follows(client: Client, place: Place) -> None:
    install(client, "alpha")
    until((place.path / "libraries/alpha/1.0.0/manifest.json").is_file)
    until(lambda: not place.git("status", "--porcelain"))


def test_a_writing_process_that_is_killed_is_started_anew(client: Client, place: Place) -> None:
    """And so is the one that checks uploads."""
    install(client, "alpha")
    workers = [
        child for child in processes_of(client) if b"registry.processes.worker" in command_of(child)
    ]
    assert len(workers) == 2
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    until(lambda: install(client, "beta").status == 200)
    assert client.get("/api/v1/steps/beta.file.copy").status == 200
    assert not place.git("fsck", "--strict")


def test_a_directory_packed_after_its_tests_ran_is_taken_and_what_is_left_out_is_said(
    client: Client,
) -> None:
    """USER-TRIAL A8: it was refused, and the answer named a file that did not matter."""
    files = release_files("packed", "1.0.0")
    left = {"packed/.DS_Store": b"x", "packed/executors/__pycache__/copy.cpython-311.pyc": b"x"}
    body = zipped({**{f"packed/{path}": data for path, data in files.items()}, **left})
    answer = upload(client, form(body)).json()
    assert (answer["name"], answer["changed"]) == ("packed", True)
    (warning,) = [text for text in answer["warnings"] if "left by a build" in text]
    assert warning.startswith("packed/executors/__pycache__: warning: ")
    assert upload(client, form(zipped(files))).json()["changed"] is False


def test_an_upload_of_two_libraries_says_where_they_are(client: Client) -> None:
    files = release_files("packed", "1.0.0")
    body = zipped({f"{top}/{path}": data for top in "ab" for path, data in files.items()})
    reply = upload(client, form(body))
    assert reply.status == 400
    assert "2 libraries here, in 'a', 'b'" in reply.json()["detail"]
