"""The mapping of access and the database agree."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from foundation.access import tables as access
from foundation.database import Tx
from foundation.events import metadata


def test_tables_and_migrations_agree(tx: Tx) -> None:
    mapped = {table.name for table in (access.client, access.access_token, access.login, access.session)}
    context = MigrationContext.configure(
        tx.connection,
        opts={
            "include_schemas": True,
            "compare_type": True,
            "include_object": lambda item, name, kind, reflected, other: (
                getattr(item, "schema", None) == "foundation" and name in mapped if kind == "table" else True
            ),
        },
    )
    differences = compare_metadata(context, metadata)
    steps = [step for found in differences for step in (found if isinstance(found, list) else [found])]
    assert [step for step in steps if not step[0].endswith("_comment")] == []
