"""Row 15 (erpnext 11745; odoo 60939, 51217): receipts printed, sales never arrived, nobody noticed until the audit.

Here a gap in a till's sequence raises an alarm on the store's board, and is closed by the receipt that arrives late.
"""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from pos_adapter.tills.operations import announce_due_gaps
from tests.field.test_row_14_one_bad_receipt_never_blocks_the_queue import sale
from tests.organisation.callers import Caller, a_machine
from tests.organisation.factories import committed_store
from tests.pos_adapter.events import deliver

pytestmark = pytest.mark.field


@pytest.fixture
def till(http: FlaskClient, database: Database) -> Caller:
    """A till of store S01."""
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    return a_machine(
        http, database, ["sales.post", "sales.read", "receipts.approve"], {"store": "S01", "terminal": "T1"}
    )


def pass_grace(database: Database, clock: FixedClock) -> None:
    """The minute after which a number counts as missing."""
    deliver(database)
    clock.advance(timedelta(seconds=60))
    with database.transaction() as tx:
        announce_due_gaps(tx)


def shown(till: Caller, state: str = "open") -> list[tuple[str, int, int]]:
    answer = till.get(f"/v1/tills/gaps?store=S01&state={state}")
    return [(gap["business_date"], gap["first"], gap["last"]) for gap in answer.get_json()["items"]]


def post(till: Caller, *receipts: dict[str, Any]) -> None:
    for each in receipts:
        assert till.post("/v1/sales", each).status_code == 201


def topics(database: Database) -> list[str]:
    with database.transaction() as tx:
        rows = tx.execute(
            "SELECT topic FROM foundation.event UNION ALL SELECT topic FROM foundation.outbox ORDER BY topic"
        )
        return [row.topic for row in rows if row.topic.startswith("till.")]


def test_row_15_a_receipt_that_never_arrives_is_shown_and_announced(
    till: Caller, database: Database, clock: FixedClock
) -> None:
    post(till, sale(1), sale(2), sale(5))
    deliver(database)
    assert shown(till) == [], "a receipt may still be on its way"

    pass_grace(database, clock)
    assert shown(till) == [("2026-01-05", 3, 4)]
    assert topics(database) == ["till.gap_opened"]


def test_row_15_a_late_receipt_closes_the_gap(till: Caller, database: Database, clock: FixedClock) -> None:
    post(till, sale(1), sale(3))
    pass_grace(database, clock)
    post(till, sale(2))
    deliver(database)

    assert shown(till) == []
    assert shown(till, "closed") == [("2026-01-05", 2, 2)]
    assert topics(database) == ["till.gap_closed", "till.gap_opened"]


def test_row_15_receipts_lost_over_night_are_noticed_too(till: Caller, database: Database, clock: FixedClock) -> None:
    post(till, sale(1), sale(2))
    post(till, sale(5, business_date="2026-01-06", occurred_at="2026-01-06T00:10:00+08:00"))
    pass_grace(database, clock)

    assert shown(till) == [("2026-01-06", 3, 4)]


def test_row_15_a_parked_receipt_is_not_missing_for_it_stands_on_the_board(
    till: Caller, database: Database, clock: FixedClock
) -> None:
    post(till, sale(1))
    assert till.post("/v1/sales", sale(2, paid=1)).status_code == 422
    post(till, sale(3))
    pass_grace(database, clock)
    assert shown(till) == []

    post(till, sale(5))
    pass_grace(database, clock)
    assert till.post("/v1/sales", sale(4, paid=1)).status_code == 422
    deliver(database)
    assert shown(till) == [], "parked later, it is heard of all the same"


def test_row_15_numbers_that_were_no_receipts_are_explained_and_stay_closed(
    till: Caller, database: Database, clock: FixedClock
) -> None:
    post(till, sale(1), sale(9))
    pass_grace(database, clock)
    gap = till.get("/v1/tills/gaps").get_json()["items"][0]
    explained = till.post(f"/v1/tills/gaps/{gap['id']}/explain", {"explanation": "training of a new cashier"})
    assert explained.status_code == 200, explained.text

    post(till, sale(10))
    pass_grace(database, clock)
    assert shown(till) == []
    assert till.post(f"/v1/tills/gaps/{gap['id']}/explain", {"explanation": "again"}).status_code == 409


def test_row_15_the_gaps_of_another_store_are_not_shown(till: Caller, database: Database) -> None:
    committed_store(database, "S02")

    assert till.get("/v1/tills/gaps?store=S02").status_code == 403
    assert till.get("/v1/tills?store=S02").status_code == 403
