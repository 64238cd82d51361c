"""Statements sent together: one transaction, the first error raised, prepared again when they have to be."""

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy.exc import OperationalError

from foundation.database import Database
from foundation.round_trips import COMMIT, Statement

ADD = Statement("SELECT $1::int + $2::int")
DIVIDE = Statement("SELECT 1 / $1::int")
SLEEP = Statement("SELECT pg_sleep(30)")
ECHO = Statement("SELECT $1::text, NULL::int")


def added(database: Database) -> bytes | None:
    with database.transaction() as tx:
        with tx.round_trip() as trip:
            sum_ = trip.ask(ADD, b"1", b"2")
        return sum_.row()[0]


def test_each_statement_gets_its_own_answer_and_null_is_none(database: Database) -> None:
    with database.transaction() as tx:
        with tx.round_trip() as trip:
            first, second = trip.ask(ADD, b"1", b"2"), trip.ask(ECHO, "东".encode())
            again = trip.ask(ADD, b"20", b"22")
        assert (first.row(), second.row(), again.row()) == ((b"3",), ("东".encode(), None), (b"42",))
        assert tx.execute("SELECT 1").scalar() == 1


def test_nothing_is_sent_when_the_block_raises(database: Database) -> None:
    with database.transaction() as tx:
        with pytest.raises(LookupError), tx.round_trip() as trip:
            trip.ask(DIVIDE, b"0")
            raise LookupError
        assert tx.raw.pgconn.transaction_status == TransactionStatus.IDLE


def test_the_first_error_is_raised_and_the_connection_can_be_used_again(database: Database) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero), database.transaction() as tx, tx.round_trip() as trip:
        trip.ask(ADD, b"1", b"1")
        trip.ask(DIVIDE, b"0")
        trip.ask(ADD, b"no number", b"1")
    assert added(database) == b"3"


def test_a_rollback_after_which_psycopg_forgets_what_was_prepared_does_no_harm(database: Database) -> None:
    assert added(database) == b"3"
    with pytest.raises(LookupError), database.transaction() as tx:
        tx.ask("SELECT 1")
        raise LookupError
    assert added(database) == b"3"


def test_dropping_a_table_does_no_harm(database: Database) -> None:
    assert added(database) == b"3"
    with database.transaction() as tx:
        tx.ask("CREATE TABLE public.short_lived (a int)")
        tx.ask("DROP TABLE public.short_lived")
    assert added(database) == b"3"


def test_a_statement_first_prepared_in_a_failed_round_trip_is_prepared_again(database: Database) -> None:
    late = Statement("SELECT 'late'")
    with pytest.raises(psycopg.errors.DivisionByZero), database.transaction() as tx, tx.round_trip() as trip:
        trip.ask(DIVIDE, b"0")
        trip.ask(late)
    with database.transaction() as tx:
        with tx.round_trip() as trip:
            reply = trip.ask(late)
        assert reply.row() == (b"late",)


def test_a_commit_among_them_ends_the_transaction(database: Database) -> None:
    with database.transaction() as tx:
        with tx.round_trip() as trip:
            trip.ask(ADD, b"1", b"2")
            trip.ask(COMMIT)
        assert tx.raw.pgconn.transaction_status == TransactionStatus.IDLE


def test_a_time_out_is_an_error_like_any_other(database: Database) -> None:
    with pytest.raises(psycopg.errors.QueryCanceled), database.transaction() as tx:
        tx.execute("SET LOCAL statement_timeout = 50")
        with tx.round_trip() as trip:
            trip.ask(SLEEP)
    assert added(database) == b"3"


def test_a_lost_connection_is_noticed_and_replaced(database: Database) -> None:
    with pytest.raises(OperationalError), database.transaction() as tx:
        pid = tx.raw.info.backend_pid
        with database.transaction() as other:
            other.execute("SELECT pg_terminate_backend(:pid, 5000)", {"pid": pid})
        with tx.round_trip() as trip:
            trip.ask(ADD, b"1", b"2")
    assert added(database) == b"3"


@pytest.mark.timeout(30)
def test_answers_are_read_while_much_is_sent(database: Database) -> None:
    text = b"a" * 5_000_000
    with database.transaction() as tx:
        with tx.round_trip() as trip:
            replies = [trip.ask(ECHO, text) for _ in range(4)]
        assert [len(reply.row()[0] or b"") for reply in replies] == [len(text)] * 4
