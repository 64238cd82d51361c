"""What only the roof knows about being ready."""

from functools import cache

from foundation.database import Database
from foundation.http.health import NotReady
from regulars.running.migrating import newest_revision


def check_migrations(database: Database) -> None:
    """The database is at the migration of this release. Raises NotReady with both."""
    with database.transaction(read_only=True) as tx:
        found = tx.execute("SELECT version_num FROM public.alembic_version").scalar_one_or_none()
    if found != _wanted():
        raise NotReady(f"the database is at migration {found}, this release needs {_wanted()}")


@cache
def _wanted() -> str | None:
    return newest_revision()
