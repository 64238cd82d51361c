"""The mapping of member identity and the database agree."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from foundation.database import Tx
from member_api.consents import tables as consents
from member_api.identifiers import tables as identifiers
from member_api.members import tables as members
from member_api.schema import metadata
from member_api.tiers import tables as tiers
from member_api.vault import tables as vault

ROOMS = (members, vault, identifiers, tiers, consents)


def test_tables_and_migration_agree(tx: Tx) -> None:
    ours = {
        name for room in ROOMS for name, thing in vars(room).items() if getattr(thing, "metadata", None) is metadata
    }
    context = MigrationContext.configure(
        tx.connection,
        opts={
            "include_schemas": True,
            "compare_type": True,
            "include_object": lambda item, name, kind, reflected, other: (
                getattr(item, "schema", None) == "member" and name in ours if kind == "table" else True
            ),
        },
    )
    differences = compare_metadata(context, metadata)
    # Comments are written for whoever reads the database; the mapping does not repeat them.
    steps = [step for found in differences for step in (found if isinstance(found, list) else [found])]
    assert [step for step in steps if not step[0].endswith("_comment")] == []
