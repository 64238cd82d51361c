"""Row 10 at the desk: the answer was lost on a time-out and the order came twice; two tabs sent the same queue.

Here a desk keeps key and body before it sends them: however often, and from however many tabs they come, the settlement
is made once and everybody is told the same.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from foundation.settings import Settings
from tests.field.shop import prove, wide_database
from tests.pos_adapter.tickets.callers import Floor

TABS = 12


@pytest.fixture
def shop(settings: Settings, database: Database, clock: FixedClock) -> Any:
    with wide_database(settings, database, clock, 3 * TABS) as wide:
        yield wide


def test_many_tabs_that_send_what_one_desk_kept_settle_once(http: FlaskClient, shop: Database) -> None:
    floor = Floor(http, shop)
    tickets = [floor.issued(counter, 1_000) for counter in ("C1", "C2", "C3")]
    wish = {
        "store": "S01", "terminal": "D1", "tickets": tickets, "tenders": [{"kind": "card", "amount": 3_000}],
    }  # fmt: skip
    headers = {**floor.desk.headers, "Idempotency-Key": token_hex(8)}
    gate = threading.Barrier(TABS, timeout=60)

    def send(_: int) -> Any:
        own = http.application.test_client()
        gate.wait()
        while True:
            answer = own.post("/v1/settlements", json=wish, headers=headers)
            if not (answer.status_code == 409 and answer.get_json()["retryable"]):
                return answer

    with ThreadPoolExecutor(TABS) as threads:
        answers = list(threads.map(send, range(TABS)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1, "everybody is told the same"
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    with shop.transaction(read_only=True) as tx:
        assert tx.execute("SELECT count(*) FROM pos.settlement").scalar_one() == 1
        assert tx.execute("SELECT sum(amount), count(*) FROM pos.sale").one() == (3_000, 2)
    assert [floor.state(ticket) for ticket in tickets] == ["paid"] * 3
    prove(shop)


def test_the_same_key_with_other_content_is_refused(http: FlaskClient, shop: Database) -> None:
    floor = Floor(http, shop)
    first, second = floor.issued("C1", 1_000), floor.issued("C1", 1_000)
    key, tenders = token_hex(8), [{"kind": "card", "amount": 1_000}]
    wish = {"store": "S01", "terminal": "D1", "tickets": [first], "tenders": tenders}
    assert floor.desk.post("/v1/settlements", wish, key=key).status_code == 201
    refused = floor.desk.post("/v1/settlements", wish | {"tickets": [second]}, key=key)
    assert refused.status_code == 422
    assert floor.state(second) == "issued"
