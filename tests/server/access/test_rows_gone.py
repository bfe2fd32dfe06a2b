"""Rows that are gone, replaced or damaged open nothing: lookups go on, changes are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.database.engine import Database, database_url
from server.database.errors import DatabaseDamagedError
from tests.installed import opsteps
from tests.server.changes.test_changes import change, install
from tests.server.real_server import Client, Place, make_token, making_place, serving, until

_TOGGLE = "/api/v1/libraries/alpha/toggle?enabled=false"
_LOOKUP = "/api/v1/steps/alpha.file.copy"
_TAKEN = 5


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A registry in which a token was made, with one server that knew it."""
    with making_place(tmp_path_factory.mktemp("rows") / "registry") as made:
        made.publish("alpha", "1.0.0")
        token = make_token(made.path, "manage", name="first")
        with serving(made.path, "--no-catalogue", token=token):
            pass
        (made.path.parent / "token").write_text(token)
        yield made


@pytest.fixture
def path(original: Place, tmp_path: Path) -> Path:
    shutil.copytree(original.path, tmp_path / "registry", symlinks=True)
    return tmp_path / "registry"


def rows(path: Path) -> Path:
    return path / ".git/opsteps/opsteps.db"


def without_rows(path: Path) -> None:
    for file in rows(path).parent.glob("opsteps.db*"):
        file.unlink()


def without_state(path: Path) -> None:
    shutil.rmtree(rows(path).parent)


def damaged(path: Path) -> None:
    without_rows(path)
    rows(path).write_bytes(b"no database at all" * 1000)


def torn(path: Path) -> None:
    content = bytearray(rows(path).read_bytes())
    content[100:] = bytes(len(content) - 100)
    without_rows(path)
    rows(path).write_bytes(content)


def is_shut(client: Client) -> str:
    """Reads are answered and changes are not, by anybody; returns what is said."""
    assert client.get(_LOOKUP).status == 200
    refused = change(client, "PUT", _TOGGLE)
    assert refused.status == 503, refused.body
    health = client.health()
    assert health["status"] == "degraded"
    assert health["database"]["status"] in {"down", "gone"}
    assert "opsteps" in health["database"]["problem"]
    assert str(client.process.args[-1]) not in health["database"]["problem"]  # type: ignore[index]
    return str(refused.json()["detail"])


@pytest.mark.parametrize("lose", [without_rows, without_state])
def test_rows_that_are_gone_open_nothing_and_a_new_token_is_a_way_back(
    path: Path, lose: Callable[[Path], None]
) -> None:
    lose(path)
    with serving(path, "--no-catalogue", token_memory_seconds=0.2) as client:
        said = is_shut(client)
        assert "tokens existed" in said
        assert "'opsteps token create'" in said
        made = json.loads(opsteps(path, "token", "create", "second", "--scope", "manage", "--json"))
        until(lambda: client.health()["database"]["status"] == "ready")
        assert change(client, "PUT", _TOGGLE).status == 401
        client.token = made["token"]
        assert change(client, "PUT", _TOGGLE).status == 200
        until(lambda: client.health()["status"] == "healthy")


def test_who_wants_no_tokens_any_more_says_so(path: Path) -> None:
    torn(path)
    with serving(path, "--no-catalogue", token_memory_seconds=0.2) as client:
        is_shut(client)
        assert "--yes" in opsteps(path, "token", "reset", expect=_TAKEN)
        is_shut(client)
        opsteps(path, "token", "reset", "--yes")
        until(lambda: client.health()["database"]["status"] == "ready")
        assert change(client, "PUT", _TOGGLE).status == 200
    # SQLite's two files beside it go along, if the server has it open just then.
    moved = [one.name for one in (path / ".git/opsteps/repaired").iterdir()]
    (aside,) = [name for name in moved if not name.endswith(("-wal", "-shm"))]
    assert (path / ".git/opsteps/repaired" / aside).stat().st_size > 0


@pytest.mark.parametrize("spoil", [damaged, torn])
def test_a_damaged_file_is_called_so(path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(path)
    with (
        Database(database_url("", rows(path).parent)) as database,
        pytest.raises(DatabaseDamagedError, match="damaged") as caught,
    ):
        database.prepare()
    assert "'opsteps restore FILE DIRECTORY'" in caught.value.next_step


def test_tokens_that_are_there_are_not_reset(path: Path) -> None:
    assert "there are tokens" in opsteps(path, "token", "reset", "--yes", expect=_TAKEN)


def test_a_file_that_is_deleted_or_replaced_beneath_a_server_is_noticed(
    path: Path, original: Place
) -> None:
    token = (original.path.parent / "token").read_text()
    kept = rows(path).read_bytes()
    with serving(path, "--no-catalogue", token=token, token_memory_seconds=0.2) as client:
        assert install(client, "before").status == 200
        without_rows(path)
        until(lambda: client.health()["database"]["status"] == "down")
        is_shut(client)
        assert not rows(path).exists()  # an empty one in its place would be no better
        opsteps(path, "token", "list")  # makes an empty one
        until(lambda: client.health()["database"]["status"] == "gone")
        is_shut(client)
        opsteps(path, "token", "reset", "--yes")  # also while a server runs that knew tokens
        until(lambda: client.health()["database"]["status"] == "ready")
        without_rows(path)
        rows(path).write_bytes(kept)
        wrong = {"Authorization": "Bearer opst_wrong"}
        until(lambda: client.ask("PUT", _TOGGLE, wrong).status == 401)
        assert change(client, "PUT", _TOGGLE).status == 200


def test_a_registry_made_anew_at_the_same_place_never_had_tokens(path: Path) -> None:
    without_rows(path)
    shutil.rmtree(path)
    opsteps(path.parent, "init", "registry")
    with serving(path, "--no-catalogue") as client:
        assert client.health()["database"]["status"] == "ready"


def test_an_answer_about_a_commit_that_is_not_there_any_more_is_not_repeated(
    path: Path, original: Place
) -> None:
    token = (original.path.parent / "token").read_text()
    key = {"Idempotency-Key": "once", "Content-Type": "application/json"}
    head = original.git("-C", str(path), "rev-parse", "HEAD")
    with serving(path, "--no-catalogue", token=token) as client:
        first = client.ask("PUT", _TOGGLE, key)
        assert first.status == 200
        again = client.ask("PUT", _TOGGLE, key)
        assert (again.body, again.headers.get("idempotency-replayed")) == (first.body, "true")
    original.git("-C", str(path), "reset", "-q", "--hard", head)
    opsteps(path, "trust", "HEAD")  # as a registry that was restored from before
    with serving(path, "--no-catalogue", token=token, served_wait_seconds=0.2) as client:
        anew = client.ask("PUT", _TOGGLE, key)
        assert (anew.status, anew.headers.get("idempotency-replayed")) == (200, None)
        assert anew.json()["commit"] == client.health()["commit"]
        repeated = client.ask("PUT", _TOGGLE, key)
        assert (repeated.body, repeated.headers["idempotency-replayed"]) == (anew.body, "true")
        assert install(client, "later").status == 200
