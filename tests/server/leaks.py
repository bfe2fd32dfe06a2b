"""What must be in no log, row or core file of a server: the secrets that tests use.

Each server that `tests.server.real_server.serving` starts is searched when it has ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlalchemy import select

from server.database.engine import Database, database_url
from server.database.errors import DatabaseError
from server.database.tables import metadata

_SECRETS: set[bytes] = set()
# Tokens and licence keys have a form of their own: also one that no test named is found.
_FORMS = re.compile(
    rb"opst_[A-Za-z0-9_-]{20,}|osl1\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+|-----BEGIN [A-Z ]*PRIVATE KEY"
)
_ROWS = ("*.db", "*.db-wal", "*.json")
_LARGEST = 64 * 1024 * 1024


def secret(text: str) -> str:
    """The same text, which from now on must be in nothing that a server leaves."""
    _SECRETS.add(text.encode())
    return text


def refuse_leaks(log: bytes, *places: Path) -> None:
    """Fail when a secret is in a log, or in a file of rows or memory at one of these places."""
    found = [f"the log: {_shown(log, at)}" for at in _leaks(log)]
    for file in _files(places):
        content = file.read_bytes()
        found += [f"{file}: {_shown(content, at)}" for at in _leaks(content)]
    assert not found, f"secrets are written down: {found[:3]}"


def rows_of(url: str) -> bytes:
    """All rows of a database that is no file beside the registry; nothing of one that is away."""
    if not url:
        return b""
    try:
        with Database(database_url(url, Path())) as database, database.transaction() as connection:
            tables = metadata.sorted_tables
            return repr([list(connection.execute(select(one))) for one in tables]).encode()
    except DatabaseError:
        return b""


def _leaks(content: bytes) -> Iterator[int]:
    yield from (match.start() for match in _FORMS.finditer(content))
    yield from (content.index(one) for one in _SECRETS if one in content)


def _shown(content: bytes, at: int) -> str:
    """What stands before it: a failure need not write it down again."""
    return content[max(0, at - 120) : at + 6].decode(errors="replace")


def _files(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        for pattern in _ROWS:
            yield from _small(place.glob(pattern))
            yield from _small(place.glob(f"journal/{pattern}"))
        yield from _small((*place.glob("core"), *place.glob("core.*")))


def _small(files: Iterable[Path]) -> Iterator[Path]:
    yield from (one for one in files if one.is_file() and one.stat().st_size <= _LARGEST)
