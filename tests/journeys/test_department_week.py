"""A week of the made-up department store: every day agrees to the cent, and what does not is named.

The clock is moved through the week; everything comes in over the routes that handhelds, desks and tills use, and each
day is closed by the route that a manager's page uses. Then differences are planted in SQL, behind the product's back.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from foundation.access import Principal, PrincipalKind
from foundation.clock import FixedClock
from foundation.database import Database, Tx, use_database
from foundation.settings import get_settings, read_settings
from organisation.contract import StoreFacts, stores_by_code
from pos_adapter.day.operations import close_day, differences_of, read_day
from pos_adapter.day.rules import DayDiffers, DifferenceKind
from regulars.demo.connection import DemoStopped
from regulars.demo.department.building import STORE
from regulars.demo.department.calendar import Calendar
from regulars.demo.department.machines import get, post
from regulars.demo.department.takings import Takings
from regulars.demo.department.tills import Past, Receipt, past
from regulars.web import create_web_app
from tests.journeys.department import Store, banks
from tests.journeys.planted import PLANTS, Planter

pytestmark = pytest.mark.slow

CALENDAR = Calendar(date(2026, 11, 16), 7)
# A tenth and less of what the store is in the demo.
ON_THE_FLOOR, AT_THE_TILLS, MEMBERS = 0.06, 0.02, 40
LATE_ON = date(2026, 11, 19)
MANAGER = Principal(PrincipalKind.PERSON, "1", "Manager", frozenset({"day.close"}), None)
# How much the drawers were miscounted on the first days: over, short, by desk.
MISCOUNTED = {0: {"D1": 300}, 1: {"D2": -500, "D3": 1}}


@dataclass
class Week:
    """The store after its week, all but the last day closed; what each day came to, and how it looked when closed."""

    store: Store
    rung: Past
    takings: dict[date, Takings]
    closed: dict[date, Any]

    def day(self, day: date) -> Any:
        return get(self.store.office, f"/v1/stores/{STORE}/days/{day}")


@pytest.fixture(scope="module")
def week(fresh_database: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Week]:
    with pytest.MonkeyPatch.context() as patch, banks(tmp_path_factory.mktemp("banks")):
        for name, value in fresh_database.items():
            patch.setenv(name, value)
        get_settings.cache_clear()
        database = Database(read_settings(fresh_database), FixedClock())
        use_database(database)
        clock = database.clock
        assert isinstance(clock, FixedClock)
        yield _played(Store(create_web_app(), database, clock, CALENDAR, MEMBERS))
        use_database(None)
        database.dispose()
    get_settings.cache_clear()


def _played(store: Store) -> Week:
    made = Week(store, past(CALENDAR, AT_THE_TILLS, store.cards), {}, {})
    for n, day in enumerate(CALENDAR):
        if day == LATE_ON:
            store.ring(day, Past(CALENDAR, (_late(made.rung),)), of=CALENDAR.first_day)
        store.follow()
        made.takings[day] = store.play(day, ON_THE_FLOOR, MISCOUNTED.get(n, {}))
        made.takings[day].ecoins_earned += store.ring(day, made.rung)
        if day < CALENDAR.last_day:
            close(made, day)
            made.closed[day] = made.day(day)
    return made


def _late(rung: Past) -> Receipt:
    """A receipt of the first day from a till that was not connected."""
    receipt = next(each for each in rung.receipts if each["type"] == "sale" and "member" not in each)
    return receipt | {"terminal": "K9", "sequence": 1}


def close(week: Week, day: date, note: str | None = None) -> Any:
    body = {"note": note} if note else {}
    return post(week.store.office, f"/v1/stores/{STORE}/days/{day}/close", body, f"close-{day}-{note}")


def total(figures: list[Any], key: str, value: str, **only: str) -> Counter[str]:
    """Sums of one column by another, of the figures that have these values."""
    sums: Counter[str] = Counter()
    for each in figures:
        if all(each[name] == wanted for name, wanted in only.items()):
            sums[each[key]] += each[value] or 0
    return sums


def without_nothing(sums: Mapping[str, int]) -> dict[str, int]:
    return {key: amount for key, amount in sums.items() if amount}


# ---------------------------------------------------------------------------------------------------- it agrees


@pytest.mark.parametrize("day", list(CALENDAR), ids=str)
def test_a_day_comes_to_what_its_machines_were_told_to_the_cent(week: Week, day: date) -> None:
    found, takings, rung = week.day(day), week.takings[day], week.rung.totals()[day]
    assert found["differences"] == []
    assert found["state"] == ("closed" if day < CALENDAR.last_day else "open")

    right = Counter(takings.paid)
    right.update(rung.tenders)
    right.subtract(takings.given_back)
    late = [_late(week.rung)] if day == LATE_ON else []
    right.update({tender["kind"]: tender["amount"] for each in late for tender in each["tenders"]})
    assert total(found["tenders"], "kind", "amount", source="receipt") == without_nothing(right)
    assert found["amount"] == sum(right.values())
    assert found["receipts"] == takings.sales + takings.returns + rung.receipts + len(late)
    assert total(found["tenders"], "kind", "amount", source="topup") == takings.topped_up
    assert sum(each["amount"] for each in found["sales"]) == found["amount"]


@pytest.mark.parametrize("day", list(CALENDAR), ids=str)
def test_the_accounts_of_a_day_moved_what_was_spent_given_back_earned_and_paid_in(week: Week, day: date) -> None:
    found, takings = week.day(day), week.takings[day]
    moved = {kind: total(found["accounts"], "kind", kind) for kind in ("issued", "reversed_in", "used")}
    assert moved["issued"]["ecoin"] == takings.ecoins_earned
    assert moved["issued"]["cash"] == sum(takings.topped_up.values()) + takings.bonus
    for account, tender in (("ecoin", "ecoin"), ("cash", "stored_value")):
        assert moved["used"][account] == takings.paid[tender]
        assert moved["reversed_in"][account] == takings.given_back[tender]
    for account in found["accounts"]:
        came = account["issued"] + account["reversed_in"] - account["used"] - account["expired"]
        assert account["opening"] + came - account["reversed_out"] + account["adjusted"] == account["closing"]


def test_every_day_begins_with_what_the_day_before_ended_with(week: Week) -> None:
    closing: Counter[tuple[str, str]] = Counter()
    for day in CALENDAR:
        accounts = week.day(day)["accounts"]
        opening: Counter[tuple[str, str]] = Counter()
        for each in accounts:
            opening[each["kind"], each["funder"]] += each["opening"]
        assert +opening == +closing
        closing = Counter()
        for each in accounts:
            closing[each["kind"], each["funder"]] += each["closing"]
    assert closing["ecoin", "company"] > 0
    assert sum(amount for (kind, _), amount in closing.items() if kind == "cash") > 0


def test_the_journal_balances_in_every_legal_unit_and_shows_what_drawers_were_over_and_short(week: Week) -> None:
    for n, day in enumerate(CALENDAR):
        entries = week.day(day)["entries"]
        for unit in {entry["legal_unit"] for entry in entries}:
            of_unit = [entry for entry in entries if entry["legal_unit"] == unit]
            assert sum(e["debit"] for e in of_unit) == sum(e["credit"] for e in of_unit) > 0
        over = sum(e["credit"] - e["debit"] for e in entries if e["account"] == "over_short")
        assert over == sum(MISCOUNTED.get(n, {}).values())
        assert not [entry for entry in entries if entry["account"] == "not_agreed"]
    assert {entry["legal_unit"] for entry in week.day(CALENDAR.last_day)["entries"]} > {"YZ-RETAIL"}


def test_a_late_receipt_keeps_its_date_and_is_posted_on_a_later_day_while_closed_figures_stay(week: Week) -> None:
    assert [day for day in CALENDAR if week.day(day)["late"]] == [LATE_ON]
    assert week.day(LATE_ON)["late"] == 1
    for day, as_closed in week.closed.items():
        assert week.day(day) == as_closed


# ---------------------------------------------------------------------------------------------------- it is named


@contextmanager
def spoiled(week: Week, day: date) -> Iterator[tuple[Tx, Planter]]:
    """A transaction in which differences are planted in a day; nothing of it stays."""
    with week.store.database.engine.connect() as connection:
        tx = Tx(connection, week.store.clock.now())
        yield tx, Planter(tx, day)
        connection.rollback()


def named(tx: Tx, day: date) -> list[tuple[DifferenceKind, str]]:
    """What the day close names, by kind and id; what it names for points and for e-coins counts once."""
    tx.flush()
    found = differences_of(tx, the_store(tx), day)
    return list(dict.fromkeys((each.kind, each.receipt) for each in found))


def the_store(tx: Tx) -> StoreFacts:
    return stores_by_code(tx, [STORE])[STORE]


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_difference_is_named_with_its_receipt_and_nothing_else_is(week: Week, name: str) -> None:
    with spoiled(week, CALENDAR.last_day) as (tx, planter):
        planted = planter.plant(name)
        assert named(tx, CALENDAR.last_day) == [(planted.kind, planted.receipt)], planted.what


def test_planted_all_at_once_each_is_named_and_nothing_else_is(week: Week) -> None:
    with spoiled(week, CALENDAR.last_day) as (tx, planter):
        planted = {(each.kind, each.receipt) for each in planter.all()}
        assert len(planted) == len(PLANTS)
        assert sorted(named(tx, CALENDAR.last_day)) == sorted(planted)


def test_a_day_that_differs_is_closed_only_by_somebody_who_says_why_and_keeps_what_differed(week: Week) -> None:
    last = CALENDAR.last_day
    with spoiled(week, last) as (tx, planter):
        planted = {each.receipt for each in planter.all()}
        with pytest.raises(DayDiffers) as refused:
            close_day(tx, MANAGER, the_store(tx), last)
        assert {each["receipt"] for each in refused.value.facts["differences"]} == planted
    with spoiled(week, last) as (tx, planter):
        planted = {each.receipt for each in planter.all()}
        closed = close_day(tx, MANAGER, the_store(tx), last, "handed to the auditor")
        assert {each.receipt for each in closed.differences} == planted


def test_a_receipt_that_changed_after_its_day_was_closed_is_named_and_the_closed_figures_stay(week: Week) -> None:
    first = CALENDAR.first_day
    with spoiled(week, first) as (tx, planter):
        planted = planter.a_receipt_of_a_till_becomes_another()
        assert named(tx, first) == [(DifferenceKind.CLOSED, planted.receipt)]
        assert read_day(tx, the_store(tx), first).figures.amount == week.closed[first]["amount"]


def test_the_route_that_closes_a_day_tells_the_receipt_that_differs(week: Week) -> None:
    last, office = CALENDAR.last_day, week.store.office
    with week.store.database.transaction() as tx:
        planted = Planter(tx, last).a_line_comes_to_more()
    assert [each["receipt"] for each in week.day(last)["differences"]] == [planted.receipt]
    with pytest.raises(DemoStopped, match="409 day_differs"):
        office.send("POST", f"/v1/stores/{STORE}/days/{last}/close", {}, key="close-what-differs")
    with week.store.database.transaction() as tx:
        tx.execute("SET LOCAL session_replication_role = replica")
        tx.execute(
            "UPDATE pos.sale_line SET amount = amount - 1 WHERE sale_id = :id"
            " AND amount > (SELECT sum(a) FROM unnest(allocated) AS a)",
            {"id": planted.receipt},
        )
    assert week.day(last)["differences"] == []
