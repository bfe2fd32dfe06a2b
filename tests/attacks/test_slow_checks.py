"""An upload that takes long to be checked is ended, and nobody else waits for it."""

from __future__ import annotations

import io
import os
import threading
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.server.real_server import (
    Client,
    Reply,
    as_json,
    making_place,
    release_files,
    serving,
    step,
)

_BOUNDARY = "a-boundary-that-is-nowhere-else"


def _upload(client: Client, files: Mapping[str, bytes]) -> Reply:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    body = head.encode() + made.getvalue() + f"\r\n--{_BOUNDARY}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    return client.ask("POST", "/api/v1/libraries/install", kind, body)


def _slow(name: str) -> dict[str, bytes]:
    """A library that takes minutes: each step has as many unknown fields as fit."""
    steps = [step(f"s{number}.do") for number in range(80)]
    keys = {f"k{number:05}": 1 for number in range(35_000)}
    large = {f"steps/s{n}_do.json": as_json({**one, **keys}) for n, one in enumerate(steps)}
    return {**release_files(name, "1.0.0", steps), **large}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Path]:
    with making_place(tmp_path / "registry") as made:
        made.publish("alpha", "1.0.0")
        yield made.path


def test_a_check_that_takes_too_long_is_ended_and_changes_go_on(served: Path) -> None:
    with serving(served, check_seconds=8) as client:
        answers: list[Reply] = []
        uploading = threading.Thread(target=lambda: answers.append(_upload(client, _slow("slow"))))
        uploading.start()
        for is_enabled in ("false", "true", "false", "true"):
            done = client.ask("PUT", f"/api/v1/libraries/alpha/toggle?enabled={is_enabled}")
            assert done.status == 200, done.body
        assert uploading.is_alive(), "changes waited for the check"
        uploading.join()
        (answer,) = answers
        assert answer.status == 422
        assert "could not be checked in 8 s" in answer.json()["detail"]
        assert _upload(client, release_files("beta", "1.0.0")).status == 200


def test_a_check_that_takes_too_much_memory_is_refused(served: Path) -> None:
    large = {f"docs/{number}.txt": os.urandom(4_500_000) for number in range(10)}
    with serving(served, check_bytes=250_000_000) as client:
        answer = _upload(client, {**release_files("large", "1.0.0"), **large})
        assert answer.status in {413, 422}, answer.body
        assert _upload(client, release_files("beta", "1.0.0")).status == 200
