"""What the migrations make is what the packages map, and two migrators take turns."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from migrations.metadata import all_metadata
from regulars.running.migrating import migrate, newest_revision, sqlalchemy_url
from regulars.running.servers import Servers

ROOT = Path(__file__).parents[2]


def _is_a_month(_object: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    return not (kind == "table" and reflected and compare_to is None and "_p20" in (name or ""))


def test_tables_py_and_the_database_agree(fresh_database: Mapping[str, str]) -> None:
    mapped = all_metadata()
    schemas = {metadata.schema for metadata in mapped}
    engine = sqlalchemy.create_engine(sqlalchemy_url(fresh_database["DATABASE_URL"]))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _parents: kind != "schema" or name in schemas,
                "include_object": _is_a_month,
                "compare_type": True,
            },
        )
        found = compare_metadata(context, mapped)  # type: ignore[arg-type]
    engine.dispose()
    steps = [step for entry in found for step in (entry if isinstance(entry, list) else [entry])]
    # A table that only SQL speaks of need not be mapped, nor an index; but what is mapped must be there as it says.
    harmless = ("remove_table", "remove_index", "remove_constraint", "remove_fk")
    assert [step for step in steps if not step[0].startswith(harmless) and not step[0].endswith("_comment")] == []


def test_every_schema_of_the_database_belongs_to_one_package(fresh_database: Mapping[str, str]) -> None:
    engine = sqlalchemy.create_engine(sqlalchemy_url(fresh_database["DATABASE_URL"]))
    with engine.connect() as connection:
        found = set(sqlalchemy.inspect(connection).get_schema_names()) - {"information_schema", "public"}
    engine.dispose()
    assert found <= {"foundation", "organisation", "member", "pos", "analytics", "marketing"}


def test_migrating_twice_changes_nothing(fresh_database: Mapping[str, str]) -> None:
    assert migrate(fresh_database["DATABASE_URL"]) == (newest_revision(), newest_revision())


def test_two_that_migrate_a_new_database_at_once_take_turns(servers: Servers) -> None:
    import psycopg

    assert servers.postgres is not None
    with psycopg.connect(servers.postgres.url_of("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated_twice")
    url = servers.postgres.url_of("migrated_twice")
    code = "import sys; from regulars.running.migrating import migrate; print(migrate(sys.argv[1])[1])"
    both = [
        subprocess.Popen([sys.executable, "-c", code, url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=120)[0].strip() for process in both] == [newest_revision()] * 2
