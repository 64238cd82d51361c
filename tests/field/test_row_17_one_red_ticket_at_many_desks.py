"""Row 17: concurrent checkouts spent one gift card twice; so could many desks that refund one red ticket.

Here the first desk holds the red ticket's row, and the others are told 409: stored value and e-coins come back once.
"""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from foundation.settings import Settings
from member_api.contract.ledger import Kind
from tests.field.shop import PHONE_REF, prove, wide_database
from tests.member_api.ledger.callers import balance
from tests.pos_adapter.returns.callers import ReturnFloor, three_counters_paid_by_everything

DESKS = 16


@pytest.fixture
def shop(settings: Settings, database: Database, clock: FixedClock) -> Any:
    with wide_database(settings, database, clock, 3 * DESKS) as wide:
        yield wide


def test_of_sixteen_desks_one_refunds_and_what_it_gives_back_is_there_once(http: FlaskClient, shop: Database) -> None:
    floor = ReturnFloor(http, shop)
    member, sold = three_counters_paid_by_everything(floor, shop)
    red = floor.back("C3", {"ticket": sold["tickets"][2]}).get_json()["id"]
    gate = threading.Barrier(DESKS, timeout=60)

    def refund(_: int) -> int:
        own = http.application.test_client()
        gate.wait()
        headers = {**floor.desk.headers, "Idempotency-Key": token_hex(8)}
        answer = own.post(f"/v1/returns/{red}/refund", json={"terminal": "D1"}, headers=headers)
        return answer.status_code

    with ThreadPoolExecutor(DESKS) as threads:
        told = Counter(threads.map(refund, range(DESKS)))
    assert told == {200: 1, 409: DESKS - 1}
    assert balance(shop, member, Kind.CASH)[0] == 12_500
    assert balance(shop, member, Kind.ECOIN)[0] == 5_000
    prove(shop)


def test_returns_and_checkouts_of_one_member_at_once_leave_books_that_agree(http: FlaskClient, shop: Database) -> None:
    floor = ReturnFloor(http, shop)
    member, sold = three_counters_paid_by_everything(floor, shop)
    reds = [floor.back(f"C{n}", {"ticket": sold["tickets"][n - 1]}).get_json()["id"] for n in (1, 2, 3)]
    more = [floor.issued("C1", 1_000, member=PHONE_REF) for _ in range(5)]
    gate = threading.Barrier(len(reds) + len(more), timeout=60)

    def call(path: str, body: Any) -> Any:
        own = http.application.test_client()
        gate.wait()
        headers = {**floor.desk.headers, "Idempotency-Key": token_hex(8)}
        return own.post(path, json=body, headers=headers)

    tenders = [{"kind": "stored_value", "amount": 1_000}]
    calls: list[tuple[str, Any]] = [(f"/v1/returns/{red}/refund", {"terminal": "D1"}) for red in reds]
    calls += [
        ("/v1/settlements", {"store": "S01", "terminal": "D1", "tickets": [ticket], "tenders": tenders})
        for ticket in more
    ]
    with ThreadPoolExecutor(len(calls)) as threads:
        answers = list(threads.map(lambda each: call(*each), calls))
    assert [answer.status_code for answer in answers] == [200, 200, 200, *[201] * 5], [a.text for a in answers]
    assert balance(shop, member, Kind.CASH)[0] == 20_000 - 5_000
    prove(shop)
