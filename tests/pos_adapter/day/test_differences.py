"""What does not agree is named, and nothing else is: each kind planted behind the product's back, one at a time."""

from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from foundation.database import Database
from pos_adapter.day.rules import About, DayDiffers, Difference, DifferenceKind, ReceiptSums, receipt_fault
from tests.pos_adapter.day.store import DayFloor
from tests.pos_adapter.returns.callers import three_counters_paid_by_everything


@dataclass
class Played:
    """A day on which everything happened, and the ids of what did."""

    floor: DayFloor
    settlement: str
    sales: list[str]
    back: str
    topup: str
    till: str


@pytest.fixture
def played(http: FlaskClient, database: Database) -> Played:
    floor = DayFloor(http, database)
    member, sold = three_counters_paid_by_everything(floor, database)
    red = floor.back("C3", {"ticket": sold["tickets"][2]}).get_json()
    back = floor.refund(red["id"]).get_json()["sale"]
    paid_in = floor.desk.post(f"/v1/members/{member}/topups", {"amount": 100_000, "bonus": 20_000, "tender": "cash"})
    till = floor.till_sale(1, 5_000)
    assert floor.differences() == []
    return Played(
        floor, sold["id"], [sale["id"] for sale in sold["sales"]], back, paid_in.get_json()["topup"], till
    )  # fmt: skip


def planted(played: Played, table: str, change: str, **parameters: Any) -> list[Difference]:
    """What does not agree after a change of one table behind the product's back."""
    with played.floor.behind(table) as tx:
        assert tx.execute(change, parameters).rowcount == 1
    return played.floor.differences()


def only(found: list[Difference]) -> tuple[DifferenceKind, str, int | None, int | None]:
    assert len(found) == 1, found
    return found[0].kind, found[0].receipt, found[0].expected, found[0].found


def test_a_line_that_was_changed(played: Played) -> None:
    found = planted(
        played, "pos.sale_line", "UPDATE pos.sale_line SET amount = amount + 1 WHERE sale_id = :id", id=played.till
    )
    assert only(found) == (DifferenceKind.LINES, played.till, 5_000, 5_001)


def test_a_tender_that_was_changed(played: Played) -> None:
    found = planted(played, "pos.tender", "UPDATE pos.tender SET amount = 4900 WHERE sale_id = :id", id=played.till)
    assert only(found) == (DifferenceKind.TENDERS, played.till, 5_000, 4_900)


def test_a_receipt_that_says_something_else_than_its_lines_and_tenders(played: Played) -> None:
    found = planted(played, "pos.sale", "UPDATE pos.sale SET amount = 5100 WHERE id = :id", id=played.till)
    assert only(found) == (DifferenceKind.TOTAL, played.till, 5_000, 5_100)


def test_a_line_paid_by_another_tender_than_was_recorded(played: Played) -> None:
    sale = played.sales[1]
    found = planted(
        played,
        "pos.sale_line",
        "UPDATE pos.sale_line SET allocated = ARRAY[allocated[1] + 7, allocated[2] - 7, allocated[3]]"
        " WHERE sale_id = :id",
        id=sale,
    )
    assert only(found) == (DifferenceKind.ALLOCATION, sale, None, None)


def test_a_sale_of_a_settlement_that_is_gone(played: Played) -> None:
    sale = played.sales[1]
    floor = played.floor
    with floor.behind("pos.sale", "pos.sale_line", "pos.tender") as tx:
        for table, column in (("sale_line", "sale_id"), ("tender", "sale_id"), ("sale", "id")):
            tx.execute(f"DELETE FROM pos.{table} WHERE {column} = :id", {"id": sale})
    found = floor.differences()
    assert (DifferenceKind.SETTLEMENT, sale, 30_000, None) in {
        (each.kind, each.receipt, each.expected, each.found) for each in found
    }
    # What it had taken from the accounts, and what was given back of it, now hang in the air: its purchase is named.
    assert {each.receipt for each in found} <= {sale, played.sales[0]}


def test_a_ticket_that_was_put_back_though_it_is_paid(played: Played) -> None:
    found = planted(
        played,
        "pos.ticket",
        "UPDATE pos.ticket SET state = 'issued', settlement_id = NULL, first_line = NULL"
        " WHERE settlement_id = :id AND counter_code = 'C1'",
        id=played.settlement,
    )
    assert only(found)[:2] == (DifferenceKind.TICKET, played.settlement)
    assert found[0].about is About.SETTLEMENT


def test_a_journal_of_which_an_entry_was_changed(played: Played) -> None:
    found = planted(
        played,
        "member.entry",
        "UPDATE member.entry SET amount = amount - 5 WHERE lot_id IS NOT NULL AND (day, journal_id) ="
        " (SELECT day, id FROM member.journal WHERE kind = 'spend' AND reference = :reference)",
        reference=f"{played.sales[0]}/2",
    )
    assert only(found) == (DifferenceKind.JOURNAL, played.sales[0], -15_000, -15_005)
    assert found[0].unit == "cash:CNY"


def test_a_journal_that_is_gone_with_its_entries(played: Played) -> None:
    with played.floor.behind("member.entry", "member.journal") as tx:
        day, id = tx.execute(
            "SELECT day, id FROM member.journal WHERE kind = 'spend' AND reference = :reference",
            {"reference": f"{played.sales[0]}/3"},
        ).one()
        tx.execute("DELETE FROM member.entry WHERE day = :day AND journal_id = :id", {"day": day, "id": id})
        tx.execute("DELETE FROM member.journal WHERE day = :day AND id = :id", {"day": day, "id": id})
    found = played.floor.differences()
    assert only(found) == (DifferenceKind.ACCOUNTS, played.sales[0], -10_000, None)
    assert found[0].unit == "ecoin:CNY"


def test_points_that_were_never_booked(played: Played) -> None:
    with played.floor.behind("member.entry", "member.journal") as tx:
        day, id = tx.execute(
            "SELECT day, id FROM member.journal WHERE kind = 'earn' AND reference = :reference",
            {"reference": played.sales[0]},
        ).one()
        tx.execute("DELETE FROM member.entry WHERE day = :day AND journal_id = :id", {"day": day, "id": id})
        tx.execute("DELETE FROM member.journal WHERE day = :day AND id = :id", {"day": day, "id": id})
    found = played.floor.differences()
    assert {(each.kind, each.receipt) for each in found} == {(DifferenceKind.EARNED, played.sales[0])}


def test_a_journal_that_no_receipt_caused(played: Played) -> None:
    stray = played.till[:-4] + "beef"
    found = planted(
        played,
        "member.journal",
        "INSERT INTO member.journal (day, id, kind, member_id, store, reference, actor, at)"
        " SELECT day, CAST(:id AS uuid), 'spend', member_id, store, :id || '/1', actor, at FROM member.journal"
        " WHERE kind = 'topup' LIMIT 1",
        id=stray,
    )
    assert {(each.kind, each.receipt) for each in found} == {(DifferenceKind.JOURNAL, stray)}


def test_a_topup_without_an_entry(played: Played) -> None:
    with played.floor.behind("member.entry", "member.journal") as tx:
        day, id = tx.execute("SELECT day, id FROM member.journal WHERE kind = 'topup'").one()
        tx.execute("DELETE FROM member.entry WHERE day = :day AND journal_id = :id", {"day": day, "id": id})
        tx.execute("DELETE FROM member.journal WHERE day = :day AND id = :id", {"day": day, "id": id})
    found = played.floor.differences()
    assert only(found) == (DifferenceKind.TOPUP, played.topup, 100_000, None)
    assert found[0].about is About.TOPUP


def test_stored_value_that_nobody_paid_in(played: Played) -> None:
    with played.floor.behind("member.topup") as tx:
        tx.execute("DELETE FROM member.topup")
    found = played.floor.differences()
    assert {(each.kind, each.about) for each in found} == {(DifferenceKind.TOPUP, About.JOURNAL)}


def test_a_receipt_that_was_changed_all_over_after_its_day_was_closed(played: Played) -> None:
    floor = played.floor
    floor.close()
    with floor.behind("pos.sale", "pos.sale_line", "pos.tender") as tx:
        tx.execute("UPDATE pos.sale SET amount = 4000 WHERE id = :id", {"id": played.till})
        tx.execute("UPDATE pos.tender SET amount = 4000 WHERE sale_id = :id", {"id": played.till})
        tx.execute(
            "UPDATE pos.sale_line SET amount = 4000, allocated = ARRAY[4000]::bigint[] WHERE sale_id = :id",
            {"id": played.till},
        )
    assert only(floor.differences()) == (DifferenceKind.CLOSED, played.till, 5_000, 4_000)


def test_a_day_that_does_not_agree_is_closed_only_with_a_word_why(played: Played) -> None:
    floor = played.floor
    planted(played, "pos.sale", "UPDATE pos.sale SET amount = 5100 WHERE id = :id", id=played.till)
    with pytest.raises(DayDiffers) as refused:
        floor.close()
    assert refused.value.facts["differences"][0]["receipt"] == played.till
    closed = floor.close(note="the till was repaired at noon")
    assert (closed.note, len(closed.differences)) == ("the till was repaired at noon", 1)


@pytest.mark.parametrize(
    ("sums", "kind"),
    [
        (ReceiptSums(100, 100, 100, True), None),
        (ReceiptSums(100, 100, 100, False), DifferenceKind.ALLOCATION),
        (ReceiptSums(100, 90, 100, True), DifferenceKind.LINES),
        (ReceiptSums(100, 100, 90, True), DifferenceKind.TENDERS),
        (ReceiptSums(100, 90, 90, True), DifferenceKind.TOTAL),
        (ReceiptSums(100, 90, 80, True), DifferenceKind.LINES),
    ],
)
def test_the_one_fault_that_explains_a_receipt(sums: ReceiptSums, kind: DifferenceKind | None) -> None:
    fault = receipt_fault(sums)
    assert (fault.kind if fault else None) == kind
