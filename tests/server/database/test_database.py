"""Opening, migrating and losing a database."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from server.database.engine import Database, database_url
from server.database.errors import DatabaseDownError, DatabaseSetupError
from server.database.migrating import NEWEST, migration_config
from server.database.tables import metadata
from server.database.tokens import list_tokens
from tests.server.postgres_server import PostgresServer

ROOT = Path(__file__).resolve().parents[3]


def test_the_migrations_make_just_the_tables(database: Database) -> None:
    with database.transaction() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_newest_migration_is_the_last_file() -> None:
    assert ScriptDirectory.from_config(migration_config()).get_current_head() == NEWEST


def test_migrating_again_changes_nothing(url: str, tmp_path: Path, database: Database) -> None:
    assert list_tokens(database) == []
    with Database(database_url(url, tmp_path)) as again:
        assert list_tokens(again.prepare()) == []


def test_servers_that_start_at_once_migrate_once(url: str, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from server.database.engine import Database, database_url\n"
        "with Database(database_url(sys.argv[1], Path())) as database: database.prepare()\n"
    )
    command = [sys.executable, "-c", code, url]
    started = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    assert [process.wait(60) for process in started] == [0] * 4
    with Database(database_url(url, tmp_path)) as database:
        assert list_tokens(database) == []


def test_a_database_of_a_later_version_is_refused(database: Database, url: str) -> None:
    with database.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with (
        Database(database_url(url, Path())) as later,
        pytest.raises(DatabaseSetupError, match="later version of this program"),
    ):
        later.prepare()


def test_without_a_setting_it_is_a_file_that_nobody_else_reads(tmp_path: Path) -> None:
    with Database(database_url("", tmp_path)) as database:
        database.prepare()
        with database.transaction() as connection:
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
            assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
    assert stat.S_IMODE((tmp_path / "opsteps.db").stat().st_mode) == 0o600


def test_a_file_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        Database(database_url(f"sqlite:///{tmp_path}/file/rows.db", tmp_path)) as database,
        pytest.raises(DatabaseSetupError, match="cannot be made"),
    ):
        database.prepare()


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "rows.db").write_bytes(b"nonsense " * 1_000)
    with (
        Database(database_url(f"sqlite:///{tmp_path}/rows.db", tmp_path)) as database,
        pytest.raises(Exception, match="not a database"),
    ):
        database.prepare()


@pytest.mark.needs_postgres
def test_a_server_that_is_down_says_so_without_the_password_and_comes_back(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    with Database(database_url(postgres.new_database(), tmp_path)) as database:
        assert list_tokens(database) == []
        postgres.stop()
        try:
            for _ in range(3):
                with pytest.raises(DatabaseDownError) as caught:
                    list_tokens(database)
                assert "a-password-of-this-test" not in str(caught.value)
                assert "***" in str(caught.value)
        finally:
            postgres.start()
        assert list_tokens(database) == []
