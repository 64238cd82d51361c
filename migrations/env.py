"""How Alembic reaches the database: one lock for all migrators, time-outs on, every step in its own transaction.

A caller that holds a connection already hands it over as `config.attributes["connection"]`.
"""

import sqlalchemy
from alembic import context
from sqlalchemy.engine import Connection
from sqlalchemy.schema import SchemaItem

from foundation.database import Database
from foundation.settings import get_settings
from migrations.metadata import all_metadata

# Any number that nobody else uses: two migrators that start together take turns.
MIGRATION_LOCK = 0x5245_4755_4C41_5253
LOCK_TIMEOUT = "10s"


def _ours(_item: SchemaItem, name: str | None, kind: str, reflected: bool, compare_to: SchemaItem | None) -> bool:
    """Partitions are made by the day and are no part of the mapping; everything else must agree."""
    return not (kind == "table" and reflected and compare_to is None and name is not None and "_p20" in name)


def _migrate(connection: Connection) -> None:
    connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
    try:
        # A migration that waits for a busy table gives up instead of queueing every posting behind it.
        connection.execute(sqlalchemy.text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(sqlalchemy.text("SET statement_timeout = 0"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=all_metadata(),
            include_schemas=True,
            include_object=_ours,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(sqlalchemy.text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()


def run() -> None:
    """Migrate over the given connection, or over one of our own to DATABASE_URL."""
    if context.is_offline_mode():
        raise SystemExit("Migrations read the database as they go; there is no offline mode.")
    given: Connection | None = context.config.attributes.get("connection")
    if given is not None:
        _migrate(given)
        return
    home = Database(get_settings())
    with home.engine.connect() as connection:
        _migrate(connection)
    home.dispose()


run()
