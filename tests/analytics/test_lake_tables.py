"""The mapping of the lake's manifest and the database agree; its room is registered."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from analytics.lake import tables
from analytics.schema import metadata
from foundation.database import Tx
from foundation.queues import QUEUES, QueueName, queue
from regulars.running.workers import register_everything

OURS = {"lake_file", "lake_state"}


def test_tables_and_migration_agree(tx: Tx) -> None:
    assert {tables.lake_file.name, tables.lake_state.name} == OURS
    context = MigrationContext.configure(
        tx.connection,
        opts={
            "include_schemas": True,
            "compare_type": True,
            "include_object": lambda item, name, kind, reflected, other: (
                getattr(item, "schema", None) == metadata.schema and name in OURS if kind == "table" else True
            ),
        },
    )
    differences = compare_metadata(context, metadata)
    steps = [step for found in differences for step in (found if isinstance(found, list) else [found])]
    assert [step for step in steps if not step[0].endswith("_comment")] == []


def test_the_lake_is_exported_and_swept_by_the_clock_on_the_queue_of_analytics() -> None:
    register_everything()
    for name in ("export-lake", "sweep-lake"):
        entry = queue.conf.beat_schedule[name]
        assert QUEUES[entry["task"]] is QueueName.ANALYTICS
        assert entry["options"]["queue"] == "analytics"
