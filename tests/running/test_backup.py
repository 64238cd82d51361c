"""A backup that was never restored is a hope: these are restored, and compared row by row."""

import hashlib
import json
import shutil
from collections.abc import Iterator
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


@pytest.fixture
def house(server_directory: Path, tmp_path: Path) -> Iterator[Home]:
    """A house with a migrated database and some rows in it, down."""
    home = Home(server_directory / f"house-{tmp_path.name}")
    home.prepare()
    servers = embedded_servers(home, {})
    with started(servers) as addresses:
        migrate(addresses["DATABASE_URL"])
        with psycopg.connect(addresses["DATABASE_URL"]) as connection:
            connection.execute(
                "INSERT INTO foundation.outbox (topic, facts, at) "
                "SELECT 'posted', json_build_object('sale', n, 'words', '会员'), now() FROM generate_series(1, 5000) n"
            )
            connection.execute("UPDATE foundation.relay SET position = 41")
    yield home
    shutil.rmtree(home.root, ignore_errors=True)


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


def _saved(home: Home, file: Path) -> dict[str, tuple[int, str]]:
    given: dict[str, str] = {}
    with started(embedded_servers(home, given)) as addresses:
        report = back_up(read_settings({**own_environment(home, given), **addresses}), file)
        assert report.rows > 5000
        return _checksums(addresses["DATABASE_URL"])


def _of(home: Home) -> dict[str, tuple[int, str]]:
    servers = embedded_servers(home, {})
    with started(servers) as addresses:
        return _checksums(addresses["DATABASE_URL"])


def _destroy(home: Home) -> None:
    with started(embedded_servers(home, {})) as addresses, psycopg.connect(addresses["DATABASE_URL"]) as connection:
        connection.execute("DROP SCHEMA foundation CASCADE")


def test_what_was_destroyed_comes_back_row_by_row(house: Home, tmp_path: Path) -> None:
    file = tmp_path / "monday.dump"
    before = _saved(house, file)
    _destroy(house)
    report = restore_house(house, {}, file, None, replace=True)
    assert _of(house) == before
    assert report.rows == sum(rows for rows, _ in before.values())


def test_a_new_machine_gets_data_and_keys_from_the_backup(house: Home, server_directory: Path, tmp_path: Path) -> None:
    file = tmp_path / "monday.dump"
    before = _saved(house, file)
    other = Home(server_directory / f"other-{tmp_path.name}")
    other.prepare()
    restore_house(other, {}, file, None, replace=False)
    assert _of(other) == before
    for key in ("identity_key", "blind_index_key", "seal_key"):
        assert (other.keys / key).read_text() == (house.keys / key).read_text()
    assert other.no_demo.exists(), "a restored house is nobody's playground"
    shutil.rmtree(other.root)


def test_the_signed_roots_come_back_as_far_as_the_database_knows_them(
    house: Home, server_directory: Path, tmp_path: Path
) -> None:
    file = tmp_path / "monday.dump"
    root = "INSERT INTO member.seal_root (position, hash, journals, signature, signed_at) VALUES (7, %s, 3, %s, now())"
    with started(embedded_servers(house, {})) as addresses, psycopg.connect(addresses["DATABASE_URL"]) as connection:
        connection.execute(root, (b"h" * 32, b"s" * 64))
    first, later = b'{"position":7,"hash":"aa"}\n', b'{"position":9,"hash":"bb"}\n'
    (house.root / "seal-roots.log").write_bytes(first + later)
    _saved(house, file)
    other = Home(server_directory / f"roots-{tmp_path.name}")
    other.prepare()
    restore_house(other, {}, file, None, replace=False)
    assert (other.root / "seal-roots.log").read_bytes() == first
    shutil.rmtree(other.root)


def test_a_restore_does_not_write_over_data_unasked(house: Home, tmp_path: Path) -> None:
    file = tmp_path / "monday.dump"
    before = _saved(house, file)
    with pytest.raises(CannotRun, match="data in the way"):
        restore_house(house, {}, file, None, replace=False)
    assert _of(house) == before


def test_a_damaged_backup_leaves_the_present_data_alone(house: Home, tmp_path: Path) -> None:
    file = tmp_path / "monday.dump"
    before = _saved(house, file)
    content = bytearray(file.read_bytes())
    del content[len(content) // 2 :]
    file.write_bytes(content)
    with pytest.raises(CannotRun, match="pg_restore failed"):
        restore_house(house, {}, file, None, replace=True)
    assert _of(house) == before


def test_keys_of_another_house_are_refused(house: Home, tmp_path: Path) -> None:
    file = tmp_path / "monday.dump"
    _saved(house, file)
    keys = json.loads(Path(f"{file}.keys").read_text())
    Path(f"{file}.keys").write_text(json.dumps({**keys, "IDENTITY_KEY": "ab" * 32}))
    with pytest.raises(CannotRun, match=r"IDENTITY_KEY in .* is not the key of this backup"):
        restore_house(house, {}, file, None, replace=True)
    Path(f"{file}.keys").unlink()
    with pytest.raises(CannotRun, match="keys of the backup are needed"):
        restore_house(house, {}, file, None, replace=True)


def test_a_backup_holds_no_key_but_its_key_file_does_and_both_are_private(house: Home, tmp_path: Path) -> None:
    file = tmp_path / "monday.dump"
    _saved(house, file)
    key = (house.keys / "identity_key").read_text().strip()
    assert key.encode() not in file.read_bytes() + Path(f"{file}.json").read_bytes()
    assert json.loads(Path(f"{file}.keys").read_text())["IDENTITY_KEY"] == key
    assert {Path(f"{file}{ending}").stat().st_mode & 0o777 for ending in ("", ".json", ".keys")} == {0o600}


def test_a_backup_never_writes_over_another(house: Home, tmp_path: Path) -> None:
    file = tmp_path / "monday.dump"
    file.write_text("last week's")
    with pytest.raises(CannotRun, match="is there already"):
        _saved(house, file)
    assert file.read_text() == "last week's"
