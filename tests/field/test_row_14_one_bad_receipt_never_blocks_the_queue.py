"""Row 14 (erpnext 13388): one bad invoice blocked the whole till's queue.

Here every item of a batch has a result of its own, and the poison is parked with its reason and shown.
"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.database import Database
from tests.organisation.callers import Caller, a_machine
from tests.organisation.factories import committed_store

pytestmark = pytest.mark.field


def sale(sequence: int, paid: int = 1000, **more: Any) -> dict[str, Any]:
    return {
        "store": "S01",
        "terminal": "T1",
        "business_date": "2026-01-05",
        "sequence": sequence,
        "type": "sale",
        "occurred_at": "2026-01-05T10:00:00+08:00",
        "currency": "CNY",
        "lines": [{"line": 1, "quantity": "1.000", "amount": 1000}],
        "tenders": [{"kind": "card", "amount": paid}],
    } | more


@pytest.fixture
def till(http: FlaskClient, database: Database) -> Caller:
    """A till with a day's queue."""
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    return a_machine(
        http, database, ["sales.post", "sales.read", "receipts.repair"], {"store": "S01", "terminal": "T1"}
    )


def results(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [result["status"] for result in answer.get_json()["results"]]


def test_row_14_the_receipts_around_a_bad_one_are_posted_and_the_bad_one_is_parked_with_its_reason(
    till: Caller,
) -> None:
    queue = [sale(1), sale(2, paid=999), {"nonsense": True}, sale(3), sale(4, currency="JPY"), sale(5)]

    assert results(till.post("/v1/sales/batch", {"sales": queue})) == [201, 422, 422, 201, 422, 201]

    parked = till.get("/v1/receipts/parked?store=S01").get_json()["items"]
    assert [(each["sequence"], each["problem"]["code"]) for each in parked] == [
        (4, "wrong_currency"),
        (2, "receipt_contradicts_itself"),
    ]


def test_row_14_sending_the_queue_again_posts_nothing_twice_and_parks_nothing_twice(till: Caller) -> None:
    queue = [sale(1), sale(2, paid=999), sale(3)]
    till.post("/v1/sales/batch", {"sales": queue})

    assert results(till.post("/v1/sales/batch", {"sales": queue})) == [200, 422, 200]
    parked = till.get("/v1/receipts/parked").get_json()["items"]
    assert [(each["sequence"], each["attempts"]) for each in parked] == [(2, 2)]


def test_row_14_a_single_refused_receipt_is_parked_too_and_repaired_over_http(till: Caller) -> None:
    refused = till.post("/v1/sales", sale(1, paid=999))
    assert refused.status_code == 422
    parked = till.get("/v1/receipts/parked").get_json()["items"][0]

    answer = till.post(f"/v1/receipts/parked/{parked['id']}/post", {"tenders": [{"n": 1, "amount": 1000}]}, key="fix")
    again = till.post(f"/v1/receipts/parked/{parked['id']}/post", {"tenders": [{"n": 1, "amount": 1000}]}, key="fix")

    assert answer.status_code == 201, answer.text
    assert again.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.get_json() == answer.get_json()
    whole = till.get(f"/v1/receipts/parked/{parked['id']}").get_json()
    assert (whole["state"], whole["sale"]) == ("accepted", answer.get_json()["sale"]["id"])
    assert till.get(f"/v1/sales/{whole['sale']}").get_json()["amount"] == 1000
