"""A server over a registry that somebody tampers with: it says so, running and started again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from registry.errors import DamagedRepositoryError, NotFoundError
from registry.snapshots.registry import Registry
from registry.transactions.transaction import follow_head
from registry.versions import parse_version
from server.app import Server
from server.readmodel.writer import ReadModel
from server.settings import Settings
from tests.attacks.tampering import NO_EFFECT, NOT_SERVED, YES, Tampering, tamperings
from tests.registry.making import EXECUTOR, git
from tests.registry.verifying.scene import TOOLS, Keys, Scene, make_scene
from tests.server.real_server import read_model_in, until

_QUICK = Settings(
    poll_seconds=0.005, settle_seconds=0.0, tags_check_seconds=0.01, upstream_check_seconds=0
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    scene = make_scene(tmp_path_factory.mktemp("scene") / "registry", Keys())
    follow_head(scene.registry)  # else servers do, and hold Git's index while people commit
    # The look for edited files takes Git's index for a moment, which an attacker's Git would meet.
    git(scene.path, "config", "diff.autoRefreshIndex", "false")
    yield scene
    scene.registry.close()


@contextmanager
def served(path: Path) -> Iterator[Server]:
    """The whole server but for its socket, once it has judged what it serves."""
    with TemporaryDirectory() as directory:
        yield from _served(path, read_model_in(Path(directory)))


def _served(path: Path, model: ReadModel) -> Iterator[Server]:
    server = Server(Registry.open(path, check_clone=False), _QUICK, builds=False, model=model)
    server.start()
    try:
        follower = server.follower
        until(lambda: follower.current is not None and (follower.judging.count or follower.problem))
        yield server
    finally:
        server.stop(1.0)


def said(server: Server) -> Any:
    health: Any = server.health.fields()
    return [*health["alarms"], health["problem"], health["clone"]["problem"]]


def judged_again(server: Server) -> None:
    before = server.follower.judging.count
    server.follower.judging.look_at_all_tags()
    server.follower.reload(30.0)
    until(lambda: server.follower.judging.count > before)


def release_files(server: Server) -> dict[str, bytes] | None:
    """The files of an older release, as whoever wants them gets them; None for who gets none."""
    snapshot = server.follower.snapshot
    assert snapshot is not None
    try:
        files = snapshot.files(TOOLS, parse_version("1.0.0"))
    except (NotFoundError, DamagedRepositoryError):
        return None
    return files if files.get("executors/copy.py") == EXECUTOR else None


@pytest.mark.parametrize("row", tamperings(), ids=lambda row: row.name)
def test_a_server_notices(row: Tampering, made: Scene, tmp_path: Path) -> None:
    scene = made.copy(tmp_path / "registry")
    try:
        with served(scene.path) as server:
            assert not any(said(server))
            row.tamper(scene)
            if row.serve == YES:
                until(lambda: any(said(server)), 5)
            else:
                judged_again(server)
                assert row.serve in (NO_EFFECT, NOT_SERVED)
                assert not any(said(server))
                refused = row.serve == NOT_SERVED
                assert (release_files(server) is None) is refused
        with served(scene.path) as server:
            assert any(said(server)) is (row.serve == YES), said(server)
            assert server.follower.current is not None
            assert TOOLS in server.follower.current.libraries
    finally:
        scene.registry.close()
