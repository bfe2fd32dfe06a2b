"""Harm to the files of a read model while its server runs: nobody is served what is over."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from server.readmodel import model_files, model_layout
from tests.server.places import own_mounts
from tests.server.real_server import Client, Place, make_token, revoke, serving, until, workers_of

_STEP = "/api/v1/steps/alpha.file.copy"
_SMALL = 'mount -t tmpfs -o size=8m none "$0" && exec "$@"'
_SOON = 10.0
"""Seconds: a token is remembered for five, and a worker looks a little later."""


def _files(cache: Path, pattern: str) -> list[Path]:
    return list(cache.glob(f"**/readmodel-*/{pattern}"))


def _fill(file: int) -> None:
    """Write until there is no room."""
    try:
        while True:
            os.write(file, b"x" * 4096)
    except OSError as error:
        assert error.errno == errno.ENOSPC  # noqa: PT017 - it is written to until that


def _replace_worker(client: Client) -> None:
    before = workers_of(client)
    for one in before:
        os.kill(one, signal.SIGKILL)
    until(lambda: workers_of(client) and not set(workers_of(client)) & set(before))
    until(lambda: client.get("/health").status == 200)


@contextmanager
def _guarded(place: Place, cache: Path, before: Sequence[str] = ()) -> Iterator[Client]:
    """A server whose lookups need a token; the one named "leaver" may be revoked."""
    make_token(place.path, "execute", name="stays")
    token = make_token(place.path, "execute", name="leaver")
    with serving(
        place.path, token=token, before=before, cache=cache, require_read_token=True
    ) as client:
        until(lambda: client.get(_STEP).status == 200)
        yield client


def test_a_worker_without_the_file_of_locks_does_not_stay_at_an_old_state(
    place: Place, tmp_path: Path
) -> None:
    """It made one of its own, saw no change any more, and the keeper saw no reader."""
    with serving(place.path, cache=tmp_path / "cache") as client:
        for file in _files(tmp_path / "cache", "*.mdb-lock"):
            file.unlink()
        _replace_worker(client)
        client.until_served(place.operator_says("alpha", "enabled: false\n"))
        assert client.get(_STEP).status == 404
        until(lambda: _files(tmp_path / "cache", "*.mdb-lock"))


def test_a_token_is_refused_that_was_revoked_while_the_file_of_locks_was_gone(
    place: Place, tmp_path: Path
) -> None:
    with _guarded(place, tmp_path / "cache") as client:
        for file in _files(tmp_path / "cache", "*.mdb-lock"):
            file.unlink()
        _replace_worker(client)
        revoke(place.path, "leaver")
        until(lambda: client.get(_STEP).status == 401, _SOON)


@pytest.mark.parametrize("has_room_elsewhere", [True, False])
def test_a_token_is_refused_that_was_revoked_while_the_cache_disk_was_full(
    place: Place, tmp_path: Path, has_room_elsewhere: bool
) -> None:
    """Workers kept the list of tokens before it as long as the disk was full."""
    cache = tmp_path / "cache"
    cache.mkdir()
    before = [*own_mounts(), _SMALL, str(cache)]
    if not has_room_elsewhere:
        before = ["env", f"TMPDIR={cache}", *before]
    with _guarded(place, cache, before) as client:
        filler = os.open(f"/proc/{client.process.pid}/root{cache}/filler", os.O_WRONLY | os.O_CREAT)
        _fill(filler)
        stays = make_token(place.path, "execute", name="new")
        revoke(place.path, "leaver")
        until(lambda: client.get(_STEP).status == 401, _SOON)
        assert client.get(_STEP, Authorization=f"Bearer {stays}").status == 200
        os.ftruncate(filler, 0)
        os.close(filler)


def test_a_worker_that_cannot_open_the_new_file_does_not_stay_at_the_old_one(
    place: Place, tmp_path: Path
) -> None:
    with serving(place.path, cache=tmp_path / "cache") as client:
        (worker,) = workers_of(client)
        connection = HTTPConnection("127.0.0.1", client.port, timeout=30)

        def asked() -> int:
            connection.request("GET", _STEP)
            reply = connection.getresponse()
            reply.read()
            return reply.status

        assert asked() == 200
        limits = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (3, limits[1]))
        for file in _files(tmp_path / "cache", "current"):
            file.unlink()  # the next change makes another file
        place.operator_says("alpha", "enabled: false\n")
        until(lambda: asked() in {404, 503}, _SOON)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, limits)
        until(lambda: asked() == 404)
        connection.close()


def test_a_file_that_says_it_was_replaced_by_itself_is_not_followed_for_ever(
    place: Place, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    with serving(place.path, cache=cache) as client:
        (current,) = _files(cache, "current")
        before = current.read_text()
        os.link(current.parent / before, tmp_path / "kept")
        os.link(current.parent / f"{before}-lock", tmp_path / "kept-lock")
        assert client.ask("POST", "/api/v1/cache/clear").status == 200
        until(lambda: current.read_text() != before)
        os.link(tmp_path / "kept", current.parent / before)
        os.link(tmp_path / "kept-lock", current.parent / f"{before}-lock")
        current.write_text(before)
        _replace_worker(client)
        assert client.get(_STEP).status == 200
        client.until_served(place.operator_says("alpha", "enabled: false\n"))
        assert client.get(_STEP).status == 404


def test_a_server_goes_on_whose_file_was_truncated(place: Place, tmp_path: Path) -> None:
    """A worker ends that reads what is missing; those after it must not."""
    with serving(place.path, cache=tmp_path / "cache") as client:
        (file,) = _files(tmp_path / "cache", "*.mdb")
        os.truncate(file, 8192)
        until(lambda: not file.exists())  # there is another one
        until(lambda: client.get(_STEP).status == 200)
        until(lambda: client.health()["status"] == "healthy")
        before = workers_of(client)
        assert {client.get(_STEP).status for _ in range(20)} == {200}
        assert workers_of(client) == before


def test_a_list_with_a_missing_piece_is_answered_by_the_keeper(
    place: Place, tmp_path: Path
) -> None:
    """The piece was missed after the head of the answer had been sent, each time again."""
    cache = tmp_path / "cache"
    with serving(place.path, cache=cache) as client:
        whole = client.get("/api/v1/steps").body
        (file,) = _files(cache, "*.mdb")
        with (
            model_files.open_to_write(file.parent, file.name) as env,
            env.begin(write=True) as txn,
            txn.cursor() as cursor,
        ):
            assert cursor.set_range(model_layout.piece_key(b""))
            while bytes(cursor.key()).startswith(model_layout.piece_key(b"")):
                cursor.delete()
        assert client.get("/api/v1/steps").body == whole
        until(lambda: _files(cache, "*.mdb") not in ([], [file]) and _files(cache, "current"))
        assert client.get("/api/v1/steps").body == whole


@pytest.mark.parametrize("harm", ["directory gone", "file in its place", "cache gone"])
def test_changes_are_served_after_the_directory_of_the_read_model_went(
    place: Place, tmp_path: Path, harm: str
) -> None:
    """They were acknowledged, and lookups kept the old state for ever."""
    cache = tmp_path / "cache"
    with serving(place.path, cache=cache) as client:
        (directory,) = _files(cache, "")
        shutil.rmtree(cache if harm == "cache gone" else directory)
        if harm == "file in its place":
            directory.write_bytes(b"")
        client.until_served(place.operator_says("alpha", "enabled: false\n"))
        assert client.get(_STEP).status == 404
        client.until_served(place.operator_says("alpha", "enabled: true\n"))
        assert client.get(_STEP).status == 200
        until(lambda: client.health()["status"] == "healthy", _SOON)


def test_changes_are_served_after_the_file_of_locks_was_damaged(
    place: Place, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    with serving(place.path, cache=cache) as client:
        for file in _files(cache, "*.mdb-lock"):
            with file.open("r+b") as locks:
                locks.write(os.urandom(192))
        client.until_served(place.operator_says("alpha", "enabled: false\n"))
        until(lambda: client.get(_STEP).status == 404, _SOON)
        client.until_served(place.operator_says("alpha", "enabled: true\n"))
        until(lambda: client.get(_STEP).status == 200, _SOON)
