"""A backup that was never restored is a hope: these are restored, and compared row by row."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from foundation.settings import read_settings
from regulars.running.backup import back_up, restore_house
from regulars.running.environment import own_environment
from regulars.running.home import Home
from regulars.running.migrating import migrate
from regulars.running.problems import CannotRun
from regulars.running.servers import embedded_servers, started

ENDINGS = ("", ".json", ".roots", ".keys")
ROOT_KNOWN, ROOT_LATER = b'{"position":7,"hash":"aa"}\n', b'{"position":9,"hash":"bb"}\n'


@dataclass(frozen=True, slots=True)
class Saved:
    """A house with rows in it, down, its backup, and what its tables held."""

    home: Home
    file: Path
    sums: "dict[str, tuple[int, str]]"


@pytest.fixture(scope="module")
def original(server_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """Made and saved once; the tests work on copies."""
    home = Home(server_directory / "original-house")
    home.prepare()
    with started(embedded_servers(home, {})) as addresses:
        migrate(addresses["DATABASE_URL"])
        with psycopg.connect(addresses["DATABASE_URL"]) as connection:
            connection.execute(
                "INSERT INTO foundation.outbox (topic, facts, at) "
                "SELECT 'posted', json_build_object('sale', n, 'words', '会员'), now() FROM generate_series(1, 5000) n"
            )
            connection.execute("UPDATE foundation.relay SET position = 41")
            connection.execute(
                "INSERT INTO member.seal_root (position, hash, journals, signature, signed_at) "
                "VALUES (7, %s, 3, %s, now())",
                (b"h" * 32, b"s" * 64),
            )
        (home.root / "seal-roots.log").write_bytes(ROOT_KNOWN + ROOT_LATER)
        file = tmp_path_factory.mktemp("backup") / "monday.dump"
        report = back_up(read_settings({**own_environment(home, {}), **addresses}), file)
        assert report.rows > 5000
        return Saved(home, file, _checksums(addresses["DATABASE_URL"]))


@pytest.fixture
def house(original: Saved, tmp_path: Path) -> Iterator[Home]:
    """A copy of the original, down."""
    home = Home(original.home.root.with_name(f"house-{tmp_path.name}"))
    subprocess.run(["cp", "-a", str(original.home.root), str(home.root)], check=True)
    yield home
    shutil.rmtree(home.root, ignore_errors=True)


@pytest.fixture
def new_home(original: Saved, tmp_path: Path) -> Iterator[Home]:
    """Another machine, with nothing on it."""
    home = Home(original.home.root.with_name(f"new-{tmp_path.name}"))
    home.prepare()
    yield home
    shutil.rmtree(home.root, ignore_errors=True)


@pytest.fixture
def file(original: Saved, tmp_path: Path) -> Path:
    """A copy of the backup with all that belongs to it."""
    for ending in ENDINGS:
        shutil.copy(f"{original.file}{ending}", tmp_path / f"monday.dump{ending}")
    return tmp_path / "monday.dump"


def _checksums(database_url: str) -> dict[str, tuple[int, str]]:
    """Rows and a digest of all their text, of each table of the house."""
    sums: dict[str, tuple[int, str]] = {}
    with psycopg.connect(database_url) as connection:
        tables = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg_%' AND n.nspname <> 'information_schema'"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(f"SELECT t::text FROM {table} t ORDER BY 1").fetchall()
            sums[table] = (len(rows), hashlib.sha256("\n".join(row for (row,) in rows).encode()).hexdigest())
    return sums


def _now(home: Home) -> dict[str, tuple[int, str]]:
    with started(embedded_servers(home, {})) as addresses:
        return _checksums(addresses["DATABASE_URL"])


def test_what_was_destroyed_comes_back_row_by_row(house: Home, file: Path, original: Saved) -> None:
    with started(embedded_servers(house, {})) as addresses, psycopg.connect(addresses["DATABASE_URL"]) as connection:
        connection.execute("DROP SCHEMA foundation CASCADE")
    report = restore_house(house, {}, file, None, replace=True)
    assert _now(house) == original.sums
    assert report.rows == sum(rows for rows, _ in original.sums.values())


def test_a_new_machine_gets_data_keys_and_roots_from_the_backup(new_home: Home, file: Path, original: Saved) -> None:
    restore_house(new_home, {}, file, None, replace=False)
    assert _now(new_home) == original.sums
    for key in ("identity_key", "blind_index_key", "seal_key"):
        assert (new_home.keys / key).read_text() == (original.home.keys / key).read_text()
    # The file of roots was copied after the snapshot; what the database does not know yet is left out.
    assert (new_home.root / "seal-roots.log").read_bytes() == ROOT_KNOWN
    assert new_home.no_demo.exists(), "a restored house is nobody's playground"


def test_a_restore_does_not_write_over_data_unasked(house: Home, file: Path, original: Saved) -> None:
    with pytest.raises(CannotRun, match="data in the way"):
        restore_house(house, {}, file, None, replace=False)
    assert _now(house) == original.sums


def test_a_damaged_backup_leaves_the_present_data_alone(house: Home, file: Path, original: Saved) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(CannotRun, match="pg_restore failed"):
        restore_house(house, {}, file, None, replace=True)
    assert _now(house) == original.sums


def test_a_count_that_differs_leaves_the_present_data_alone(house: Home, file: Path, original: Saved) -> None:
    manifest = json.loads(Path(f"{file}.json").read_text())
    manifest["rows"]["foundation.outbox"] += 1
    Path(f"{file}.json").write_text(json.dumps(manifest))
    with pytest.raises(CannotRun, match=r"other counts than the backup says: \['foundation.outbox'\]"):
        restore_house(house, {}, file, None, replace=True)
    assert _now(house) == original.sums


def test_keys_of_another_house_are_refused(house: Home, file: Path) -> None:
    keys = json.loads(Path(f"{file}.keys").read_text())
    Path(f"{file}.keys").write_text(json.dumps({**keys, "IDENTITY_KEY": "ab" * 32}))
    with pytest.raises(CannotRun, match=r"IDENTITY_KEY in .* is not the key of this backup"):
        restore_house(house, {}, file, None, replace=True)
    Path(f"{file}.keys").unlink()
    with pytest.raises(CannotRun, match="keys of the backup are needed"):
        restore_house(house, {}, file, None, replace=True)


def test_a_backup_holds_no_key_but_its_key_file_does_and_all_is_private(file: Path, original: Saved) -> None:
    key = (original.home.keys / "identity_key").read_text().strip()
    assert not any(key.encode() in Path(f"{file}{ending}").read_bytes() for ending in ("", ".json", ".roots"))
    assert json.loads(Path(f"{file}.keys").read_text())["IDENTITY_KEY"] == key
    assert {Path(f"{original.file}{ending}").stat().st_mode & 0o777 for ending in ENDINGS} == {0o600}


def test_a_backup_never_writes_over_another(file: Path, original: Saved) -> None:
    before = file.read_bytes()
    given = {"DATABASE_URL": "postgresql:///nowhere", "REDIS_URL": "redis://nowhere"}
    with pytest.raises(CannotRun, match="is there already"):
        back_up(read_settings({**own_environment(original.home, {}), **given}), file)
    assert file.read_bytes() == before
