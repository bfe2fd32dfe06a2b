"""Settings that make no sense, and variables that are mistyped, are told at the start."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from server.errors import SettingsError
from server.settings import Settings
from server.settings_reading import NOT_SETTINGS, mistyped, settings_from
from server.worker.program import shared
from tests.installed import OPSTEPS
from tests.server.real_server import ROOT, Place

_VARIABLE = re.compile(r"\bOPSTEPS_[A-Z][A-Z_]*\b")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("poll_seconds", "1e9", "from 0.001 to 3600"),
        ("poll_seconds", "0", "from 0.001 to 3600"),
        ("remote_poll_seconds", "1e9", "from 0.001 to 86400"),
        ("stop_seconds", "1e18", "from 0 to 31622400"),
        ("security_days", "1e9", "from 0 to 36600"),
        ("settle_seconds", "inf", "from 0 to"),
        ("settle_seconds", "nan", "from 0 to"),
        ("list_limit", "-1", "that is not negative"),
        ("write_threads", "0", "of 1 or more"),
        ("connections", "0", "of 1 or more"),
        ("workers", "65", "from 1 to 64"),
        ("keeper_silence_seconds", "0.5", "from 3 to 31622400"),
        ("head_bytes", "0", "of 512 or more"),
        ("path_bytes", "0", "of 64 or more"),
    ],
)
def test_a_number_out_of_bounds_is_refused_with_the_bounds(
    name: str, value: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=f"the setting {name} is") as caught:
        settings_from({f"OPSTEPS_{name.upper()}": value})
    assert said in caught.value.next_step


def test_each_worker_needs_a_connection() -> None:
    with pytest.raises(SettingsError, match="connections is 1, for 2 workers"):
        Settings(connections=1, workers=2)
    for workers in (1, 2, 7):
        assert shared(Settings(connections=workers, workers=workers)).connections == 1


@pytest.mark.parametrize(
    ("origin", "meant"),
    [
        ("ops.example.com", "https://ops.example.com"),
        ("ops.example.com:8080", "https://ops.example.com:8080"),
        ("https://ops.example.com/", "https://ops.example.com"),
        ("https://ops.example.com/app?x=1", "https://ops.example.com"),
        ("HTTPS://Ops.Example.com", "https://ops.example.com"),
        ("https://ops.example.com:443", "https://ops.example.com"),
        ("http://localhost:80", "http://localhost"),
        ("*", ""),
        ("null", "https://null"),
        ("https://*.example.com", ""),
        ("https://", ""),
        ("https://[::1", ""),
        ("https://ada@example.com", ""),
    ],
)
def test_what_is_not_an_origin_is_refused(origin: str, meant: str) -> None:
    with pytest.raises(SettingsError, match="which is not an origin") as caught:
        Settings(allowed_origins=("https://good.example.com", origin))
    hint = f"is it {meant!r}?" if meant else "'https://ops.example.com'"
    assert caught.value.next_step.endswith(hint)


@pytest.mark.parametrize(
    "origin",
    ["https://a.example", "http://localhost:3000", "http://[::1]:3000", "app://obsidian.md"],
)
def test_origins_as_browsers_send_them_are_taken(origin: str) -> None:
    assert Settings(allowed_origins=(origin,)).allowed_origins == (origin,)


def test_a_mistyped_variable_is_told_with_what_was_meant() -> None:
    environment = {
        "OPSTEPS_WORKER": "2",
        "OPSTEPS_LOGLEVEL": "debug",
        "OPSTEPS_QQ\x1b": "",
        "OPSTEPS_PORT": "1",
        "OPSTEPS_UPSTREAM_PRIVATE_ONE_TOKEN": "x",
        "OPSTEPS_REGISTRY": "x",
        "_OPSTEPS_COMPLETE": "x",
        "PATH": "x",
    }
    assert mistyped(environment) == [
        "OPSTEPS_LOGLEVEL is not a setting; did you mean OPSTEPS_LOG_LEVEL?",
        "OPSTEPS_QQ\\x1b is not a setting",
        "OPSTEPS_WORKER is not a setting; did you mean OPSTEPS_WORKERS?",
    ]


def test_every_variable_that_is_read_or_documented_is_known() -> None:
    pages = [*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    code = [path for room in ("registry", "builder", "server") for path in _code(ROOT / room)]
    settings = {f"OPSTEPS_{one.name.upper()}" for one in fields(Settings)}
    named = {
        name
        for path in (*pages, *code, ROOT / "opsteps.py", ROOT / "Makefile")
        for name in _VARIABLE.findall(path.read_text(encoding="utf-8"))
    }
    assert len(named) > len(settings)
    assert not {name for name in named if mistyped({name: "x"})}
    assert not settings & NOT_SETTINGS


def _code(room: Path) -> list[Path]:
    return [path for path in room.rglob("*") if path.suffix in {".py", ".yml", ".md"}]


def test_a_start_warns_of_mistyped_variables_and_goes_on(place: Place) -> None:
    environment = {key: value for key, value in os.environ.items() if "OPSTEPS_" not in key}
    environment |= {"OPSTEPS_WORKER": "2", "OPSTEPS_BRANCH": "nope"}
    done = subprocess.run(
        [str(OPSTEPS), "serve", "--registry", str(place.path), "--port", "0"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "WARNING: OPSTEPS_WORKER is not a setting; did you mean OPSTEPS_WORKERS?" in done.stderr
    assert done.returncode == 2
    assert "there is no branch 'nope' (the setting branch)" in done.stderr
    assert "Name one that is there: main" in done.stderr
