"""Lists of receipts, page by page: each receipt once, whoever counted its number."""

import pytest
from flask.testing import FlaskClient

from foundation.clock import local_date
from foundation.database import Database
from organisation.contract import stores_by_code
from pos_adapter.sales import searching
from pos_adapter.sales.searching import receipts_of_day
from tests.pos_adapter.tickets.callers import Floor


def test_the_pages_of_a_day_go_on_where_the_last_one_ended_also_among_settlements(
    http: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor = Floor(http, database)
    settled = [floor.settle(floor.issued("C1", amount)).get_json()["sales"][0]["id"] for amount in (100, 200, 300)]
    monkeypatch.setattr(searching, "PAGE", 1)
    listed, cursor = [], None
    with database.transaction(read_only=True) as tx:
        store = stores_by_code(tx, ["S01"])["S01"]
        day = local_date(tx.now, store.timezone)
        for _ in settled:
            rows, cursor = receipts_of_day(tx, store.id, day, terminal=None, sequence=None, cursor=cursor)
            listed += [str(row.id) for row in rows]
    assert (listed, cursor) == (settled, None)
