"""Months come into being on first use, also when many processes need the same month at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import foundation.partitions
from foundation.database import Database
from foundation.partitions import ensure_months


def test_many_at_once_make_a_month_once(database: Database) -> None:
    foundation.partitions.partitioned_by_month("member.journal", "member.entry")

    def make(_: int) -> None:
        with database.transaction() as tx:
            tx.execute("SELECT foundation.ensure_month('member.entry'::regclass, :m)", {"m": date(2031, 5, 1)})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(16)))
    ensure_months(database, [date(2031, 5, 9)])
    with database.transaction() as tx:
        assert tx.execute("SELECT to_regclass('member.entry_p203105') IS NOT NULL").scalar_one()
        tx.execute("DROP TABLE member.entry_p203105, member.journal_p203105")
