"""A retailer never seen, through the API alone: master data, ten months of sales, scores, and what then came.

The retailer is made up from a seed: tea shops and a web shop in Osaka that count in yen, members with numbers of their
own kind, goods that nobody announced, returns, voids, customers who are nobody we know. What is expected is worked out
here from the receipts, by hand; relay and worker are the only parts of the house that the test drives itself.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from flask import Flask
from scipy.stats import spearmanr

from analytics.conditions.lake_session import close_lake_session
from analytics.runs.scoring import score
from analytics.runs.working import work_on_runs
from foundation.access import create_client, declared_permissions
from foundation.clock import FixedClock
from foundation.database import Database
from tests.journeys.one_till import catch_up
from tests.journeys.test_tills_contract import Machine, log_in

SEED = 20261122
MEMBERS = 300
HORIZON = 56
TODAY = date(2026, 1, 5)
AS_OF = TODAY - timedelta(HORIZON)
FIRST = AS_OF - timedelta(250)
STORES = ("OS01", "OS02", "WEB")
PRICED, COST = 20, 300
AT_ONCE = 400
WEEKDAYS = (0.7, 0.8, 0.9, 1.0, 1.3, 1.6, 0.7)


@dataclass
class Retailer:
    """The receipts in the order of their days, and per member number what each day came to (returns off, voids not
    counted) and brought in profit where the cost is known."""

    receipts: list[dict[str, Any]] = field(default_factory=list)
    spend: dict[str, dict[date, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    profit: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    sequence: int = 0

    def came_to(self, number: str, first: date, stop: date) -> int:
        """What a member spent on the days first <= day < stop."""
        return sum(amount for day, amount in self.spend[number].items() if first <= day < stop)

    def known_before(self, day: date) -> set[str]:
        """Who bought anything before a day."""
        return {number for number, days in self.spend.items() if min(days) < day}


def a_retailer() -> Retailer:
    """Members come at rates of their own, some join on the way and some leave; weekends are busy."""
    chance, made = np.random.default_rng(SEED), Retailer()
    days = (TODAY - FIRST).days
    rates = chance.gamma(1.0, 0.05, MEMBERS)
    joined = np.where(chance.random(MEMBERS) < 0.7, 0, chance.integers(0, days, MEMBERS))
    left = joined + chance.exponential(400, MEMBERS)
    tickets = chance.lognormal(np.log(1500), 0.4, MEMBERS)
    for day in range(days):
        here = (joined <= day) & (left > day) & (chance.random(MEMBERS) < rates * WEEKDAYS[day % 7])
        for member in np.flatnonzero(here):
            _sell(made, chance, FIRST + timedelta(day), f"M-{member:04d}", float(tickets[member]))
        _sell(made, chance, FIRST + timedelta(day), None, 800.0)
    return made


def _sell(made: Retailer, chance: np.random.Generator, day: date, number: str | None, ticket: float) -> None:
    """A receipt of one or two lines; one in thirty comes back in part the next day, one in eighty is voided."""
    amounts = [int(amount) for amount in 100 + ticket * chance.lognormal(0, 0.4, chance.integers(1, 3))]
    lines: list[dict[str, Any]] = [
        {"line": n, "product": f"TEA-{chance.integers(1, 2 * PRICED)}", "quantity": "1", "amount": amount}
        for n, amount in enumerate(amounts, 1)
    ]
    sale = _receipt(made, STORES[int(chance.integers(0, 3))], day, "sale", number, lines)
    named = {name: sale[name] for name in ("store", "terminal", "business_date", "sequence")}
    ends = chance.random()
    if ends < 0.0125:
        void = _receipt(made, sale["store"], day, "void", number, [], original=named)
        for name in ("lines", "tenders", "member"):
            void.pop(name)
        return
    counted = [(day, 1, line) for line in lines]
    if ends < 0.045 and day + timedelta(1) < TODAY:
        back = lines[0] | {"original_line": 1}
        _receipt(made, sale["store"], day + timedelta(1), "return", number, [back], original=named)
        counted.append((day + timedelta(1), -1, back))
    if number is not None:
        for on, sign, line in counted:
            made.spend[number][on] += sign * line["amount"]
            if int(line["product"].removeprefix("TEA-")) <= PRICED:
                made.profit[on] += sign * (line["amount"] - COST)


def _receipt(
    made: Retailer, store: str, day: date, type_: str, number: str | None, lines: list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    made.sequence += 1
    made.receipts.append(
        {
            "store": store, "terminal": "R1", "business_date": f"{day}", "sequence": made.sequence, "type": type_,
            "occurred_at": f"{day}T19:30:00+09:00", "currency": "JPY",
            "member": None if number is None else {"kind": "member_no", "value": number}, "lines": lines,
            "tenders": [{"kind": "card", "amount": sum(line["amount"] for line in lines)}],
        } | more
    )  # fmt: skip
    return made.receipts[-1]


@pytest.fixture
def office(app: Flask, database: Database, clock: FixedClock) -> Iterator[Machine]:
    with database.transaction() as tx:
        new = create_client(tx, None, "head office", frozenset(declared_permissions()), {})
    yield log_in(app.test_client(), {"client_id": new.client_id, "client_secret": new.client_secret})
    close_lake_session()


def all_done(office: Machine, method: str, path: str, name: str, items: list[Any], at_once: int = AT_ONCE) -> list[Any]:
    """The bodies of a batch, each of which must have made something."""
    results = []
    for start in range(0, len(items), at_once):
        results += office.done(method, path, {name: items[start : start + at_once]}, 200)["results"]
    assert {result["status"] for result in results} == {201}, [each for each in results if each["status"] != 201][:3]
    return [result["body"] for result in results]


def open_for_business(office: Machine, numbers: list[str]) -> dict[str, str]:
    """Stores, half of the goods, the kind of the member numbers, the members; answers the number of each id."""
    stores = [
        {
            "code": code,
            "name": code,
            "format": "web" if code == "WEB" else "teashop",
            "currency": "JPY",
            "timezone": "Asia/Tokyo",
        }
        for code in STORES
    ]
    all_done(office, "PUT", "/v1/stores/batch", "stores", stores)
    goods = [{"code": f"TEA-{n}", "name": f"Tea {n}", "unit_cost": COST} for n in range(1, PRICED + 1)]
    all_done(office, "PUT", "/v1/products/batch", "products", goods)
    office.done("PUT", "/v1/identifier-kinds", {"kinds": [{"code": "member_no", "name": "Member number"}]}, 200)
    people = [
        {"name": f"会員 {number}", "identifiers": [{"kind": "member_no", "value": number}], "home_store": "OS01"}
        for number in numbers
    ]
    made = all_done(office, "POST", "/v1/members/batch", "members", people)
    return {body["id"]: number for body, number in zip(made, numbers, strict=True)}


def scored(office: Machine, database: Database) -> tuple[Any, list[Any]]:
    """What a run as of AS_OF found, and all scores, read by page."""
    catch_up(database)
    asked = office.done("POST", "/v1/scoring-runs", {"as_of": f"{AS_OF}", "horizon_days": HORIZON}, 202)
    catch_up(database)
    work_on_runs(database, score)
    run = office.get(f"/v1/scoring-runs/{asked['id']}")
    assert run["state"] == "done", run
    scores: list[Any] = []
    path: str | None = f"/v1/scores?as_of={AS_OF}&limit=100"
    while path:
        page = office.get(path)
        scores += page["items"]
        path = page["next_cursor"] and f"/v1/scores?as_of={AS_OF}&limit=100&cursor={page['next_cursor']}"
    return run["findings"], scores


def test_its_members_are_predicted_better_than_by_their_last_eight_weeks(office: Machine, database: Database) -> None:
    retailer = a_retailer()
    numbers = open_for_business(office, sorted(retailer.spend))
    before = [each for each in retailer.receipts if each["business_date"] < f"{AS_OF}"]
    after = [each for each in retailer.receipts if each["business_date"] >= f"{AS_OF}"]
    all_done(office, "POST", "/v1/sales/batch", "sales", before)
    findings, scores = scored(office, database)

    known = retailer.known_before(AS_OF)
    assert [numbers[each["member"]] for each in scores] == sorted(known)
    assert {each["currency"] for each in scores} == {"JPY"}
    predicted = np.array([each["potential"]["predicted_spend"] for each in scores])
    chance = np.array([each["potential"]["probability_alive"] for each in scores])
    assert predicted.min() >= 0
    assert 0 < chance.min() < chance.max() < 1

    # What then happened, and what the eight weeks before would have said.
    came, naive = (
        np.array([retailer.came_to(numbers[each["member"]], first, first + timedelta(HORIZON)) for each in scores])
        for first in (AS_OF, AS_OF - timedelta(HORIZON))
    )
    assert spearmanr(predicted, came)[0] > spearmanr(naive, came)[0] + 0.02
    assert np.abs(predicted - came).mean() < 0.95 * np.abs(naive - came).mean()
    assert abs(predicted.sum() / came.sum() - 1) < 0.25

    # The back-test of the whole and of each format says which model was used, and that it did no worse there.
    tests = {(each["format"], each["model"]): each for each in findings["back_tests"] if each["target"] == "spend"}
    assert {format_ for format_, _ in tests} == {None, "teashop", "web"}
    used = {format_: each for (format_, _), each in tests.items() if each["chosen"]}
    assert used[None]["mae"] < tests[None, "last_window"]["mae"]
    assert used[None]["margin"] > 0

    # The profit of the members' sales to the yen, where costs are known, and how much of the sales that is.
    year = {day: profit for day, profit in retailer.profit.items() if day < AS_OF}
    (facts,) = (each["facts"] for each in findings["currencies"])
    assert (facts["currency"], facts["profit"]) == ("JPY", sum(year.values()))
    assert 0.4 < facts["coverage"] < 0.6
    told = [office.get(f"/v1/members/{each['member']}/scores")["items"][0]["contribution"] for each in scores]
    assert sum(each["profit"] or 0 for each in told) == facts["profit"]
    with_value = [each for each in told if each["value"] is not None]
    assert all(each["value"] == each["profit"] - each["points_cost"] - each["contact_cost"] for each in with_value)

    # What came later changes nothing of what is said as of then.
    all_done(office, "POST", "/v1/sales/batch", "sales", after)
    again = scored(office, database)[1]
    assert [each | {"run": None} for each in again] == [each | {"run": None} for each in scores]

    # An amount without a currency is in the stores' own; the list is who really spent that much.
    rich = {
        "measure": "spend",
        "op": ">=",
        "value": 10_000,
        "within_days": HORIZON,
        "where": {"format": ["teashop", "web"]},
    }
    since = TODAY - timedelta(HORIZON - 1)
    wanted = [number for number in retailer.spend if retailer.came_to(number, since, TODAY) >= 10_000]
    preview = office.done("POST", "/v1/target-lists/preview", {"filter": rich}, 200)
    assert preview["count"] == len(wanted) > 10
    assert preview["sample"][0]["why"][0]["shown"].startswith("¥")
