"""Bring the database to the newest migration, or say how far it is."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import migrations


def alembic_config() -> Config:
    """Alembic's configuration with the chain that lies beside the packages."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config


def sqlalchemy_url(database_url: str) -> str:
    """A postgresql:// address as SQLAlchemy with psycopg 3 wants it."""
    scheme, _, rest = database_url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else database_url


def migrate(database_url: str, target: str = "head") -> tuple[str | None, str | None]:
    """Run the missing migrations, each in its own transaction, under one lock for all migrators.

    Returns the revision before and after; the same twice means that there was nothing to do.
    """
    engine = sqlalchemy.create_engine(sqlalchemy_url(database_url), poolclass=sqlalchemy.NullPool)
    config = alembic_config()
    with engine.connect() as connection:
        before = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
        # Nothing to do is the usual case: it then takes no lock and loads none of the packages' tables.
        if target == "head" and before == newest_revision():
            return before, before
        config.attributes["connection"] = connection
        command.upgrade(config, target)
        after = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    return before, after


def newest_revision() -> str | None:
    """The one head of the chain. Raises alembic's CommandError when there are two."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()
