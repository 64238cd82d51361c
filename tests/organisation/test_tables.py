"""The mapping and the database agree."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from foundation.database import Tx
from organisation.schema import metadata


def test_what_is_mapped_is_what_the_migrations_made(tx: Tx) -> None:
    from organisation.changes import tables  # noqa: F401 - each maps its part of the schema
    from organisation.devices import tables as devices  # noqa: F401

    context = MigrationContext.configure(
        tx.connection,
        opts={
            "include_schemas": True,
            "include_name": lambda name, kind, _: kind != "schema" or name == metadata.schema,
            "compare_type": True,
            "target_metadata": metadata,
        },
    )
    assert compare_metadata(context, metadata) == []
