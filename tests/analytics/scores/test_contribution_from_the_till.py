"""From the till to the score: what members are worth is what their receipts earned, to the cent."""

import random
from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import pyarrow as pa
import pytest

from analytics.lake.reading import open_lake
from analytics.scores.contribution import contribution
from analytics.scores.contribution_settings import ContributionSettings
from foundation.database import Database
from organisation.contract import CounterMode
from pos_adapter.catalogue.operations import put_products
from pos_adapter.catalogue.rules import ProductWish
from tests.analytics.test_lake_exporting import deliver
from tests.member_api.people import a_member
from tests.organisation.factories import a_counter, committed_store
from tests.pos_adapter.sales.factories import DAY, line, post, receipt, return_of, void_of

STORES = {"S01": ("supermarket", "CNY"), "S02": ("department", "CNY"), "S03": ("supermarket", "HKD")}
UNIT_COST = {"CNY": 333, "HKD": 41}
PHONES = [f"+86138001380{n:02d}" for n in range(8)]


@pytest.fixture
def house(database: Database) -> Database:
    for code, (format_, currency) in STORES.items():
        committed_store(database, code, format=format_, currency=currency)
    with database.transaction() as tx:
        a_counter(tx, "S02", "C1", mode=CounterMode.CONCESSION, rate=Decimal("0.25"), supplier="V9")
        put_products(
            tx,
            [ProductWish(f"OWN-{currency}", unit_cost=cost, currency=currency) for currency, cost in UNIT_COST.items()],
        )
    for phone in PHONES:
        a_member(database, phone)
    return database


def half_up(value: Decimal) -> int:
    return int((value + Decimal("0.5")).to_integral_value(ROUND_FLOOR))


def earned(kind: str, amount: int, quantity: int, currency: str) -> int | None:
    """Gross profit of a line as RETAIL has it: own goods, a concession at 25 %, or a product whose cost is unknown."""
    taxed = Decimal("1.13")
    if kind == "own":
        return half_up(amount / taxed) - quantity * UNIT_COST[currency]
    return half_up(amount * Decimal("0.25") / taxed) if kind == "concession" else None


def a_line(chance: random.Random, n: int, store: str) -> tuple[dict[str, Any], str, int, int]:
    kind = chance.choice(["own", "own", "unknown", "concession" if store == "S02" else "own"])
    pieces, quantity = chance.randint(200, 3_000), chance.randint(1, 4)
    facts: dict[str, Any] = {"quantity": str(quantity), "tax_rate": "0.13"}
    facts |= {"counter": "C1"} if kind == "concession" else {}
    facts |= {"product": f"OWN-{STORES[store][1]}"} if kind == "own" else {}
    return line(n, pieces * quantity, **facts), kind, pieces, quantity


class Trade:
    """Random sales, returns and voids, and what they should earn by currency and format: members' and everybody's."""

    def __init__(self, house: Database, seed: int) -> None:
        self.house = house
        self.chance = random.Random(seed)
        self.members: dict[tuple[str, str], int] = {}
        self.all: dict[tuple[str, str], int] = {}

    def sell(self) -> None:
        chance, store = self.chance, self.chance.choice(list(STORES))
        phone = chance.choice([None, *PHONES])
        lines = [a_line(chance, n, store) for n in range(1, chance.randint(2, 5))]
        total = sum(facts["amount"] for facts, *_ in lines)
        sold = receipt(
            store=store,
            currency=STORES[store][1],
            lines=[facts for facts, *_ in lines],
            tenders=[{"kind": "card", "amount": total}],
            member=phone and {"kind": "phone", "value": phone},
        )
        assert post(self.house, sold).status == 201
        for _, kind, pieces, quantity in lines:
            self._count(store, phone, kind, pieces * quantity, quantity, 1)
        later = {"store": store, "currency": STORES[store][1], "business_date": (DAY + timedelta(days=1)).isoformat()}
        what = chance.random()
        if what < 0.15:
            assert post(self.house, void_of(sold, **later)).status == 201
            for _, kind, pieces, quantity in lines:
                self._count(store, phone, kind, pieces * quantity, quantity, -1)
        elif what < 0.45:
            n = chance.randrange(len(lines))
            _, kind, pieces, quantity = lines[n]
            some = chance.randint(1, quantity)
            back = return_of(sold, (n + 1, pieces * some), quantity=str(some), **later)
            assert post(self.house, back).status == 201
            self._count(store, phone, kind, pieces * some, some, -1)

    def _count(self, store: str, phone: str | None, kind: str, amount: int, quantity: int, sign: int) -> None:
        format_, currency = STORES[store]
        profit = sign * (earned(kind, amount, quantity, currency) or 0)
        key = (currency, format_)
        self.all[key] = self.all.get(key, 0) + profit
        if phone:
            self.members[key] = self.members.get(key, 0) + profit


@pytest.mark.parametrize("seed", [1, 2])
def test_contribution_money_is_the_profit_of_member_sales_to_the_cent(house: Database, seed: int) -> None:
    trade = Trade(house, seed)
    for _ in range(60):
        trade.sell()
    deliver(house)
    as_of = DAY + timedelta(days=2)
    with house.transaction() as tx, open_lake(tx, upto=as_of) as lake:
        found = contribution(lake, as_of, ContributionSettings(active_min=1))
    for (currency, format_), profit in trade.members.items():
        mine = [row for row in found.formats.to_pylist() if (row["currency"], row["format"]) == (currency, format_)]
        assert sum(row["profit"] or 0 for row in mine) == profit
    by_key = {(facts.currency, facts.format): facts.profit for facts in found.format_facts}
    assert by_key == {key: profit for key, profit in trade.all.items() if key in by_key}
    for currency in UNIT_COST:
        assert money_of(found.members, currency) == sum(
            profit for (of, _), profit in trade.members.items() if of == currency
        )


def money_of(members: pa.Table, currency: str) -> int:
    """Contribution with its costs put back."""
    told = [row for row in members.to_pylist() if row["currency"] == currency and row["contribution_value"] is not None]
    return sum(row["contribution_value"] + row["points_cost"] + row["contact_cost"] for row in told)
