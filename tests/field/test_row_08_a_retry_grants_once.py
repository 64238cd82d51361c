"""Row 8: a network retry ran the confirm step twice, and points were granted twice.

Here the accounting step itself is idempotent: its journal's id follows from what it is for.
"""

from uuid import UUID

import pytest
from psycopg.errors import UniqueViolation

from foundation.database import Database
from foundation.identifiers import day_of
from member_api.contract.purchases import lock_wallet, post_purchase, record
from pos_adapter.sales.attaching import Waiting, recorded_purchase
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.sales.factories import NOON, post, receipt


def test_the_accounting_step_of_one_sale_cannot_happen_twice(database: Database) -> None:
    committed_store(database, currency="CNY")
    member = a_member(database)
    posted = post(database, receipt(5_000, member={"kind": "phone", "value": PHONE})).body
    sale = UUID(posted["sale"]["id"])
    day = day_of(sale)
    assert day is not None

    def account_again() -> None:
        with database.transaction() as tx:
            store = tx.execute("SELECT store_id FROM pos.sale").scalar_one()
            sold = Waiting(sale, day, "sale", store, "CNY", NOON, member, None, None, [], "posted")
            wallet = lock_wallet(tx, member)
            purchase = recorded_purchase(tx, sold)
            post_purchase(tx, wallet, purchase, None)
            record(tx, [wallet], "a confused worker")

    with pytest.raises(UniqueViolation):
        account_again()
    with database.transaction() as tx:
        assert tx.execute("SELECT balance FROM member.account").scalar_one() == 50
