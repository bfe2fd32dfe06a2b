"""The search for secrets finds them: in a log, in rows, in a core file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.server.leaks import refuse_leaks, secret
from tests.server.real_server import make_token, making_place, serving


def _token() -> str:
    """As `server.database.tokens` makes them; the same each time, as it is in names of tests."""
    return "opst_" + "aB3-_" * 8 + "xyz"


_PASSPHRASE = secret("a-passphrase-that-leaks-in-one-test")


@pytest.mark.parametrize(
    "line",
    [
        f'{{"authorization": "Bearer {_token()}"}}',
        '{"license_key": "osl1.eyJsaWJyYXJ5Ijoi.c2lnbmF0dXJl"}',
        f"the key cannot be read with {_PASSPHRASE}",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
    ],
    ids=["token", "licence", "passphrase", "key"],
)
def test_a_secret_in_a_log_is_found_and_not_shown(line: str) -> None:
    refuse_leaks(b'{"event": "request", "path": "/api/v1/steps"}\n')
    with pytest.raises(AssertionError, match="secrets are written down") as found:
        refuse_leaks(b"first line\n" + line.encode() + b"\nlast line\n")
    assert line not in str(found.value)


@pytest.mark.parametrize("name", ["opsteps.db", "opsteps.db-wal", "journal/x.json", "core.123"])
def test_a_secret_in_rows_or_a_core_file_is_found(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"\0\1\2 harmless")
    refuse_leaks(b"", tmp_path)
    file.write_bytes(b"\0\1\2" + _token().encode() + b"\0")
    with pytest.raises(AssertionError, match=name.rpartition("/")[2]):
        refuse_leaks(b"", tmp_path)


def test_a_server_that_wrote_a_token_into_a_row_fails_its_test(tmp_path: Path) -> None:
    with making_place(tmp_path / "registry") as place:
        token = make_token(place.path, "manage")
        server = serving(place.path)
        server.__enter__()
        rows = sqlite3.connect(place.path / ".git/opsteps/opsteps.db")
        rows.execute("UPDATE tokens SET created_by = ?", (token,))
        rows.commit()
        rows.close()
        with pytest.raises(AssertionError, match="secrets are written down"):
            server.__exit__(None, None, None)
