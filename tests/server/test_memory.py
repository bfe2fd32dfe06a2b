"""Memory stays flat while clients come and go: a state that is not served any more is freed."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from tests.server.changes.test_changes import change, install
from tests.server.following.test_events import listening
from tests.server.real_server import Client, making_place, serving, until

_CHANGES = 60
# Each time another one, so that it is made and not remembered.
_ASKED = (
    "/api/v1/steps?category=file&library=",
    "/api/v1/search?q=copy",
    "/api/v1/audit?limit=1",
    "/api/v1/libraries/alpha/versions/1.0.",
)
# The current one, one that is kept on the disk in the background, one that a request holds.
_STATES = 3


def _states(client: Client) -> int:
    found = re.search(r"^opsteps_states (\d+)", client.get("/metrics").body.decode(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def _ask_and_leave(client: Client, path: str) -> None:
    """Whoever asked is gone before the answer is there."""
    with socket.create_connection(("127.0.0.1", client.port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())


def test_states_are_freed_while_listeners_come_and_go(tmp_path: Path) -> None:
    """Each stream that was left once kept a whole state for ever."""
    with (
        making_place(tmp_path / "registry") as place,
        serving(place.path, "--no-catalogue", events_heartbeat_seconds=0.1) as client,
    ):
        install(client, "alpha")
        last = ""
        for number in range(_CHANGES):
            enabled = ("false", "true")[number % 2]
            # Some hear of the change and leave, some leave before it, some resume.
            with listening(client) as one, listening(client, last) as other:
                last = one.until("head")["id"]
                other.until("head")
                path = f"/api/v1/libraries/alpha/toggle?enabled={enabled}"
                assert change(client, "PUT", path).status == 200
                for asked in _ASKED:
                    _ask_and_leave(client, f"{asked}{number}")
                one.until("head")
            with listening(client, last) as third:
                third.until("head")
        until(lambda: _states(client) <= _STATES)
