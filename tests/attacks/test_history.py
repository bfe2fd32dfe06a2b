"""Questions about a long history: each walks a part of it, and few wait for their turn."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.server.real_server import Client, Place, making_place, serving

_COMMITS = 4_000
_WALK = 500


def _lengthen(place: Place) -> None:
    """Thousands of commits that change nothing."""
    head = place.git("rev-parse", "HEAD")
    who = f"Eve <eve@example.com> {int(time.time())} +0000"
    stream = "".join(
        f"commit refs/heads/main\ncommitter {who}\ndata 2\nx\n"
        + (f"from {head}\n" if number == 0 else "")
        for number in range(_COMMITS)
    )
    subprocess.run(
        ["git", "-C", str(place.path), "fast-import", "--quiet"],
        input=stream.encode(),
        check=True,
    )


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with making_place(tmp_path_factory.mktemp("long") / "registry") as place:
        place.publish("alpha", "1.0.0")
        _lengthen(place)
        with serving(place.path, "--no-catalogue", audit_commits=_WALK, reading_queue=4) as running:
            yield running


def _pages(client: Client, query: str) -> Iterator[Any]:
    cursor = ""
    while cursor is not None:
        page = client.get(f"/api/v1/audit?{query}{cursor and f'&cursor={cursor}'}")
        assert page.status == 200, page.body
        yield page.json()
        cursor = page.json()["next_cursor"]


def test_a_question_that_nothing_matches_walks_a_part_and_goes_on_from_there(
    client: Client,
) -> None:
    pages = list(_pages(client, "actor=nobody"))
    assert all(page["entries"] == [] for page in pages)
    assert len(pages) >= _COMMITS / _WALK


def test_pages_hold_every_commit_once_and_those_of_a_library(client: Client) -> None:
    found = [one["commit"] for page in _pages(client, "limit=900") for one in page["entries"]]
    assert len(found) == len(set(found)) > _COMMITS
    found = [
        one["operation"] for page in _pages(client, "library=alpha") for one in page["entries"]
    ]
    assert set(found) == {"release", "add"}


def test_many_such_questions_are_refused_and_nobody_else_waits(client: Client) -> None:
    with ThreadPoolExecutor(24) as threads:
        asked = [threads.submit(client.get, "/api/v1/audit?actor=nobody") for _ in range(48)]
        changed = client.ask("PUT", "/api/v1/libraries/alpha/toggle?enabled=true")
        assert changed.status == 200
        assert client.get("/api/v1/steps/alpha.file.copy").status == 200
        replies = [one.result() for one in asked]
    assert {one.status for one in replies} == {200, 503}
    assert all(one.headers["retry-after"] for one in replies if one.status == 503)
