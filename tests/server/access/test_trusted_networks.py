"""Clients of networks that an operator named: several addresses of the loopback stand for them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from server.access.trusted_networks import TrustedClients
from server.errors import SettingsError
from server.settings import Settings
from tests.installed import command
from tests.opsconductor_libraries import library, zipped
from tests.server.changes.test_changes import _BOUNDARY, form
from tests.server.real_server import (
    PATIENCE_SECONDS,
    Client,
    Place,
    Reply,
    make_token,
    making_place,
    serving,
    until,
)

_TRUSTED, _STRANGER, _PROXY, _BEHIND = "127.0.0.2", "127.0.0.3", "127.0.0.9", "127.0.0.2"
_PAGE = "http://ops.example.com:3100"
_TOGGLE = "/api/v1/libraries/alpha/toggle?enabled=true"


def _ask(
    client: Client,
    method: str,
    path: str,
    source: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Reply:
    """A question from an address; headers that are given twice are separated by a newline."""
    connection = HTTPConnection(
        "127.0.0.1", client.port, timeout=PATIENCE_SECONDS, source_address=(source, 0)
    )
    given = {"Host": f"127.0.0.1:{client.port}", **(headers or {})}
    if body:
        given["Content-Length"] = str(len(body))
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, values in given.items():
            for value in values.split("\n"):
                connection.putheader(name, value)
        connection.endheaders(body or None)
        response = connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Reply(status=response.status, headers=fields, body=response.read())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with making_place(tmp_path_factory.mktemp("trusted") / "registry") as made:
        made.publish("alpha", "1.0.0")
        yield made.path


@contextmanager
def _open_server(path: Path) -> Iterator[Client]:
    """As in OpsConductor's docker-compose: every address, no token, a frontend of its own."""
    with serving(
        path,
        host="0.0.0.0",  # noqa: S104 - that is what is tested
        trusted_networks=f"{_TRUSTED}/32, 10.9.0.0/16",
        trusted_proxies=_PROXY,
        allowed_origins=_PAGE,
        allowed_hosts="ops.example.com",
        require_read_token=True,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def open_server(path: Path) -> Iterator[Client]:
    with _open_server(path) as running:
        yield running


def test_its_frontend_works_from_a_trusted_network_and_from_no_other(open_server: Client) -> None:
    headers = {"Origin": _PAGE, "Host": f"ops.example.com:{open_server.port}"}
    for method in ("POST", "PUT", "DELETE"):
        asked = {
            **headers,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "content-type",
        }
        before = _ask(open_server, "OPTIONS", "/api/v1/libraries/install", _TRUSTED, asked)
        assert before.status == 204
        assert before.headers["access-control-allow-origin"] == _PAGE
        assert method in before.headers["access-control-allow-methods"]
        assert "content-type" in before.headers["access-control-allow-headers"]
    upload = {**headers, "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    body = form(zipped(library("web-tools")))
    install = "/api/v1/step-libraries/api/v1/libraries/install"
    refused = _ask(open_server, "POST", install, _STRANGER, upload, body)
    assert refused.status == 403
    assert "trusted_networks" in refused.json()["detail"]
    assert refused.headers["access-control-allow-origin"] == _PAGE  # its page can show why
    done = _ask(open_server, "POST", install, _TRUSTED, upload, body)
    assert done.status == 200, done.body
    assert done.headers["access-control-allow-origin"] == _PAGE
    number = done.json()["library_id"]
    listed = _ask(open_server, "GET", "/api/v1/step-libraries/libraries", _TRUSTED, headers)
    assert "web-tools" in {one["name"] for one in listed.json()}
    toggle = f"/api/v1/libraries/{number}/toggle?enabled=false"
    assert _ask(open_server, "PUT", toggle, _TRUSTED, headers).json()["status"] == "disabled"
    gone = _ask(open_server, "DELETE", f"/api/v1/libraries/{number}", _TRUSTED, headers)
    assert gone.json()["status"] == "uninstalled"
    log = _ask(open_server, "GET", "/api/v1/audit", _TRUSTED).json()["entries"]
    assert {one["actor"] for one in log[:3]} == {f"trusted:{_TRUSTED}"}


def test_reads_follow_the_same_rule_where_they_need_a_token(open_server: Client) -> None:
    for path in ("/api/v1/steps", "/api/v1/steps/alpha.file.copy", "/", "/metrics"):
        assert _ask(open_server, "GET", path, _STRANGER).status == 401
        assert _ask(open_server, "GET", path, _TRUSTED).status in {200, 503}


@pytest.mark.parametrize(
    ("why", "headers"),
    [
        ("a page of another site", {"Origin": "http://evil.example"}),
        ("a sandboxed page", {"Origin": "null"}),
        ("an origin that looks alike", {"Origin": _PAGE + ".evil.example"}),
        ("a browser that names no origin", {"Sec-Fetch-Site": "cross-site"}),
        (
            "a name that leads here by rebinding",
            {"Host": "evil.example:{port}", "Origin": "http://evil.example:{port}"},
        ),
        ("the same without an origin", {"Host": "evil.example"}),
        ("a proxy that nobody named", {"X-Forwarded-For": "127.0.0.2"}),
        ("another that says only that it is one", {"Via": "1.1 proxy"}),
        ("one with a header of its own", {"X-Real-IP": "127.0.0.2"}),
        ("one with another", {"CF-Connecting-IP": "127.0.0.2"}),
        ("a token that is none", {"Authorization": "Bearer opst_nobody"}),
    ],
)
def test_from_a_trusted_network_refused_is(
    open_server: Client, why: str, headers: Mapping[str, str]
) -> None:
    given = {name: value.format(port=open_server.port) for name, value in headers.items()}
    reply = _ask(open_server, "PUT", _TOGGLE, _TRUSTED, given)
    assert reply.status in {401, 403, 421}, why
    assert reply.json()["detail"]


def test_what_no_other_site_can_send_is_taken(open_server: Client) -> None:
    own = f"127.0.0.1:{open_server.port}"
    for headers in ({}, {"Origin": f"http://{own}"}, {"Sec-Fetch-Site": "same-origin"}):
        assert _ask(open_server, "PUT", _TOGGLE, _TRUSTED, headers).status == 200
    localhost = {"Host": f"localhost:{open_server.port}"}
    assert _ask(open_server, "PUT", _TOGGLE, _TRUSTED, localhost).status == 200


@pytest.mark.parametrize(
    ("forwarded", "is_trusted"),
    [
        ("10.9.8.7", True),
        ("10.9.8.7, 127.0.0.9", True),
        ("8.8.8.8", False),
        ("10.9.8.7, 8.8.8.8", False),
        ("10.9.8.7\n8.8.8.8", False),
        ("8.8.8.8\n10.9.8.7", True),
        ("10.9.8.7, rubbish", False),
        ("127.0.0.9", False),
        ("::ffff:10.9.8.7", True),
        ("", False),
        (", " * 100 + "10.9.8.7", True),
    ],
)
def test_a_named_proxy_says_whom_it_heard_from_and_clients_cannot_add_to_it(
    open_server: Client, forwarded: str, *, is_trusted: bool
) -> None:
    reply = _ask(open_server, "PUT", _TOGGLE, _PROXY, {"X-Forwarded-For": forwarded})
    assert (reply.status == 200) is is_trusted


def test_a_named_proxy_that_says_nothing_gives_nothing(open_server: Client) -> None:
    assert _ask(open_server, "PUT", _TOGGLE, _PROXY).status == 403


def test_it_is_never_administration(open_server: Client) -> None:
    reply = _ask(open_server, "GET", "/api/v1/security-events", _TRUSTED)
    assert reply.status == 403
    assert "'admin'; trusted_networks gives only 'manage'" in reply.json()["detail"]


def test_health_says_so_and_does_not_name_the_networks(tmp_path: Path) -> None:
    """On a server that nobody has changed: a tree that is still to follow counts as edited."""
    with making_place(tmp_path / "registry") as made:
        made.publish("alpha", "1.0.0")
        with _open_server(made.path) as fresh:
            health = _ask(fresh, "GET", "/health", _STRANGER)
    assert "trusted_networks" in health.json()["warnings"][0]
    assert b"10.9" not in health.body
    assert health.json()["status"] == "healthy"


def test_with_tokens_both_ways_are_open(tmp_path: Path) -> None:
    with making_place(tmp_path / "registry") as made:
        made.publish("alpha", "1.0.0")
        token = make_token(made.path, "manage")
        with serving(made.path, trusted_networks="127.0.0.2") as client:
            assert _ask(client, "PUT", _TOGGLE, _TRUSTED).status == 200
            assert _ask(client, "PUT", _TOGGLE, _STRANGER).status == 401
            bearer = {"Authorization": f"Bearer {token}"}
            assert _ask(client, "PUT", _TOGGLE, _STRANGER, bearer).status == 200


def test_it_is_off_unless_it_is_set(standing_place: Place, client: Client) -> None:
    assert client.health()["warnings"] == []
    done = _start(standing_place.path, host="0.0.0.0")  # noqa: S104 - refused, which is the test
    assert done.returncode == 2
    assert "no token is configured" in done.stderr
    assert "trusted_networks" in done.stderr


@pytest.mark.parametrize(
    ("networks", "words"),
    [
        ("10.1.2.3/8", "has host bits set"),
        ("everybody", "does not appear to be"),
        ("0.0.0.0/0", "a good part of the Internet"),
        ("::/0", "a good part of the Internet"),
        ("10.0.0.0/8, 128.0.0.0/1", "a good part of the Internet"),
    ],
)
def test_a_network_that_is_none_or_everybody_stops_the_start(
    standing_place: Place, networks: str, words: str
) -> None:
    for name in ("trusted_networks", "trusted_proxies"):
        done = _start(standing_place.path, **{name: networks})
        assert done.returncode == 2
        assert words in done.stderr
        assert name in done.stderr


def test_the_start_warns_loudly(path: Path) -> None:
    running = subprocess.Popen(
        command("serve", "-r", path, "--port", "0", "--no-catalogue"),
        env=_environment(trusted_networks="10.9.0.0/16"),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with running:
        assert running.stderr is not None
        assert running.stdout is not None
        said = next(line for line in running.stderr if "WARNING" in line)
        running.terminate()
        assert "only callers on this machine" not in running.stdout.read()
    assert "10.9.0.0/16 may change libraries without a token" in said


def _environment(**settings: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OPSTEPS_")}
    return kept | {f"OPSTEPS_{name.upper()}": value for name, value in settings.items()}


def _start(path: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("serve", "-r", path, "--port", "0", "--no-catalogue"),
        env=_environment(**settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


def _scope(**more: Any) -> dict[str, Any]:
    return {"client": ("10.9.0.1", 5), "headers": [], "http_version": "1.1", **more}


@pytest.mark.parametrize(
    ("scope", "is_trusted"),
    [
        (_scope(), True),
        (_scope(http_version="1.0"), False),
        (_scope(client=("::ffff:10.9.0.1", 5)), True),
        (_scope(client=("fe80::1%eth0", 5)), False),
        (_scope(client=("fd00::1", 5)), True),
        (_scope(client=None), False),
        (_scope(client=("unix", 0)), False),
    ],
)
def test_an_address_is_what_the_connection_says(scope: dict[str, Any], *, is_trusted: bool) -> None:
    trusted = TrustedClients(Settings(trusted_networks=("10.9.0.0/16", "fd00::/64")))
    found = trusted.principal(scope, "127.0.0.1", 3011)
    assert (found is not None) is is_trusted
    assert trusted.principal(scope, "[::1]", 3011) == found
    assert trusted.principal(scope, None, 0) is None
    assert trusted.principal(scope, "*", 80) is None


def test_a_named_proxy_may_speak_http_1_0() -> None:
    """As nginx does unless it is told otherwise."""
    settings = Settings(trusted_networks=("10.9.0.0/16",), trusted_proxies=("10.1.0.9",))
    fields = [(b"x-forwarded-for", b"10.9.0.7"), (b"x-real-ip", b"10.9.0.7")]
    asked = _scope(client=("10.1.0.9", 5), headers=fields, http_version="1.0")
    found = TrustedClients(settings).principal(asked, "localhost", 80)
    assert found is not None
    assert found.name == "trusted:10.9.0.7"
    elsewhere = _scope(client=("10.9.0.7", 5), headers=fields)
    assert TrustedClients(settings).principal(elsewhere, "localhost", 80) is None


@pytest.mark.needs_nginx
def test_behind_a_real_nginx_the_clients_address_counts(path: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serving(
        path, trusted_networks=_TRUSTED, trusted_proxies=_PROXY, require_read_token=True
    ) as behind:
        config = f"""
daemon off; pid {tmp_path}/pid; error_log {tmp_path}/errors;
events {{}}
http {{
    access_log off;
    client_body_temp_path {tmp_path}/body; proxy_temp_path {tmp_path}/proxy;
    fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{behind.port};
            proxy_bind {_PROXY};
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
}}
"""
        (tmp_path / "nginx.conf").write_text(config, encoding="utf-8")
        proxy = subprocess.Popen(["nginx", "-c", tmp_path / "nginx.conf", "-e", tmp_path / "early"])
        front = Client(port=port, process=behind.process)
        try:
            until(lambda: _is_open(port))
            assert _ask(front, "PUT", _TOGGLE, _TRUSTED).status == 200
            assert _ask(front, "GET", "/api/v1/steps", _TRUSTED).status == 200
            forged = {"X-Forwarded-For": _TRUSTED, "X-Real-IP": _TRUSTED}
            for headers in ({}, forged):
                assert _ask(front, "PUT", _TOGGLE, _STRANGER, headers).status == 403
                assert _ask(front, "GET", "/api/v1/steps", _STRANGER, headers).status == 401
            # The proxy itself is nobody: not this machine either.
            assert _ask(behind, "PUT", _TOGGLE, _PROXY).status == 403
            assert _ask(behind, "PUT", _TOGGLE, "127.0.0.1").status == 200
        finally:
            proxy.terminate()
            proxy.wait(PATIENCE_SECONDS)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_any_host_is_no_named_host() -> None:
    trusted = TrustedClients(Settings(trusted_networks=("10.9.0.0/16",), allowed_hosts=("*", "a")))
    assert trusted.principal(_scope(), "evil.example", 3011) is None
    assert trusted.principal(_scope(), "a", 3011) is not None


def test_a_bad_network_is_an_error_of_the_settings() -> None:
    with pytest.raises(SettingsError, match="trusted_networks"):
        TrustedClients(Settings(trusted_networks=("10.9.0.0/33",)))
    assert not TrustedClients(Settings())
    assert json.dumps(TrustedClients(Settings()).warning) == '""'


def test_a_proxy_that_is_not_named_is_the_reason_that_is_told(path: Path) -> None:
    with serving(path, host="127.0.0.1", trusted_networks="10.9.0.0/16") as near:
        reply = _ask(near, "PUT", _TOGGLE, _STRANGER, {"X-Forwarded-For": "10.9.0.1"})
        assert reply.status == 403
    with serving(path, host="0.0.0.0", trusted_networks="10.9.0.0/16") as far:  # noqa: S104
        reply = _ask(far, "PUT", _TOGGLE, _STRANGER, {"X-Forwarded-For": "10.9.0.1"})
        assert reply.status == 403
        assert (
            f"a proxy ({_STRANGER}) that is not named in the setting trusted_proxies"
            in (reply.json()["detail"])
        )
