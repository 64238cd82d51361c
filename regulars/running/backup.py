"""Save the house and bring it back: `pg_dump` and `pg_restore` of the wheel, and the keys in a file apart.

A backup is a few files. FILE is PostgreSQL's custom format. FILE.json says when it was taken, at which migration, how
many rows each table had *in the same snapshot*, and which keys belong to it (fingerprints only). FILE.roots are the
signed roots of the ledger that stand outside the database. FILE.keys holds the keys themselves: whoever has FILE and
FILE.keys can read every member, whoever has FILE alone cannot, and without FILE.keys nobody ever can again.
"""

import hashlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psycopg
from psycopg import conninfo, sql

from foundation.settings import Settings, get_settings
from member_api.seal.operations import roots_file
from regulars.running.environment import adopt, own_environment
from regulars.running.home import Home
from regulars.running.keys import IRREPLACEABLE, KEY_FILES
from regulars.running.postgres import DATABASE, PostgresServer
from regulars.running.problems import CannotRun
from regulars.running.servers import embedded_servers, started
from regulars.running.wheels import postgres_programs

DUMP_TIMEOUT_S = 6 * 3600
JOBS = 2
NEW_DATABASE = "regulars_being_restored"
OLD_DATABASE = "regulars_before_restore"

TABLES = """
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_%'
    ORDER BY 1
"""


class Manifest(msgspec.Struct, frozen=True):
    """What FILE.json says. `keys` are fingerprints by the name of the setting."""

    taken_at: datetime
    revision: str | None
    rows: dict[str, int]
    keys: dict[str, str]


@dataclass(frozen=True, slots=True)
class Saved:
    """What a backup wrote."""

    file: Path
    keys: Path
    size_bytes: int
    rows: int

    def words(self) -> str:
        return (
            f"Saved {self.rows:,} rows in {self.size_bytes / 1_000_000:,.1f} MB to {self.file}\n"
            f"Its keys ({', '.join(IRREPLACEABLE)}) are in {self.keys}: keep that file elsewhere. With both, every "
            "member can be read; without it, no member can be read ever again."
        )


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore brought back, counted."""

    file: Path
    rows: int
    tables: int
    revision: str | None

    def words(self) -> str:
        return f"Restored {self.rows:,} rows in {self.tables} tables, at migration {self.revision}, from {self.file}"


def back_up(settings: Settings, file: Path) -> Saved:
    """Write FILE and the files beside it; the house may go on working meanwhile.

    The dump and the counts see one and the same moment. Raises CannotRun when FILE is there or pg_dump fails.
    """
    if file.exists():
        raise CannotRun(f"{file} is there already; a backup never writes over another.")
    unfinished = file.with_name(f"{file.name}.unfinished")
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        snapshot = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert snapshot is not None
        _run(
            "pg_dump",
            ["-Fc", "--compress=gzip:3", f"--snapshot={snapshot[0]}", "-f", str(unfinished)],
            settings.database_url,
        )
        manifest = Manifest(datetime.now(UTC), _revision(connection), _count(connection), _fingerprints(settings))
    _write_private(Path(f"{file}.json"), msgspec.json.format(msgspec.json.encode(manifest), indent=2))
    _write_private(Path(f"{file}.keys"), msgspec.json.format(msgspec.json.encode(_keys(settings)), indent=2))
    if (roots := roots_file(settings)).exists():
        _write_private(Path(f"{file}.roots"), roots.read_bytes())
    unfinished.chmod(0o600)
    with unfinished.open("rb") as dumped:
        os.fsync(dumped.fileno())
    unfinished.rename(file)
    return Saved(file, Path(f"{file}.keys"), file.stat().st_size, sum(manifest.rows.values()))


def restore_house(home: Home, given: Mapping[str, str], file: Path, keys: Path | None, *, replace: bool) -> Restored:
    """Bring the database of `home` (or of DATABASE_URL) back from FILE, and its keys into `home`.

    Embedded: the backup goes into a database beside the present one, is counted, and takes its place; with `replace`
    what was there is dropped then. A given DATABASE_URL must be an empty database. Raises CannotRun when the house
    runs, when there are data in the way, when the keys do not belong to the backup, or when a count differs; nothing
    has changed then.
    """
    manifest = _read_manifest(file)
    new_keys = _read_keys(file, keys, manifest)
    _refuse_foreign_keys(given, new_keys)
    with home.only_one():
        servers = embedded_servers(home, given)
        with started(servers) as addresses:
            if servers.postgres is not None:
                report = _restore_beside(servers.postgres, file, manifest, replace=replace)
            else:
                report = _restore_into(given["DATABASE_URL"], file, manifest)
            _keep_keys(home, new_keys)
            adopt({**own_environment(home, given), **addresses})
            _keep_roots(file, get_settings())
            home.no_demo.write_text(f"restored from {file} on {datetime.now(UTC).isoformat(timespec='seconds')}\n")
    return report


def _restore_beside(server: PostgresServer, file: Path, manifest: Manifest, *, replace: bool) -> Restored:
    present, new, old = (sql.Identifier(name) for name in (DATABASE, NEW_DATABASE, OLD_DATABASE))
    if not replace and not _is_empty(server.url):
        raise CannotRun("There are data in the way: say --replace (make restore ... ARGS=--replace) to give them up.")
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as admin:
        # What an interrupted restore left.
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(new))
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(old))
        admin.execute(sql.SQL("CREATE DATABASE {}").format(new))
        try:
            report = _restore_into(server.url_of(NEW_DATABASE), file, manifest)
        except CannotRun:
            admin.execute(sql.SQL("DROP DATABASE {}").format(new))
            raise
        with admin.transaction():
            admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(present, old))
            admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(new, present))
        admin.execute(sql.SQL("DROP DATABASE {}").format(old))
    return report


def _restore_into(database_url: str, file: Path, manifest: Manifest) -> Restored:
    """Restore into an empty database and count."""
    if not _is_empty(database_url):
        raise CannotRun("The database is not empty: make an empty one and let DATABASE_URL lead to it.")
    arguments = ["--exit-on-error", "--no-owner", "--no-privileges", f"--jobs={JOBS}", str(file)]
    _run("pg_restore", arguments, database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        found = _count(connection)
        differing = {table for table, rows in manifest.rows.items() if found.get(table) != rows}
        if differing:
            raise CannotRun(
                f"After restoring, these tables have other counts than the backup says: {sorted(differing)}"
            )
        connection.execute("ANALYZE")
        return Restored(file, sum(found.values()), len(found), _revision(connection))


def _is_empty(database_url: str) -> bool:
    with psycopg.connect(database_url) as connection:
        return not connection.execute(TABLES).fetchall()


def _count(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for (table,) in connection.execute(TABLES).fetchall():
        answer = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608 (quoted by TABLES)
        counts[str(table)] = int(str(answer[0])) if answer else 0
    return counts


def _revision(connection: psycopg.Connection[tuple[object, ...]]) -> str | None:
    there = connection.execute("SELECT to_regclass('public.alembic_version')").fetchone()
    if there is None or there[0] is None:
        return None
    row = connection.execute("SELECT version_num FROM public.alembic_version").fetchone()
    return str(row[0]) if row else None


# ------------------------------------------------------------------------------------------------------- keys


def _keys(settings: Settings) -> dict[str, str]:
    return {name: getattr(settings, name.lower()).hex() for name in IRREPLACEABLE}


def _fingerprint(key_hex: str) -> str:
    """Tells keys apart without giving anything away: a key is 32 random bytes."""
    return hashlib.sha256(b"regulars key fingerprint " + bytes.fromhex(key_hex)).hexdigest()[:16]


def _fingerprints(settings: Settings) -> dict[str, str]:
    return {name: _fingerprint(key) for name, key in _keys(settings).items()}


def _read_manifest(file: Path) -> Manifest:
    try:
        return msgspec.json.decode(Path(f"{file}.json").read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise CannotRun(f"{file}.json, which belongs to the backup, cannot be read: {error}") from None


def _read_keys(file: Path, keys: Path | None, manifest: Manifest) -> dict[str, str]:
    source = keys or Path(f"{file}.keys")
    try:
        found = msgspec.json.decode(source.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.MsgspecError) as error:
        raise CannotRun(
            f"The keys of the backup are needed and {source} cannot be read ({error}); name the file with --keys."
        ) from None
    for name in IRREPLACEABLE:
        if _fingerprint(found.get(name, "00")) != manifest.keys.get(name):
            raise CannotRun(f"{name} in {source} is not the key of this backup: with it the members stay closed.")
    return {name: found[name] for name in IRREPLACEABLE}


def _refuse_foreign_keys(given: Mapping[str, str], keys: Mapping[str, str]) -> None:
    """Keys that the operator gives by environment must be those of the backup; we cannot replace them."""
    for name, key in keys.items():
        file = given.get(f"{name}_FILE")
        own = given.get(name) or (Path(file).read_text() if file else None)
        if own is not None and own.strip().lower() != key:
            raise CannotRun(f"{name} of the environment is not the key of this backup: give the backup's key.")


def _keep_keys(home: Home, keys: Mapping[str, str]) -> None:
    """Put the backup's keys into REGULARS_HOME/keys; other keys that were there are kept beside, never lost."""
    for name, key in keys.items():
        path = home.keys / KEY_FILES[name]
        if path.exists() and path.read_text().strip() != key:
            path.rename(path.with_name(f"{path.name}.before-{_stamp()}"))
        if not path.exists():
            _write_private(path, f"{key}\n".encode())


def _keep_roots(file: Path, settings: Settings) -> None:
    """Put the backup's signed roots into place, up to the newest the database holds; what was there is kept beside.

    The file was copied after the snapshot, so it may know a root more than the database.
    """
    kept, source = roots_file(settings), Path(f"{file}.roots")
    if kept.exists():
        kept.rename(kept.with_name(f"{kept.name}.before-{_stamp()}"))
    with psycopg.connect(settings.database_url) as connection:
        there = connection.execute("SELECT to_regclass('member.seal_root')").fetchone()
        if not source.exists() or there is None or there[0] is None:
            return
        row = connection.execute("SELECT max(position) FROM member.seal_root").fetchone()
    newest = int(str(row[0])) if row and row[0] is not None else -1
    lines = source.read_bytes().splitlines(keepends=True)
    ours = [line for line in lines if msgspec.json.decode(line, type=_RootPosition).position <= newest]
    _write_private(kept, b"".join(ours))


class _RootPosition(msgspec.Struct):
    position: int


def _stamp() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


# --------------------------------------------------------------------------------------------------- programs


def _run(program: str, arguments: list[str], database_url: str) -> None:
    """Run a client program of PostgreSQL; the password goes by its environment, where no other user reads it."""
    with _connection_environment(database_url) as environment:
        done = subprocess.run(
            [
                str(postgres_programs() / program),
                *arguments,
                *(["-d", environment["PGDATABASE"]] if program == "pg_restore" else []),
            ],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=DUMP_TIMEOUT_S,
        )
    if done.returncode != 0:
        raise CannotRun(f"{program} failed: {done.stderr.strip()[-1000:]}")


@contextmanager
def _connection_environment(database_url: str) -> Iterator[dict[str, str]]:
    scheme, _, rest = database_url.partition("://")
    facts = conninfo.conninfo_to_dict(f"{scheme.partition('+')[0]}://{rest}")
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE",
             "sslmode": "PGSSLMODE"}  # fmt: skip
    yield {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "PGCONNECT_TIMEOUT": "10",
        **{variable: str(facts[name]) for name, variable in names.items() if facts.get(name) is not None},
    }


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
