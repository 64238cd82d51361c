"""A store's day as head office and store managers see it."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.database import Database
from organisation.contract import stores_by_code
from pos_adapter.overview.operations import latest_day
from tests.member_api.people import PHONE, a_member
from tests.organisation.callers import Caller, a_machine
from tests.organisation.factories import committed_store
from tests.pos_adapter.events import deliver
from tests.pos_adapter.repairs.factories import refuse
from tests.pos_adapter.sales.factories import post, receipt, return_of, void_of
from tests.pos_adapter.tickets.callers import Floor

PHONE_REF = {"kind": "phone", "value": PHONE}


@pytest.fixture
def office(http: FlaskClient, database: Database) -> Caller:
    """Head office, and a store with a day behind it."""
    for code in ("S01", "S02"):
        committed_store(database, code, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    a_member(database)
    sold = receipt(3000, 500, sequence=1, member=PHONE_REF)
    post(database, sold)
    post(database, receipt(1000, sequence=2, terminal="T2"))
    post(database, return_of(sold, (2, 500), sequence=2))
    voided = receipt(9999, sequence=3)
    post(database, voided)
    post(database, void_of(voided, sequence=4))
    refuse(database, receipt(1000, sequence=5, tenders=[{"kind": "card", "amount": 1}]))
    deliver(database)
    return a_machine(http, database, ["sales.read", "organisation.write"])


def day(office: Caller, query: str = "") -> list[dict[str, Any]]:
    answer = office.get(f"/v1/overview?day=2026-01-05{query}")
    assert answer.status_code == 200, answer.text
    stores: list[dict[str, Any]] = answer.get_json()["stores"]
    return stores


def test_a_day_counts_sales_without_voided_ones_and_takes_off_what_came_back(office: Caller) -> None:
    store = day(office, "&store=S01")[0]

    assert {name: store[name] for name in ("sales", "sales_amount", "returns_amount", "net", "voids")} == {
        "sales": 2,
        "sales_amount": 4_500,
        "returns_amount": 500,
        "net": 4_000,
        "voids": 1,
    }
    assert (store["member_sales"], store["member_share_permille"]) == (1, 778)
    assert {till["terminal"]: till["net"] for till in store["tills"]} == {"T1": 3_000, "T2": 1_000}


def test_a_day_says_what_needs_somebody(office: Caller) -> None:
    store = day(office, "&store=S01")[0]

    assert (store["parked"], store["gaps"]) == (1, 0)


def test_a_day_on_which_only_desks_have_sold_is_a_day_with_receipts(http: FlaskClient, database: Database) -> None:
    floor = Floor(http, database)
    settled = floor.settle(floor.issued("C1", 1_000)).get_json()

    with database.transaction(read_only=True) as tx:
        latest = latest_day(tx, list(stores_by_code(tx, ["S01"]).values()))
    assert str(latest) == settled["business_date"]


def test_stores_without_receipts_are_shown_too(office: Caller) -> None:
    assert [(store["store"], store["net"]) for store in day(office)] == [("S01", 4_000), ("S02", 0)]


def test_another_store_is_closed_and_an_unknown_one_is_not_found(
    office: Caller, http: FlaskClient, database: Database
) -> None:
    bound = a_machine(http, database, ["sales.read"], {"store": "S02"})

    assert [store["store"] for store in day(bound)] == ["S02"]
    assert bound.get("/v1/overview?day=2026-01-05&store=S01").status_code == 403
    assert office.get("/v1/overview?day=2026-01-05&store=S99").status_code == 404
    assert office.get("/v1/overview?day=nonsense").status_code == 422


def test_tills_are_listed_with_a_cursor(office: Caller) -> None:
    first = office.get("/v1/tills?limit=1").get_json()
    second = office.get(f"/v1/tills?limit=1&cursor={first['next_cursor']}").get_json()

    assert [till["terminal"] for till in (*first["items"], *second["items"])] == ["T1", "T2"]
    assert second["next_cursor"] is None


def test_the_time_of_grace_is_a_setting_of_the_company(office: Caller, http: FlaskClient, database: Database) -> None:
    assert office.get("/v1/tills/settings").get_json() == {"gap_grace_s": 60}
    assert office.put("/v1/tills/settings", {"gap_grace_s": 0}).status_code == 200
    assert office.get("/v1/tills/settings").get_json() == {"gap_grace_s": 0}
    assert office.put("/v1/tills/settings", {"gap_grace_s": -1}).status_code == 422

    bound = a_machine(http, database, ["sales.read", "organisation.write"], {"store": "S01"})
    assert bound.put("/v1/tills/settings", {"gap_grace_s": 5}).status_code == 403
