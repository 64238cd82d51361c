"""The test bed itself: what one test leaves behind, the next one does not see."""

from datetime import UTC, datetime

from foundation.clock import FixedClock
from foundation.database import Database, Tx


def _outbox(database: Database) -> tuple[int, int]:
    with database.transaction() as tx:
        tx.execute("INSERT INTO foundation.outbox (topic, facts, at) VALUES ('t', '{}', now())")
        row = tx.execute("SELECT count(*), max(id) FROM foundation.outbox").one()
        tx.execute("UPDATE foundation.relay SET position = position + 7")
        position = tx.execute("SELECT position FROM foundation.relay").scalar_one()
    assert position == 7
    return row[0], row[1]


def test_the_first_test_finds_the_database_as_the_migrations_left_it(database: Database) -> None:
    assert _outbox(database) == (1, 1)


def test_the_second_test_finds_it_so_again(database: Database) -> None:
    assert _outbox(database) == (1, 1)


def test_the_clock_of_a_transaction_is_the_clock_of_the_test(tx: Tx, clock: FixedClock) -> None:
    assert tx.now == clock.now() == datetime(2026, 1, 5, 2, 0, tzinfo=UTC)


def test_nothing_in_the_test_servers_is_less_durable_than_in_production(tx: Tx) -> None:
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        assert tx.execute(f"SHOW {name}").scalar_one() == "on"
