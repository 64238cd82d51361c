"""Row 11: with eight busy tills one invoice in fifteen was duplicated, because uniqueness lived in code."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import IntegrityError

from foundation.database import Database
from tests.organisation.factories import committed_store
from tests.pos_adapter.sales.factories import post, receipt, till


def test_eight_busy_tills_that_send_everything_twice_leave_each_receipt_once(database: Database) -> None:
    committed_store(database, currency="CNY")

    def work(terminal: str) -> list[int]:
        statuses = []
        for sequence in range(1, 16):
            sold = receipt(100 + sequence, terminal=terminal, sequence=sequence)
            statuses += [post(database, sold, till(terminal=terminal)).status for _ in range(2)]
        return statuses

    tills = [f"T{n}" for n in range(1, 5)]
    with ThreadPoolExecutor(8) as pool:
        statuses = [status for answers in pool.map(work, tills * 2) for status in answers]
    assert statuses.count(201) == 4 * 15
    with database.transaction() as tx:
        rows = tx.execute("SELECT terminal, count(*), count(DISTINCT sequence) FROM pos.sale GROUP BY 1 ORDER BY 1")
        assert [tuple(row) for row in rows] == [(terminal, 15, 15) for terminal in tills]


def test_the_database_itself_refuses_a_second_receipt_of_a_number(database: Database) -> None:
    committed_store(database, currency="CNY")
    post(database, receipt(100, sequence=5))
    with pytest.raises(IntegrityError), database.transaction() as tx:
        columns = (
            "business_date, {}, store_id, terminal, series, sequence, type, occurred_at, received_at, posting_date,"
            " currency, member_part, amount, flags, open_flags, content_hash, answer, client"
        )
        tx.execute(
            f"INSERT INTO pos.sale ({columns.format('id')}) SELECT {columns.format('gen_random_uuid()')} FROM pos.sale"
        )
