from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from server.access.hosts import is_loopback, split_host
from server.errors import SettingsError
from server.readmodel.long_lists import accepts
from server.settings import Settings
from server.settings_reading import settings_from, settings_table
from tests.installed import OPSTEPS
from tests.server.real_server import ROOT, Client, Place, serving, until

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what a start without tokens is refused for


def _serve(place: Place, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if "OPSTEPS_" not in key}
    environment |= {f"OPSTEPS_{name.upper()}": value for name, value in settings.items()}
    command = [str(OPSTEPS), "serve", "--registry", str(place.path)]
    return subprocess.run(
        [*command, *options], env=environment, capture_output=True, text=True, check=False
    )


def test_settings_come_from_the_environment_and_the_command_line_wins() -> None:
    environment = {
        "OPSTEPS_PORT": "4000",
        "OPSTEPS_HOST": "::1",
        "OPSTEPS_REQUIRE_READ_TOKEN": "yes",
        "OPSTEPS_ALLOWED_HOSTS": "a.example, b.example",
        "OPSTEPS_POLL_SECONDS": "0.5",
    }
    settings = settings_from(environment, port=5000, host=None)
    assert (settings.port, settings.host) == (5000, "::1")
    assert settings.require_read_token
    assert settings.allowed_hosts == ("a.example", "b.example")
    assert settings.poll_seconds == 0.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "x"),
        ("port", "70000"),
        ("poll_seconds", "-1"),
        ("poll_seconds", "nan"),
        ("workers", "0"),
        ("workers", "9999"),
        ("require_read_token", "perhaps"),
        ("list_limit", "1.5"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_from({f"OPSTEPS_{name.upper()}": value})
    assert name in str(caught.value).lower()


def test_the_operators_page_lists_every_setting() -> None:
    page = (ROOT / "docs/operators.md").read_text(encoding="utf-8")
    assert settings_table() in page, (
        "paste server.settings_reading.settings_table() into docs/operators.md"
    )


@pytest.mark.parametrize(
    ("options", "settings", "code", "said"),
    [
        (["--host", EVERYWHERE], {}, 2, "no token is configured"),
        ([], {"require_read_token": "1"}, 2, "no token is configured"),
        ([], {"port": "many"}, 2, "OPSTEPS_PORT"),
        (["--log-level", "loud"], {}, 2, "log level"),
        (["--host", "192.0.2.1"], {}, 23, "Choose an address of this machine with --host"),
        (["--host", "nosuch.invalid"], {}, 23, "Choose an address of this machine with --host"),
        (["--host", "a..b"], {}, 23, "cannot listen on a..b port 0: not a name or an address"),
    ],
)
def test_an_unsafe_or_impossible_start_is_refused(
    place: Place, options: list[str], settings: dict[str, str], code: int, said: str
) -> None:
    done = _serve(place, "--port", "0", *options, "--no-catalogue", **settings)
    assert done.returncode == code
    assert said in done.stderr


def test_a_port_in_use_is_one_clear_line(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = _serve(place, "--port", str(taken.getsockname()[1]), "--no-catalogue")
    assert done.returncode == 23
    assert "cannot listen" in done.stderr
    assert "--port" in done.stderr


def test_a_directory_that_is_no_registry_is_said(tmp_path: Path) -> None:
    place = Place(path=tmp_path, registry=None)  # type: ignore[arg-type]  # there is none
    done = _serve(place, "--port", "0")
    assert done.returncode == 3
    assert "opsteps init" in done.stderr


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "secret nonsense", "sqlite://"])
def test_a_bad_database_url_is_refused_at_the_start(place: Place, url: str) -> None:
    done = _serve(place, "--port", "0", database_url=url)
    assert done.returncode == 2
    assert "the database's URL cannot be used" in done.stderr
    assert "secret" not in done.stderr


def test_both_signals_stop_the_server_cleanly(place: Place) -> None:
    with serving(place.path) as client:  # ends with SIGTERM and expects 0
        client.process.send_signal(signal.SIGINT)
        client.process.wait(30)
        assert client.process.returncode == 0


def test_filtered_lists_are_kept_up_to_their_limits(place: Place) -> None:
    def kept(client: Client) -> int:
        for name in ("file", "network", "flow"):
            client.get(f"/api/v1/steps?category={name}")
        usage = client.get("/api/v1/analytics/usage").json()
        return int(usage["cache_stats"]["filtered_lists"])

    with serving(place.path, filtered_lists=2) as client:
        assert kept(client) == 2
    with serving(place.path, filtered_list_bytes=10) as client:
        assert kept(client) == 0


def test_the_list_limit_is_the_settings(place: Place) -> None:
    with serving(place.path, list_limit=2) as client:
        assert len(client.get("/api/v1/steps?limit=2").json()["steps"]) == 2
        assert client.get("/api/v1/steps?limit=3").status == 422


def test_a_large_list_is_not_kept_as_brotli(place: Place) -> None:
    with serving(place.path, compression_min_bytes=1, brotli_max_bytes=1) as client:
        path = "/api/v1/steps"
        until(lambda: "content-encoding" in client.get(path, Accept_Encoding="gzip, br").headers)
        both = client.get(path, Accept_Encoding="br, gzip")
        assert both.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        (b"gzip", True),
        (b"br;q=1, gzip;q=0.1", True),
        (b"GZIP", False),
        (b"xgzip", False),
        (b"gzip; q=0", False),
        (b"gzip;q=0.000", False),
        (b"", False),
    ],
)
def test_accept_encoding(header: bytes, takes: object) -> None:
    assert accepts(header, b"gzip") is takes


@pytest.mark.parametrize(
    ("host", "parts"),
    [
        (b"localhost", ("localhost", 80)),
        (b"[::1]:3011", ("[::1]", 3011)),
        (b"[::1]", ("[::1]", 80)),
        (b"a:b", (None, 0)),
        (b"a:123456", (None, 0)),
        (b"\xff", (None, 0)),
        (None, (None, 0)),
    ],
)
def test_host_headers_are_split(host: bytes | None, parts: tuple[str | None, int]) -> None:
    assert split_host(host) == parts


def test_what_is_loopback() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"]))
    assert not any(map(is_loopback, [EVERYWHERE, "::", "10.0.0.1", "localhost.evil", ""]))
    assert Settings().host == "127.0.0.1"
