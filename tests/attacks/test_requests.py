"""Requests whose answers would be wrong, or grow without end."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from tests.server.real_server import making_place, release_files, serving

_BOUNDARY = "a-boundary-that-is-nowhere-else"


def test_a_limit_inside_a_zip_answers_413(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in release_files("beta", "1.0.0").items():
            archive.writestr(path, content)
        archive.writestr("docs/bomb.txt", bytes(4_000_000))
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    body = head.encode() + made.getvalue() + f"\r\n--{_BOUNDARY}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    with making_place(tmp_path / "registry") as place:
        place.publish("alpha", "1.0.0")
        with serving(place.path) as client:
            answer = client.ask("POST", "/api/v1/libraries/install", kind, body)
    assert (answer.status, "limit-compression" in answer.json()["detail"]) == (413, True)


def test_a_version_that_is_named_many_times_is_removed_once(tmp_path: Path) -> None:
    query = "&".join(["version=1.0.0"] * 200)
    with making_place(tmp_path / "registry") as place:
        place.publish("alpha", "1.0.0")
        place.publish("alpha", "1.1.0")
        with serving(place.path) as client:
            answer = client.ask("DELETE", f"/api/v1/libraries/alpha?{query}")
    assert (answer.status, answer.json()["removed"]) == (200, ["1.0.0"])
    assert answer.json()["version"] == "1.0.0"
