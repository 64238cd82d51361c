"""Conditions on sales: the roll-ups answer as somebody would who reads every line."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from pyroaring import BitMap

from analytics.conditions.lake_session import close_lake_session, lake_session
from analytics.contract.conditions import answer, evidence
from analytics.lake.reading import open_lake
from analytics.promotions.sensitivity import promotion_sensitivity
from foundation.conditions import Condition, Operator, Where, compare
from foundation.database import Database, Tx
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.organisation.factories import a_store

TODAY = date(2026, 1, 5)
EVERYBODY = BitMap(range(1, 31))
PATHS = {1: ("FOOD",), 2: ("FOOD", "DAIRY"), 3: ("FOOD", "BREAD"), 4: ("TOYS",), 5: ("TOYS", "DAIRY")}
BRANDS = {1: "OWN", 2: "BEST", 3: "NEW"}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_lake_session()


def put_names(tx: Tx) -> None:
    for id_, path in PATHS.items():
        parent = next((known for known, other in PATHS.items() if other == path[:-1]), None)
        tx.execute(
            "INSERT INTO pos.category (id, path, name, parent_id) OVERRIDING SYSTEM VALUE "
            "VALUES (:id, :path, :name, :parent)",
            {"id": id_, "path": list(path), "name": path[-1].title(), "parent": parent},
        )
    for id_, code in BRANDS.items():
        tx.execute(
            "INSERT INTO pos.brand (id, code, name) OVERRIDING SYSTEM VALUE VALUES (:id, :code, :code)",
            {"id": id_, "code": code},
        )


def voided(line: LineFacts, day: date) -> LineFacts:
    return replace(
        line,
        business_date=day,
        amount=-line.amount,
        benefit=-line.benefit,
        type="void",
        quantity_milli=-line.quantity_milli,
        profit=None if line.profit is None else -line.profit,
    )


def some_lines(count: int = 600) -> list[LineFacts]:
    """Receipts of up to three lines over 14 months, some of them returns, some voided later, two currencies."""
    chance = random.Random(7)
    lines: list[LineFacts] = []
    for receipt in range(1, count):
        day = TODAY - timedelta(days=chance.randrange(0, 430))
        member = chance.choice([*range(1, 26), None])
        store = chance.choice([1, 2])
        common: dict[str, Any] = {
            "member_id": member,
            "store_id": store,
            "format": "super" if store == 1 else "depot",
            "currency": chance.choice(["CNY", "CNY", "CNY", "USD"]),
            "receipt": receipt,
            "type": "return" if chance.random() < 0.08 else "sale",
        }
        sign = -1 if common["type"] == "return" else 1
        made = [
            LineFacts(
                day,
                sign * chance.randrange(1, 9000),
                line=n,
                benefit=chance.choice([0, 0, sign * 10]),
                category_id=chance.choice([2, 3, 4, 5, None]),
                brand_id=chance.choice([1, 2, 3, None]),
                kind="goods" if chance.random() < 0.95 else "topup",
                promoted=chance.random() < 0.3,
                quantity_milli=sign * chance.choice([1000, 1500, 2000]),
                profit=chance.choice([None, sign * chance.randrange(0, 500)]),
                **common,
            )
            for n in range(1, chance.randrange(2, 5))
        ]
        lines += made
        if sign == 1 and chance.random() < 0.05:
            later = min(TODAY, day + timedelta(days=chance.choice([0, 3, 40])))
            lines += [voided(line, later) for line in made]
    return lines


LINES = some_lines()
VOIDED = {line.receipt for line in LINES if line.type == "void"}


@pytest.fixture
def lake(database: Database) -> Iterator[Tx]:
    with database.transaction() as tx:
        a_store(tx, "S1")
        a_store(tx, "S2")
        put_names(tx)
        tx.flush()
    half = len(LINES) // 2
    while LINES[half].receipt == LINES[half - 1].receipt or LINES[half].type == "void":
        half += 1
    write_lake(database, LINES[:half])
    write_lake(database, LINES[half:])
    with database.transaction() as tx:
        yield tx


# ------------------------------------------------------------------------------------------------ reading every line
@dataclass(frozen=True)
class Seen:
    """What one member's lines say, without a roll-up."""

    lines: list[LineFacts]
    currency: str | None

    def _of_currency(self) -> list[LineFacts]:
        return [line for line in self.lines if self.currency is None or line.currency == self.currency]

    def receipts(self, lines: list[LineFacts]) -> int:
        sold = {(line.receipt, line.business_date) for line in lines if line.type == "sale"}
        voided = {(line.receipt, line.business_date) for line in lines if line.type == "void"}
        return len(sold) - len(voided)

    @property
    def measures(self) -> dict[str, Any]:
        mine = self._of_currency()
        spend = sum(line.amount for line in mine)
        paid = sum(line.amount - line.benefit for line in mine)
        receipts = self.receipts(mine)
        promoted = sum(line.amount for line in mine if line.promoted)
        by_day: dict[Any, list[LineFacts]] = {}
        for line in self.lines:
            by_day.setdefault((line.business_date, line.format, line.currency), []).append(line)
        visited = [day for day, lines in by_day.items() if self.receipts(lines) > 0]
        return {
            "spend": paid,
            "receipts": self.receipts(self.lines),
            "visits": len(visited),
            "average_ticket": half_up(spend / receipts) if receipts else None,
            "quantity": sum(line.quantity_milli for line in self.lines) / 1000,
            "gross_profit": sum(line.profit or 0 for line in mine),
            "regular_price_share": (spend - promoted) / spend if spend else None,
            "promotion_share": promoted / spend if spend else None,
            "days_since_last": (TODAY - max(day[0] for day in visited)).days if visited else None,
            "first_purchase": min(day[0] for day in visited) if visited else None,
        }


def half_up(value: float) -> int:
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)


def by_reading(condition: Condition, keep: Callable[[LineFacts], bool]) -> set[int]:
    """Who fulfils a comparison, from the lines alone."""
    first, last = condition.past(TODAY)
    if condition.measure in ("days_since_last", "first_purchase"):
        first, last = None, TODAY
    money = condition.measure in ("spend", "average_ticket", "gross_profit", "regular_price_share", "promotion_share")
    found = set()
    for member in EVERYBODY:
        lines = [
            line
            for line in LINES
            if line.member_id == member
            and line.kind == "goods"
            and (first is None or line.business_date >= first)
            and line.business_date <= last
            and keep(line)
        ]
        measured = Seen(lines, (condition.currency or "CNY") if money else None).measures[condition.measure]
        if condition.measure == "first_purchase":
            begin, end = condition.past(TODAY)
            passed = measured is not None and (begin or date.min) <= measured <= end
        else:
            passed = measured is not None and compare(condition.operator, condition.value)(measured)
        if passed:
            found.add(member)
    return found


def by_asking(tx: Tx, condition: Condition) -> set[int]:
    return set(answer(tx, [condition], TODAY).selections[0].within(lambda: EVERYBODY))


def anything(line: LineFacts) -> bool:
    return True


WINDOWS: list[dict[str, Any]] = [
    {},
    {"within_days": 90},
    {"within_days": 5},
    {"first": date(2025, 10, 10), "last": date(2025, 10, 20)},
    {"first": date(2025, 8, 15), "last": date(2025, 12, 14)},
    {"first": date(2025, 9, 1), "last": date(2025, 9, 30)},
    {"first": date(2025, 9, 30), "last": date(2025, 11, 1)},
    {"last": date(2025, 6, 15)},
]
NARROWED: list[tuple[tuple[tuple[Where, tuple[Any, ...]], ...], Callable[[LineFacts], bool]]] = [
    ((), anything),
    (((Where.FORMAT, ("super",)),), lambda line: line.format == "super"),
    (((Where.CATEGORY, ("FOOD", "DAIRY")),), lambda line: line.category_id == 2),
    (((Where.CATEGORY, (("FOOD",),)),), lambda line: line.category_id in (1, 2, 3)),
    (((Where.CATEGORY, ("DAIRY",)),), lambda line: line.category_id in (2, 5)),
    (((Where.CATEGORY, ("BREAD", "TOYS")),), lambda line: line.category_id in (3, 4, 5)),
    (((Where.BRAND, ("BEST", "OWN")),), lambda line: line.brand_id in (1, 2)),
    (((Where.STORE, ("S2",)),), lambda line: line.store_id == 2),
    (
        ((Where.CATEGORY, (("TOYS",),)), (Where.FORMAT, ("depot",))),
        lambda line: line.category_id in (4, 5) and line.format == "depot",
    ),
]
COMPARED: list[tuple[str, Operator, Any]] = [
    ("spend", Operator.AT_LEAST, 10_000),
    ("spend", Operator.LESS, 10_000),
    ("visits", Operator.AT_LEAST, 3),
    ("visits", Operator.AT_MOST, 2),
    ("receipts", Operator.BETWEEN, (1, 4)),
    ("receipts", Operator.EQUAL, 0),
    ("average_ticket", Operator.MORE, 8_000),
    ("average_ticket", Operator.UNEQUAL, 1),
    ("quantity", Operator.AT_LEAST, 4.5),
    ("gross_profit", Operator.MORE, 300),
    ("regular_price_share", Operator.AT_LEAST, 0.75),
    ("promotion_share", Operator.LESS, 0.25),
]


@pytest.mark.parametrize("where", range(len(NARROWED)))
def test_every_measure_in_every_window_is_what_the_lines_say(lake: Tx, where: int) -> None:
    narrowed, keep = NARROWED[where]
    for window in WINDOWS:
        for measure, operator, value in COMPARED:
            condition = Condition(measure, operator, value, where=narrowed, **window)
            assert by_asking(lake, condition) == by_reading(condition, keep), condition
    for condition in (
        Condition("spend", Operator.AT_LEAST, 5_000, currency="USD", where=narrowed),
        Condition("average_ticket", Operator.AT_LEAST, 5_000, currency="USD", where=narrowed),
    ):
        assert by_asking(lake, condition) == by_reading(condition, keep), condition


@pytest.mark.parametrize("where", range(len(NARROWED)))
def test_first_and_last_purchases_are_what_the_lines_say(database: Database, where: int) -> None:
    narrowed, keep = NARROWED[where]
    unspoilt = [line for line in LINES if line.type == "sale" and line.receipt not in VOIDED]
    with database.transaction() as tx:
        a_store(tx, "S1")
        a_store(tx, "S2")
        put_names(tx)
    write_lake(database, unspoilt)
    with database.transaction() as tx:
        for condition in (
            Condition("days_since_last", Operator.AT_LEAST, 60, where=narrowed),
            Condition("days_since_last", Operator.BETWEEN, (3, 40), where=narrowed),
            Condition("first_purchase", Operator.EQUAL, True, first=date(2025, 3, 1), where=narrowed),
            Condition("first_purchase", Operator.EQUAL, True, within_days=200, where=narrowed),
        ):
            expected = by_reading(condition, lambda line: keep(line) and line in unspoilt)
            assert by_asking(tx, condition) == expected, condition


def test_conditions_asked_together_answer_as_each_alone(lake: Tx) -> None:
    conditions = [Condition(measure, operator, value, within_days=200) for measure, operator, value in COMPARED]
    together = answer(lake, conditions, TODAY).selections
    close_lake_session()
    alone = [answer(lake, [condition], TODAY).selections[0] for condition in conditions]
    assert together == tuple(alone)


def bought(*categories: int, days: int = 10_000) -> set[int]:
    """Members with more receipts than voids in these categories."""
    found = set()
    for member in EVERYBODY:
        signs = {
            (line.receipt, line.business_date, line.type, line.category_id)
            for line in LINES
            if line.member_id == member
            and line.kind == "goods"
            and line.category_id in categories
            and line.business_date > TODAY - timedelta(days=days)
        }
        if sum({"sale": 1, "void": -1}.get(type_, 0) for _, _, type_, _ in signs) > 0:
            found.add(member)
    return found


@pytest.mark.parametrize("days", [None, 90, 33])
def test_categories_bought_any_all_none(lake: Tx, days: int | None) -> None:
    of_food, of_toys = bought(1, 2, 3, days=days or 10_000), bought(4, 5, days=days or 10_000)
    paths = (("FOOD",), ("TOYS",))

    def asked(operator: Operator) -> set[int]:
        return by_asking(lake, Condition("categories", operator, paths, within_days=days))

    assert asked(Operator.ANY) == of_food | of_toys
    assert asked(Operator.ALL) == of_food & of_toys
    assert asked(Operator.NONE) == set(EVERYBODY) - of_food - of_toys
    assert of_food & of_toys


def test_brands_and_numbers_of_categories_and_brands(lake: Tx) -> None:
    def brands_of(member: int) -> set[int | None]:
        return {
            line.brand_id
            for line in LINES
            if line.member_id == member and line.kind == "goods" and line.type == "sale" and line.brand_id
            and line.business_date > TODAY - timedelta(days=60)
        }  # fmt: skip

    several = {member for member in EVERYBODY if len(brands_of(member)) >= 2}
    assert by_asking(lake, Condition("brand_count", Operator.AT_LEAST, 2, within_days=60)) == several
    none = Condition("brands", Operator.NONE, ("BEST", "NEW", "OWN"))
    some = Condition("brands", Operator.ANY, ("BEST", "NEW", "OWN"))
    assert by_asking(lake, none) == set(EVERYBODY) - by_asking(lake, some)
    assert by_asking(lake, Condition("category_count", Operator.EQUAL, 0)) >= {26, 27, 28, 29, 30}


def test_a_name_that_stands_for_nothing_is_said(lake: Tx) -> None:
    where = ((Where.CATEGORY, ("LOVE",)), (Where.STORE, ("S1", "S9")))
    found = answer(lake, [Condition("visits", Operator.AT_LEAST, 1, where=where, pointer="/filter")], TODAY)
    assert set(found.selections[0].ids) == set()
    assert found.unknown == (("/filter/where/category", "LOVE"), ("/filter/where/store", "S9"))


def test_the_evidence_is_what_was_measured(lake: Tx) -> None:
    conditions = [
        Condition("spend", Operator.AT_LEAST, 1, within_days=300),
        Condition("average_ticket", Operator.AT_LEAST, 1, within_days=300),
        Condition("categories", Operator.ANY, (("FOOD",),)),
        Condition("first_purchase", Operator.EQUAL, True, first=date(2020, 1, 1)),
    ]
    members = [3, 7, 29]
    facts = evidence(lake, conditions, TODAY, BitMap(members))
    many = evidence(lake, conditions, TODAY, BitMap(range(1, 500)))
    for fact, same in zip(facts, many, strict=True):
        assert fact.of(members) == same.of(members)
    lines = [line for line in LINES if line.member_id == 3 and line.kind == "goods"]
    spend = sum(
        line.amount - line.benefit
        for line in lines
        if line.currency == "CNY" and line.business_date > TODAY - timedelta(300)
    )
    assert facts[0].of(members)[0] == spend
    assert facts[3].of(members)[0] == min(line.business_date for line in lines if line.type == "sale")
    assert facts[2].of(members)[2] is None


def test_sensitivity_to_promotions_is_that_of_the_measure(lake: Tx) -> None:
    with open_lake(lake, upto=TODAY + timedelta(days=1)) as whole:
        known = promotion_sensitivity(whole, TODAY + timedelta(days=1)).to_pylist()
    mine = {row["member_id"]: row["sensitivity"] for row in known if row["currency"] == "CNY" and row["sensitivity"]}
    above = Condition("promotion_sensitivity", Operator.MORE, 1.0)
    assert by_asking(lake, above) == {member for member, value in mine.items() if value > 1} != set()
    (facts,) = evidence(lake, [above], TODAY, BitMap(mine))
    assert dict(zip(mine, facts.of(list(mine)), strict=True)) == mine


def test_sales_that_arrive_are_seen_at_once_and_an_old_session_ends(database: Database) -> None:
    condition = Condition("spend", Operator.AT_LEAST, 100)
    write_lake(database, [LineFacts(TODAY, 100, 1)])
    with database.transaction() as tx:
        first = answer(tx, [condition], TODAY)
        with lake_session(tx) as held:
            write_lake(database, [LineFacts(TODAY, 100, 2)])
            with database.transaction() as later:
                second = answer(later, [condition], TODAY)
            # Whoever asked before sees what there was before.
            assert held.sql("SELECT count(*) AS n FROM lines").to_pylist() == [{"n": 1}]
    assert (set(first.selections[0].ids), first.position) == ({1}, 1)
    assert (set(second.selections[0].ids), second.position) == ({1, 2}, 2)


def test_an_empty_lake_answers(tx: Tx) -> None:
    less, more = (Condition("spend", operator, 100) for operator in (Operator.LESS, Operator.MORE))
    found = answer(tx, [less, more], TODAY)
    assert found.selections[0].within(lambda: EVERYBODY) == EVERYBODY
    assert not found.selections[1].within(lambda: EVERYBODY)
