"""A store's day is closed once, in order, with nothing open; its figures stay, and what comes later is posted later."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

import member_api.ledger.days as ledger_days
import pos_adapter.day.posting as posting
from foundation.database import Database
from foundation.errors import Forbidden
from pos_adapter.day.operations import day_is_closed, obstacles_of, read_day, warnings_of
from pos_adapter.day.posting import books_of, earlier_open, every_books, posted_on
from pos_adapter.day.rules import DayClosed, DayNotHere, DayNotReady, DayTooLarge, WarningKind
from tests.field.shop import PHONE_REF
from tests.member_api.people import a_member
from tests.pos_adapter.day.store import DayFloor
from tests.pos_adapter.returns.callers import three_counters_paid_by_everything


@pytest.fixture
def floor(http: FlaskClient, database: Database) -> DayFloor:
    return DayFloor(http, database)


def figures(floor: DayFloor, day: Any = None) -> Any:
    with floor.database.transaction(read_only=True) as tx:
        return read_day(tx, floor.store(tx), day or floor.today).figures


def test_a_day_of_everything_agrees_to_the_cent_and_is_closed_with_its_figures(floor: DayFloor) -> None:
    member, sold = three_counters_paid_by_everything(floor, floor.database)
    gold = sold["tickets"][2]
    red = floor.back("C3", {"ticket": gold, "reason": "too heavy"}).get_json()
    assert floor.refund(red["id"]).status_code == 200
    paid_in = floor.desk.post(f"/v1/members/{member}/topups", {"amount": 100_000, "bonus": 20_000, "tender": "cash"})
    assert paid_in.status_code == 201, paid_in.text
    floor.till_sale(7, 11_300)
    assert floor.differences() == []
    before = figures(floor)
    closed = floor.close()
    assert closed.receipts == 2 + 1 + 1 + 1
    assert closed.amount == 60_000 + 4_600 - 30_000 + 11_300 == before.amount
    after = figures(floor)
    assert (after.tenders, after.sales, after.entries) == (before.tenders, before.sales, before.entries), (
        "what is kept is what was shown"
    )
    assert {(each.opening, each.closing) for each in before.accounts} == {(None, None)}, "the first close reckons it"
    money: dict[tuple[str, str], int] = {}
    for figure in after.tenders:
        money[figure.source, figure.kind] = money.get((figure.source, figure.kind), 0) + figure.amount
    assert money == {
        ("receipt", "card"): 35_000 - 13_000,
        ("receipt", "cash"): 100 + 11_300,
        ("receipt", "ecoin"): 10_000 + 4_500 - 5_000,
        ("receipt", "ecoin_clawback"): -4_500,
        ("receipt", "stored_value"): 15_000 - 7_500,
        ("topup", "cash"): 100_000,
    }
    sales: dict[tuple[str, str], int] = {}
    for f in after.sales:
        sales[f.legal_unit, f.counter] = sales.get((f.legal_unit, f.counter), 0) + f.amount
    assert sales == {("MALL", "C1"): 10_000 + 11_300, ("MALL", "C2"): 20_000 + 4_600, ("JEWEL", "C3"): 0}
    assert next(f.tax for f in after.sales if f.tax_rate == 1300) == 1_300
    for unit in ("MALL", "JEWEL"):
        entries = [entry for entry in after.entries if entry.legal_unit == unit]
        assert sum(entry.debit for entry in entries) == sum(entry.credit for entry in entries)
    accounts = {(a.kind, a.funder): a for a in after.accounts}
    cash = accounts["cash", "company"]
    assert (cash.opening, cash.issued, cash.used, cash.reversed_in) == (0, 120_000, 15_000, 7_500)
    assert cash.closing == 120_000 - 15_000 + 7_500, "what the head office gave is not the store's"
    points = accounts["points", "company"]
    assert points.issued - points.reversed_out == points.closing > 0


def test_a_handheld_s_payment_is_its_clerk_s_and_what_nobody_is_named_for_stands_together(floor: DayFloor) -> None:
    for n, clerk in enumerate(("E7", "E8", None), 1):
        line = {"line": 1, "quantity": "1", "amount": 900, "counter": f"C{n}", "tax_rate": "0.13", "salesperson": clerk}
        paid = [{"kind": "card", "amount": 800}, {"kind": "voucher", "amount": 100}]
        floor.till_sale(n, 900, terminal=f"H-C{n}", lines=[line], tenders=paid)
    floor.till_sale(7, 500)
    floor.till_sale(8, 600, terminal="T2")
    told = [(each.cashier, sorted(each.terminals), each.amount) for each in figures(floor).by_cashier()]
    assert told == [
        ("E7", ["H-C1"], 900), ("E8", ["H-C2"], 900), ("", ["H-C3", "T1", "T2"], 900 + 500 + 600),
    ]  # fmt: skip


def test_the_journal_in_sums_is_the_journal(floor: DayFloor) -> None:
    three_counters_paid_by_everything(floor, floor.database)
    found = figures(floor)
    books = found.journal()
    assert len({(book.legal_unit, book.account) for book in books}) == len(books) < len(found.entries)
    assert [part for book in books for part in book.parts] == list(found.entries)
    assert sum(book.debit for book in books) == sum(book.credit for book in books) > 0
    modes = found.modes()
    assert [each for mode in modes for each in mode.counters] == sorted(
        found.counters(), key=lambda c: (c.legal_unit, c.mode, c.counter)
    )
    assert sum(mode.amount for mode in modes) == found.amount


def test_a_closed_day_stays_closed_and_what_comes_later_is_posted_on_the_next_one(floor: DayFloor) -> None:
    floor.till_sale(1, 5_000, floor.yesterday)
    floor.deliver()
    first = floor.close(floor.yesterday)
    kept = figures(floor, floor.yesterday)
    with pytest.raises(DayClosed):
        floor.close(floor.yesterday)
    late = floor.till_sale(2, 700, floor.yesterday)
    floor.till_sale(1, 900)
    floor.deliver()
    floor.deliver()
    assert figures(floor, floor.yesterday) == kept
    with floor.database.transaction(read_only=True) as tx:
        assert day_is_closed(tx, floor.store(tx).id, floor.yesterday)
        assert not day_is_closed(tx, floor.store(tx).id, floor.today)
        open_day = read_day(tx, floor.store(tx), floor.today)
    assert (open_day.receipts, open_day.late) == (2, 1)
    second = floor.close()
    assert (first.receipts, first.amount) == (1, 5_000)
    assert (second.receipts, second.late, second.amount) == (2, 1, 1_600)
    assert floor.differences(floor.yesterday) == floor.differences() == []
    assert floor.desk.get(f"/v1/sales/{late}").get_json()["business_date"] == floor.yesterday.isoformat()


def test_a_receipt_names_the_day_whose_figures_it_is_in(floor: DayFloor) -> None:
    """Before its day is closed; late, noted or not yet; and when the next day has taken it."""

    def dates(sale: Any) -> tuple[str, str]:
        receipt = floor.desk.get(f"/v1/sales/{sale}").get_json()
        return receipt["business_date"], receipt["posting_date"]

    yesterday, today = floor.yesterday.isoformat(), (floor.yesterday + timedelta(days=1)).isoformat()
    older = floor.till_sale(9, 100, floor.yesterday - timedelta(days=1))
    first = floor.till_sale(1, 5_000, floor.yesterday)
    assert dates(first) == (yesterday, yesterday)
    floor.close(floor.yesterday)
    late = floor.till_sale(2, 700, floor.yesterday)
    assert dates(late) == (yesterday, today), "at once, though nobody has noted it yet"
    floor.deliver()
    assert dates(late) == (yesterday, today)
    floor.close()
    assert (dates(first), dates(late)) == ((yesterday, yesterday), (yesterday, today))
    assert dates(older) == ((floor.yesterday - timedelta(days=1)).isoformat(),) * 2, "before the books"


def test_what_was_sold_before_the_books_began_is_in_no_day(floor: DayFloor) -> None:
    floor.till_sale(1, 5_000, floor.yesterday)
    floor.till_sale(1, 900)
    closed = floor.close()
    floor.deliver()
    assert (closed.receipts, closed.late, closed.amount) == (1, 0, 900)
    with floor.database.transaction(read_only=True) as tx:
        waiting = tx.execute("SELECT count(*) FROM pos.day_item WHERE posting_date IS NULL").scalar_one()
    assert waiting == 0


def test_days_are_closed_in_order_and_never_before_they_begin(floor: DayFloor) -> None:
    two_ago = floor.yesterday - timedelta(days=1)
    floor.till_sale(1, 100, two_ago)
    floor.close(two_ago)
    floor.till_sale(1, 100, floor.yesterday)
    with pytest.raises(DayNotReady) as refused:
        floor.close()
    assert refused.value.facts["obstacles"][0]["kind"] == "earlier_day"
    with pytest.raises(DayNotHere):
        floor.close(floor.today + timedelta(days=1))
    floor.close(floor.yesterday)
    assert floor.close().receipts == 0


def test_open_shifts_keep_the_day_open_and_open_tickets_expire(floor: DayFloor) -> None:
    ticket = floor.issued("C1", 1_000)
    opened = floor.desk.post("/v1/shifts", {"store": "S01", "terminal": "D1", "float": 50_000}).get_json()
    with floor.database.transaction(read_only=True) as tx:
        [obstacle] = obstacles_of(tx, floor.store(tx), floor.today)
    assert (obstacle.kind.value, obstacle.link) == ("shift", f"/shifts?store=S01&code={opened['code']}")
    with pytest.raises(DayNotReady):
        floor.close()
    assert floor.state(ticket) == "issued", "what was refused changed nothing"
    floor.desk.post(f"/v1/shifts/{opened['id']}/count", {"tenders": [{"kind": "cash", "amount": 50_000}]})
    floor.desk.post(f"/v1/shifts/{opened['id']}/hand-in", {})
    floor.close()
    assert floor.state(ticket) == "expired"


def test_a_red_ticket_is_worth_a_look_on_its_day_and_on_none_before(floor: DayFloor) -> None:
    sold = floor.sold(5_000)
    assert floor.back("C1", {"ticket": sold["tickets"][0], "reason": "too heavy"}).status_code == 201
    with floor.database.transaction(read_only=True) as tx:
        store = floor.store(tx)
        assert WarningKind.RED_TICKETS in {each.kind for each in warnings_of(tx, store, floor.today)}
        assert warnings_of(tx, store, floor.yesterday) == []


def test_a_receipt_discarded_after_its_day_was_closed_is_taken_out_on_the_next(floor: DayFloor) -> None:
    sale = floor.till_sale(1, 5_000, floor.yesterday)
    floor.close(floor.yesterday)
    with floor.database.transaction() as tx:
        tx.execute("UPDATE pos.sale SET state = 'discarded' WHERE id = :id", {"id": sale})
        tx.execute(
            "INSERT INTO foundation.outbox (topic, facts, at) VALUES ('sale.discarded', CAST(:facts AS json), now())",
            {"facts": f'{{"sale": "{sale}", "store": {floor.store(tx).id}, "what": "sale"}}'},
        )
    floor.deliver()
    closed = floor.close()
    assert (closed.receipts, closed.late, closed.amount) == (0, 0, -5_000), "what is taken out is no receipt"
    assert figures(floor, floor.yesterday).amount == 5_000


def test_what_lies_before_the_books_is_looked_for_so_far_back_and_what_is_older_is_late(
    floor: DayFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "BEFORE_BOOKS_DAYS", 1)
    floor.till_sale(1, 5_000, floor.yesterday - timedelta(days=1))
    floor.till_sale(1, 700, floor.yesterday)
    floor.close()
    floor.deliver()
    with floor.database.transaction(read_only=True) as tx:
        rows = tx.execute("SELECT amount, posting_date FROM pos.day_item ORDER BY amount").all()
    assert [tuple(row) for row in rows] == [(700, floor.yesterday), (5_000, None)]


def test_what_was_discarded_before_the_books_began_is_taken_out_of_no_day(floor: DayFloor) -> None:
    sale = floor.till_sale(1, 5_000, floor.yesterday)
    floor.close()
    with floor.database.transaction() as tx:
        tx.execute("UPDATE pos.sale SET state = 'discarded' WHERE id = :id", {"id": sale})
        tx.execute(
            "INSERT INTO foundation.outbox (topic, facts, at) VALUES ('sale.discarded', CAST(:facts AS json), now())",
            {"facts": f'{{"sale": "{sale}", "store": {floor.store(tx).id}, "what": "sale"}}'},
        )
    floor.deliver()
    with floor.database.transaction(read_only=True) as tx:
        assert posted_on(tx, floor.store(tx), books_of(tx, floor.store(tx).id), floor.yesterday).receipts == 1
        assert tx.execute("SELECT count(*) FROM pos.day_item WHERE effect = -1").scalar_one() == 0


def test_the_books_of_each_store_are_read_from_its_first_and_its_last_day(floor: DayFloor) -> None:
    for day in (floor.yesterday, floor.today):
        floor.close(day)
    with floor.database.transaction() as tx:
        tx.execute(
            "INSERT INTO pos.store_day (store_id, day, currency, receipts, late, amount, closed_by, closed_at)"
            " SELECT 900, day, currency, 0, 0, 0, 'test', closed_at FROM pos.store_day"
        )
        found = every_books(tx)
        assert found[900] == found[floor.store(tx).id] == books_of(tx, 900)
        assert (found[900].begin_on, found[900].last, len(found)) == (floor.yesterday, floor.today, 2)


def test_a_day_of_more_than_is_posted_at_once_is_refused_and_not_cut(
    floor: DayFloor, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor.till_sale(1, 900)
    monkeypatch.setattr(posting, "RECEIPTS_MAX", 1)
    with pytest.raises(DayTooLarge):
        floor.close()
    told = floor.office.get(f"/v1/stores/S01/days/{floor.today.isoformat()}")
    assert (told.status_code, told.get_json()["code"]) == (409, "day_too_large")


def test_a_top_up_of_an_earlier_day_keeps_the_next_one_open(floor: DayFloor) -> None:
    two_ago = floor.yesterday - timedelta(days=1)
    floor.close(two_ago)
    member = a_member(floor.database)
    assert floor.desk.post(f"/v1/members/{member}/topups", {"amount": 100, "tender": "cash"}).status_code == 201
    with floor.database.transaction(read_only=True) as tx:
        store, tomorrow = floor.store(tx), floor.today + timedelta(days=1)
        assert earlier_open(tx, store, books_of(tx, store.id), tomorrow) == floor.today
        assert earlier_open(tx, store, books_of(tx, store.id), floor.today) is None


def test_movements_are_never_told_in_part(floor: DayFloor, monkeypatch: pytest.MonkeyPatch) -> None:
    three_counters_paid_by_everything(floor, floor.database)
    monkeypatch.setattr(ledger_days, "ROLL_FORWARD_MAX", 1)
    today = floor.today.isoformat()
    told = floor.office.get("/v1/account-movements", **{"from": today, "to": today})
    assert (told.status_code, told.get_json()["code"]) == (409, "movements_too_many")


def test_a_void_is_posted_with_what_it_gives_back(floor: DayFloor) -> None:
    floor.till_sale(1, 5_000, tenders=[{"kind": "cash", "amount": 5_000}])
    void = {
        "store": "S01", "terminal": "T1", "business_date": floor.today.isoformat(), "sequence": 2, "type": "void",
        "occurred_at": f"{floor.today.isoformat()}T00:00:00+08:00", "currency": "CNY",
        "original": {
            "store": "S01", "terminal": "T1", "business_date": floor.today.isoformat(), "sequence": 1,
        },
    }  # fmt: skip
    assert floor.erp.post("/v1/sales", void).status_code == 201
    assert floor.differences() == []
    closed = floor.close()
    assert (closed.receipts, closed.amount) == (2, 0)


def test_a_stranger_closes_nothing(floor: DayFloor) -> None:
    from pos_adapter.day.operations import close_day
    from tests.pos_adapter.day.store import manager

    with pytest.raises(Forbidden), floor.database.transaction() as tx:
        close_day(tx, manager("S02"), floor.store(tx), floor.today)


WRITTEN_WRONG = ["0001-01-01", "9999-12-31", "yesterday", "2026-02-30", "20260105x", "20260105", "2026-W02-1"]


@pytest.mark.parametrize("day", WRITTEN_WRONG)
def test_what_is_no_day_of_a_calendar_is_refused(floor: DayFloor, day: str) -> None:
    assert floor.office.get(f"/v1/stores/S01/days/{day}").status_code == 400
    assert floor.office.post(f"/v1/stores/S01/days/{day}/close", {}).status_code == 400
    period = {"from": "0001-01-01", "to": "0001-01-02"}
    assert floor.office.get("/v1/counters/S01/C1/statements", **period).status_code == 422
    ends = {"from": "9999-12-01", "to": "9999-12-31"}
    assert floor.office.get("/v1/counters/S01/C1/statements", **ends).status_code == 422


def test_a_day_is_closed_once_over_http_and_listed(floor: DayFloor) -> None:
    floor.till_sale(1, 900)
    address = f"/v1/stores/S01/days/{floor.today.isoformat()}"
    closed = floor.office.post(f"{address}/close", {}, key="close-it")
    assert (closed.status_code, closed.get_json()["amount"]) == (201, 900)
    again = floor.office.post(f"{address}/close", {}, key="close-it")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert floor.office.post(f"{address}/close", {}).get_json()["code"] == "day_closed"
    [listed] = floor.office.get("/v1/stores/S01/days").get_json()["items"]
    assert listed == closed.get_json()
    for compare in ("true", "false"):
        told = floor.office.get(address, compare=compare).get_json()
        assert (told["state"], told["amount"], told["differences"]) == ("closed", 900, [])
    assert floor.office.get("/v1/stores/S09/days").status_code == 404
    assert floor.desk.get(address).status_code == 403


def test_the_company_s_accounts_close_with_what_members_own(floor: DayFloor) -> None:
    three_counters_paid_by_everything(floor, floor.database)
    today = floor.today.isoformat()
    told = floor.office.get("/v1/account-movements", **{"from": today, "to": today}).get_json()
    assert {(tie["kind"], tie["closing"] - tie["balance"]) for tie in told["ties"]} == {
        ("cash", 0), ("ecoin", 0), ("points", 0),
    }  # fmt: skip
    lines = {(line["store"], line["kind"]): line for line in told["items"]}
    assert lines[None, "cash"]["issued"] == 20_000, "what the head office gave"
    assert (lines["S01", "cash"]["used"], lines["S01", "cash"]["closing"]) == (15_000, -15_000)
    before = floor.office.get("/v1/account-movements", **{"from": "2026-01-01", "to": "2026-01-02"}).get_json()
    assert (before["items"], before["ties"]) == ([], [])
    assert floor.desk.get("/v1/account-movements", **{"from": today, "to": today}).status_code == 403


def test_points_that_a_member_spends_at_two_legal_units_are_one_movement(floor: DayFloor) -> None:
    three_counters_paid_by_everything(floor, floor.database)
    again = floor.settle(
        floor.issued("C1", 300, member=PHONE_REF), floor.issued("C3", 500, member=PHONE_REF),
        tenders=[{"kind": "points", "amount": 1, "units": 100}, {"kind": "card", "amount": 799}],
    )  # fmt: skip
    assert again.status_code == 201, again.text
    assert floor.differences() == []
    floor.close()
