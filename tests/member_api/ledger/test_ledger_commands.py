"""`regulars ledger ...` at the operator's terminal."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from foundation.clock import SystemClock
from foundation.database import Database, use_database
from foundation.settings import get_settings, read_settings
from member_api.seal.chain import public_key_of
from tests.conftest import KEYS, ROOT
from tests.member_api.ledger.callers import given
from tests.member_api.people import a_member


def regulars(environment: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "regulars", "ledger", *arguments],
        env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture
def books(fresh_database: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[Database]:
    """A database of its own with one grant in it."""
    database = Database(read_settings(fresh_database), SystemClock())
    use_database(database)
    given(database, a_member(database), 100)
    yield database
    use_database(None)
    database.dispose()
    get_settings.cache_clear()


def test_the_operator_seals_proves_and_is_told_what_is_wrong(
    books: Database, fresh_database: Mapping[str, str]
) -> None:
    clean = regulars(fresh_database, "verify")
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert "no faults" in clean.stdout

    assert regulars(fresh_database, "expire").returncode == 0
    with books.transaction() as tx:
        tx.execute("SET LOCAL session_replication_role = replica")
        account = tx.execute("UPDATE member.account SET balance = balance + 1 RETURNING id").scalar_one()
    wrong = regulars(fresh_database, "verify")
    assert wrong.returncode == 1
    assert f"account balances: account {account}" in wrong.stdout

    key = regulars(fresh_database, "public-key")
    assert key.stdout.strip() == public_key_of(bytes.fromhex(KEYS["SEAL_KEY"])).hex()
