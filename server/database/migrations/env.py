"""Run the migrations for Alembic: in the transaction that it is handed."""

from __future__ import annotations

from alembic import context

from server.database.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
context.run_migrations()
