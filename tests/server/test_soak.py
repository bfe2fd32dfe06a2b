"""Hours of use in a minute: installs while clients of events come and go, searches and builds."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.server.changes.test_changes import install
from tests.server.following.test_events import listening
from tests.server.real_server import Client, keeper_of, making_place, serving, until

# `make soak` asks for 2,000.
_INSTALLS = int(os.environ.get("OPSTEPS_TEST_INSTALLS", "100"))
_WARM = 60
"""Installs until every part of the server has been used and holds what it will hold."""
_LIBRARIES = 20
_BYTES_AN_INSTALL = 2_000
_ALLOCATOR_BYTES = 2 << 20
"""What an allocator may keep at one time and not at another; a leak of 15 kB an install shows."""


def _resident(client: Client) -> int:
    """Resident memory of the server's keeper, bytes."""
    status = Path(f"/proc/{keeper_of(client)}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) << 10


def _is_idle(client: Client) -> bool:
    health = client.health()
    states = re.search(r"^opsteps_states (\d+)", client.get("/metrics").body.decode(), re.MULTILINE)
    return bool(health["catalogue"]["commit"] == health["commit"] and states and states[1] == "1")


def _resident_when_idle(client: Client) -> int:
    until(lambda: _is_idle(client), 60)
    return _resident(client)


def _freshly_started(path: Path) -> int:
    """What the data alone costs a server that has done nothing yet."""
    with serving(path) as client:
        client.get("/api/v1/search?q=copy")
        return _resident_when_idle(client)


def _use(client: Client, number: int) -> None:
    """A client of events hears of an install or leaves before it; others search and look up."""
    name = f"lib-{number % _LIBRARIES}"
    with listening(client) as one:
        assert install(client, name, f"1.{number // _LIBRARIES}.0").status == 200
        if number % 2:
            one.until("head")
    client.get(f"/api/v1/search?q=copy{number % 7}")
    client.get(f"/api/v1/steps?category=file&library=lib-{number}")


@pytest.mark.timeout(0 if "OPSTEPS_TEST_INSTALLS" in os.environ else 300)
def test_memory_grows_with_the_data_and_nothing_else(tmp_path: Path) -> None:
    with making_place(tmp_path / "registry") as place:
        with serving(place.path) as client:
            for number in range(_WARM):
                _use(client, number)
            warm = _resident_when_idle(client)
            shutil.copytree(place.path, tmp_path / "earlier")
            for number in range(_WARM, _WARM + _INSTALLS):
                _use(client, number)
            grown = _resident_when_idle(client) - warm
        data = _freshly_started(place.path) - _freshly_started(tmp_path / "earlier")
    beyond = grown - max(data, 0)
    assert beyond <= _BYTES_AN_INSTALL * _INSTALLS + _ALLOCATOR_BYTES, (grown, data)
