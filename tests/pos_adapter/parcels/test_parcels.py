"""Goods that are paid and left at the desk: a label, a shelf, and who handed them out; and what nobody collects."""

from datetime import date, timedelta
from secrets import token_hex
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from foundation.clock import FixedClock
from foundation.database import Database
from pos_adapter.parcels.rules import days_meant, label_of, read_label
from tests.member_api.callers import Caller
from tests.pos_adapter.tickets.callers import DESK, HANDHELD, Floor

KEEPING = (*DESK, "parcels.write")


class Keeping(Floor):
    """A floor whose desk keeps goods."""

    def __init__(self, http: FlaskClient, database: Database) -> None:
        super().__init__(http, database)
        self.database = database
        self.desk = Caller(http, database, KEEPING, store="S01", terminal="D1")

    def bought(self, *amounts: int, **more: Any) -> tuple[str, list[str]]:
        """A paid settlement of one ticket at C1, C2 ...; its id and the tickets."""
        tickets = [self.issued(f"C{n}", amount) for n, amount in enumerate(amounts, 1)]
        answer = self.settle(*tickets, **more)
        assert answer.status_code == 201, answer.text
        return answer.get_json()["id"], tickets

    def leave(self, settlement: str, *tickets: str, key: str | None = None, **more: Any) -> Any:
        body = {"store": "S01", "terminal": "D1", "settlement": settlement, "tickets": list(tickets)} | more
        return self.desk.post("/v1/parcels", body, key=key or token_hex(8))

    def hand_out(self, parcel: str, proof: str = "slip", **more: Any) -> Any:
        body = {"terminal": "D1", "proof": proof} | more
        return self.desk.post(f"/v1/parcels/{parcel}/hand-out", body, key=token_hex(8))

    def send_back(self, parcel: str, why: str = "left by mistake") -> Any:
        return self.desk.post(f"/v1/parcels/{parcel}/send-back", {"terminal": "D1", "why": why}, key=token_hex(8))

    def lying(self) -> list[str]:
        return [each["label"] for each in self.listed(state="lying")["items"]]

    def listed(self, **asked: Any) -> Any:
        """A page of parcels of the store."""
        return self.desk.get("/v1/parcels", store="S01", **asked).get_json()

    def uncollected(self) -> list[int]:
        found = self.desk.get("/v1/uncollected-tickets", store="S01").get_json()
        return [each["amount"] for each in found["items"]]


@pytest.fixture
def floor(http: FlaskClient, database: Database) -> Keeping:
    return Keeping(http, database)


def test_a_label_is_the_day_and_its_number_and_reads_back() -> None:
    assert label_of(date(2026, 11, 2), 7) == "1102-7"
    assert read_label(" 1102-7 ") == (11, 2, 7)
    assert [read_label(text) for text in ("7", "11-02-7", "1102-", "1102-7x", "１１02-7")] == [None] * 5


def test_a_label_means_its_day_of_the_last_years_and_none_to_come() -> None:
    today = date(2026, 3, 1)
    assert days_meant(3, 2, today)[-1] == date(2025, 3, 2)
    assert (days_meant(3, 1, today)[0], days_meant(3, 1, today)[-1]) == (date(2017, 3, 1), today)
    assert days_meant(2, 29, today) == [date(2020, 2, 29), date(2024, 2, 29)]
    assert days_meant(2, 30, today) == days_meant(13, 1, today) == days_meant(0, 0, today) == []


def test_a_label_of_an_earlier_year_is_found_where_it_still_lies(floor: Keeping, database: Database) -> None:
    settlement, _ = floor.bought(10_000)
    old = floor.leave(settlement).get_json()
    with database.transaction() as tx:
        tx.execute("UPDATE pos.parcel SET business_date = business_date - interval '1 year'")
    settlement, _ = floor.bought(20_000)
    with database.transaction() as tx:
        tx.execute("DELETE FROM pos.number_series WHERE name = 'parcel'")
    new = floor.leave(settlement).get_json()
    assert new["label"] == old["label"]
    floor.hand_out(new["id"])
    assert [each["id"] for each in floor.listed(label=old["label"])["items"]] == [old["id"]]


def test_what_is_given_back_does_not_keep_the_rest_from_being_left(
    floor: Keeping, http: FlaskClient, database: Database
) -> None:
    settlement, [back, rest] = floor.bought(10_000, 20_000)
    counter = Caller(http, database, (*HANDHELD, "returns.issue"), store="S01", counter="C1")
    assert counter.post("/v1/returns", {"ticket": back, "kind": "not_collected"}, key="b").status_code == 201
    left = floor.leave(settlement)
    assert (left.status_code, left.get_json()["tickets"]) == (201, [rest])


def test_what_is_paid_lies_at_the_desk_until_it_is_handed_out_and_then_the_counters_know(floor: Keeping) -> None:
    settlement, tickets = floor.bought(10_000, 20_000)
    left = floor.leave(settlement, pieces=3, place="Shelf 2", note="glass")
    assert left.status_code == 201
    parcel = left.get_json()
    assert (parcel["state"], parcel["pieces"], parcel["place"], parcel["note"]) == ("lying", 3, "Shelf 2", "glass")
    assert sorted(parcel["tickets"]) == sorted(tickets)
    assert floor.lying() == [parcel["label"]]
    assert [floor.state(ticket) for ticket in tickets] == ["paid", "paid"]

    handed = floor.hand_out(parcel["id"])
    assert handed.status_code == 200
    assert (handed.get_json()["state"], handed.get_json()["proof"]) == ("collected", "slip")
    assert handed.get_json()["ended_by"].startswith("machine:")
    assert [floor.state(ticket) for ticket in tickets] == ["released", "released"]
    assert floor.lying() == []
    [*_, last] = floor.ticket(tickets[0])["history"]
    assert last["why"] == f"parcel {parcel['label']}"


def test_the_same_key_leaves_goods_once_and_another_key_is_told_the_label(floor: Keeping) -> None:
    settlement, _ = floor.bought(10_000)
    first, again = (floor.leave(settlement, key="a") for _ in range(2))
    assert again.get_json() == first.get_json()
    assert again.headers["Idempotency-Replayed"] == "true"
    other = floor.leave(settlement, key="b")
    assert (other.status_code, other.get_json()["code"]) == (409, "goods_lie_already")
    assert other.get_json()["label"] == first.get_json()["label"]


def test_what_has_ended_is_not_handed_out_again(floor: Keeping) -> None:
    settlement, _ = floor.bought(10_000)
    parcel = floor.leave(settlement).get_json()["id"]
    assert floor.hand_out(parcel).status_code == 200
    for answer in (floor.hand_out(parcel), floor.send_back(parcel)):
        assert (answer.status_code, answer.get_json()["code"]) == (409, "parcel_ended")
        assert answer.get_json()["state"] == "collected"


def test_a_counter_does_not_hand_over_what_lies_at_the_desk(floor: Keeping) -> None:
    settlement, [ticket] = floor.bought(10_000)
    parcel = floor.leave(settlement).get_json()
    refused = floor.handhelds["C1"].post(f"/v1/tickets/{ticket}/release", None)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "goods_at_desk")
    assert refused.get_json()["label"] == parcel["label"] == floor.ticket(ticket)["at_desk"]
    assert floor.send_back(parcel["id"]).status_code == 200
    assert floor.handhelds["C1"].post(f"/v1/tickets/{ticket}/release", None).status_code == 200


def test_goods_that_went_back_to_the_counter_may_be_left_once_more(floor: Keeping) -> None:
    settlement, [ticket] = floor.bought(10_000)
    first = floor.leave(settlement).get_json()
    floor.send_back(first["id"])
    second = floor.leave(settlement).get_json()
    assert second["label"] != first["label"]
    assert floor.state(ticket) == "paid"


def test_a_part_is_left_and_what_was_handed_over_may_be_left_by_name(floor: Keeping) -> None:
    settlement, [one, two] = floor.bought(10_000, 20_000)
    assert floor.leave(settlement, two).get_json()["tickets"] == [two]
    assert floor.handhelds["C1"].post(f"/v1/tickets/{one}/release", None).status_code == 200
    assert floor.leave(settlement).get_json()["code"] == "goods_lie_already"
    bag = floor.leave(settlement, one)
    assert bag.status_code == 201
    assert floor.hand_out(bag.get_json()["id"], "receipt").status_code == 200
    assert floor.state(one) == "released"


def test_only_paid_goods_of_the_same_settlement_are_kept(floor: Keeping) -> None:
    settlement, _ = floor.bought(10_000)
    _, [strange] = floor.bought(20_000)
    unpaid = floor.issued("C1", 5_000)
    for ticket in (strange, unpaid, str(uuid4())):
        refused = floor.leave(settlement, ticket)
        assert (refused.status_code, refused.get_json()["code"]) == (422, "parcel_contradicts_itself"), ticket
        assert refused.get_json()["errors"] == [{"pointer": "/tickets/0", "detail": "is not of this settlement"}]
    assert floor.leave(str(uuid4())).get_json()["code"] == "settlement_unknown"
    assert floor.lying() == []


def test_loose_goods_of_the_desk_lie_without_a_ticket(floor: Keeping) -> None:
    body = {
        "store": "S01", "terminal": "D1", "tickets": [],
        "lines": [{"line": 1, "quantity": "1", "amount": 700}], "tenders": [{"kind": "cash", "amount": 700}],
    }  # fmt: skip
    settlement = floor.desk.post("/v1/settlements", body, key=token_hex(8)).get_json()["id"]
    parcel = floor.leave(settlement).get_json()
    assert parcel["tickets"] == []
    twice = floor.leave(settlement)
    assert (twice.status_code, twice.get_json()["label"]) == (409, parcel["label"])
    assert floor.hand_out(parcel["id"], "member").status_code == 200


def test_a_label_finds_what_lies_and_else_the_latest_that_did(floor: Keeping) -> None:
    settlement, _ = floor.bought(10_000)
    parcel = floor.leave(settlement).get_json()
    for state in ("lying", "collected"):
        found = floor.listed(label=parcel["label"])["items"]
        assert [(each["id"], each["state"]) for each in found] == [(parcel["id"], state)]
        floor.hand_out(parcel["id"])
    assert floor.listed(label="0101-1")["items"] == []
    assert floor.listed(label="rubbish")["items"] == []
    by_settlement = floor.listed(settlement=settlement)["items"]
    assert [each["id"] for each in by_settlement] == [parcel["id"]]


def test_parcels_page_with_what_lies_longest_first(floor: Keeping, clock: FixedClock) -> None:
    labels = []
    for _ in range(3):
        settlement, _tickets = floor.bought(10_000)
        labels.append(floor.leave(settlement).get_json()["label"])
        clock.advance(timedelta(minutes=1))
    first = floor.listed(state="lying", limit=2)
    second = floor.listed(state="lying", limit=2, cursor=first["next_cursor"])
    assert [each["label"] for each in first["items"] + second["items"]] == labels
    assert second["next_cursor"] is None
    assert [each["label"] for each in floor.listed()["items"]] == labels[::-1]


def test_what_was_all_handed_over_is_left_only_by_naming_it(floor: Keeping) -> None:
    settlement, [ticket] = floor.bought(10_000)
    floor.handhelds["C1"].post(f"/v1/tickets/{ticket}/release", None)
    nothing = floor.leave(settlement)
    assert (nothing.status_code, nothing.get_json()["code"]) == (422, "parcel_contradicts_itself")


def test_paid_and_not_collected_is_listed_of_any_day_without_what_lies_or_is_given_back(
    floor: Keeping, database: Database
) -> None:
    settlement, _ = floor.bought(10_000, 20_000)
    with database.transaction() as tx:
        tx.execute(
            "UPDATE pos.ticket SET business_date = business_date - 2, changed_at = changed_at - interval '2 days'"
            " + number * interval '1 second'"
        )
    _, [released] = floor.bought(30_000)
    floor.handhelds["C1"].post(f"/v1/tickets/{released}/release", None)
    floor.bought(40_000)
    assert floor.uncollected() == [10_000, 20_000, 40_000]
    parcel = floor.leave(settlement).get_json()["id"]
    assert floor.uncollected() == [40_000]
    floor.send_back(parcel)
    assert floor.uncollected() == [10_000, 20_000, 40_000]


def test_goods_at_the_desk_are_not_given_back_before_their_counter_has_them(
    floor: Keeping, http: FlaskClient, database: Database
) -> None:
    settlement, [ticket] = floor.bought(10_000)
    parcel = floor.leave(settlement).get_json()
    counter = Caller(http, database, (*HANDHELD, "returns.issue"), store="S01", counter="C1")
    for body in ({"ticket": ticket}, {"ticket": ticket, "kind": "not_collected"}):
        refused = counter.post("/v1/returns", body, key=token_hex(8))
        assert (refused.status_code, refused.get_json()["code"]) == (422, "return_contradicts_itself"), body
        assert parcel["label"] in refused.get_json()["detail"]
    floor.send_back(parcel["id"])
    assert counter.post("/v1/returns", {"ticket": ticket, "kind": "not_collected"}, key=token_hex(8)).status_code == 201
    again = floor.leave(settlement, ticket)
    assert again.get_json()["errors"] == [{"pointer": "/tickets/0", "detail": "is given back"}]


def test_loose_goods_that_lie_at_the_desk_are_not_given_back(
    floor: Keeping, http: FlaskClient, database: Database
) -> None:
    body = {
        "store": "S01", "terminal": "D1", "tickets": [],
        "lines": [{"line": 1, "quantity": "1", "amount": 700}], "tenders": [{"kind": "cash", "amount": 700}],
    }  # fmt: skip
    settled = floor.desk.post("/v1/settlements", body, key=token_hex(8)).get_json()
    parcel = floor.leave(settled["id"]).get_json()
    manager = Caller(http, database, (*DESK, "returns.issue"), store="S01")
    wanted = {"sale": settled["sales"][0]["id"]}
    refused = manager.post("/v1/returns", wanted, key=token_hex(8))
    assert (refused.status_code, refused.get_json()["code"]) == (422, "return_contradicts_itself")
    assert parcel["label"] in refused.get_json()["detail"]
    floor.send_back(parcel["id"])
    assert manager.post("/v1/returns", wanted, key=token_hex(8)).status_code == 201


def test_another_desk_s_token_and_another_store_s_do_not_touch_it(
    floor: Keeping, http: FlaskClient, database: Database
) -> None:
    settlement, _ = floor.bought(10_000)
    parcel = floor.leave(settlement).get_json()["id"]
    stranger = Caller(http, database, KEEPING, store="S02", terminal="D1")
    assert stranger.get(f"/v1/parcels/{parcel}").status_code == 404
    body = {"terminal": "D1", "proof": "slip"}
    assert stranger.post(f"/v1/parcels/{parcel}/hand-out", body, key="x").status_code == 404
    bound = Caller(http, database, KEEPING, store="S01", terminal="D2")
    assert bound.post(f"/v1/parcels/{parcel}/hand-out", body, key="y").status_code == 403
    without = Caller(http, database, DESK, store="S01", terminal="D1")
    assert without.post(f"/v1/parcels/{parcel}/hand-out", body, key="z").status_code == 403


@pytest.mark.parametrize(
    "more", [{"pieces": 0}, {"pieces": 1000}, {"place": ""}, {"note": "x" * 201}, {"unknown": 1}, {"tickets": ["x"]}]
)
def test_what_cannot_be_read_is_refused(floor: Keeping, more: dict[str, Any]) -> None:
    settlement, _ = floor.bought(10_000)
    assert floor.leave(settlement, **more).status_code == 422
    assert floor.lying() == []
