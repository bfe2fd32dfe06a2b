"""Bring the tables of a database up to date, whoever else does so at the same moment."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from server.database.errors import DatabaseSetupError

if TYPE_CHECKING:  # Alembic takes its time to load, and is needed at the first start only
    from alembic.config import Config

NEWEST = "0001"
"""The last migration; a test holds it against the files."""
REVISION = "alembic_version"
"""The table that says which migration was the last."""
# Any number that nobody else locks in the same database.
_LOCK = 7_205_759_403


def migrate(engine: Engine) -> None:
    """Run the migrations that are missing; raises DatabaseSetupError for a later database."""
    with engine.begin() as connection:
        if _revision(connection) == NEWEST:
            return
    with engine.begin() as connection:
        _wait_for_others(connection)
        current = _revision(connection)
        if current != NEWEST:
            _upgrade(connection, current)


def _upgrade(connection: Connection, current: str | None) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    config = migration_config()
    known = {one.revision for one in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise DatabaseSetupError(
            f"the database is of a later version of this program (revision {current[:40]})",
            next_step="Use that version, or another database",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(REVISION):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {REVISION}")).scalar()  # noqa: S608 - a constant
    return str(found) if found is not None else None


def migration_config() -> Config:
    """Return the place of the migrations, in a checkout and in an installed wheel."""
    from alembic.config import Config

    config = Config()
    place = resources.files("server.database").joinpath("migrations")
    config.set_main_option("script_location", str(place).replace("%", "%%"))
    return config


def _wait_for_others(connection: Connection) -> None:
    """One after the other: PostgreSQL by a lock, SQLite because each transaction writes."""
    if connection.dialect.name == "postgresql":
        # Released with the transaction, also when its server is killed.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
