"""Measures of sales, each against receipts worked by hand."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pytest

from analytics.lake.reading import Lake, open_lake
from analytics.measures.catalogue import MEASURES, MeasureUnknown, measure
from analytics.measures.computing import DIMENSIONS, DimensionUnknown, TooManyRows, compute, levels
from analytics.measures.facts import EVERYWHERE, Period, Where
from analytics.measures.measure import Source
from foundation.database import Database
from tests.analytics.lake_factory import LineFacts, write_lake

MONDAY = date(2026, 3, 2)
TUESDAY = date(2026, 3, 3)
PERIOD = Period(MONDAY, date(2026, 3, 9))

# Receipt 1: one over two counters of store 1, a member's; a gift card on it is no sale.
#   1,130 own goods at 13 %: 1,000 without tax; 900 at a concession, of which 100 by points, profit 168.
# Receipt 2: anonymous, a promotion, no counter. Receipt 3: a leased counter. Receipt 4: store 2, the member again.
# On Tuesday the member brings back a third of the own goods, and receipt 4 is voided and rung again as 5.
ROWS = [
    LineFacts(MONDAY, 1130, 7, receipt=1, line=1, counter_id=11, counter_mode="own", tax_rate=1300, cost=600,
              profit=400, regular_amount=1200, points=11, quantity_milli=3000),
    LineFacts(MONDAY, 900, 7, receipt=1, line=2, counter_id=12, counter_mode="concession", tax_rate=1300, benefit=100,
              profit=168, points=8),
    LineFacts(MONDAY, 5000, 7, receipt=1, line=3, kind="gift_card"),
    LineFacts(MONDAY, 470, None, receipt=2, promoted=True, quantity_milli=500),
    LineFacts(MONDAY, 250, None, receipt=3, counter_id=13, counter_mode="leased", profit=0),
    LineFacts(MONDAY, 100, 7, receipt=4, store_id=2, profit=20),
    LineFacts(TUESDAY, -377, 7, receipt=6, type="return", counter_id=11, counter_mode="own", tax_rate=1300, cost=-200,
              profit=-134, points=-4, quantity_milli=-1000, regular_amount=-400),
    LineFacts(TUESDAY, -100, 7, receipt=4, type="void", store_id=2, profit=-20),
    LineFacts(TUESDAY, 120, 7, receipt=5, store_id=2, profit=24),
]  # fmt: skip


@pytest.fixture
def lake(database: Database) -> Iterator[Lake]:
    write_lake(database, ROWS)
    with database.transaction() as tx, open_lake(tx) as lake:
        yield lake


def rows(lake: Lake, names: Sequence[str], by: Sequence[str] = (), where: Where = EVERYWHERE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = compute(lake, names, PERIOD, by, where).to_pylist()
    return found


WORKED: list[tuple[str, float | None]] = [
    # 1,130 + 900 + 470 + 250 + 100 - 377 - 100 + 120
    ("turnover", 2493),
    # ... without the leased counter
    ("net_sales", 2243),
    # ... of turnover, without the 100 paid by points
    ("money_received", 2393),
    ("benefits_used", 100),
    # Own: 1,000 - 334 (377 / 1.13 = 333.63), the concession its profit; no tax was stated on 470 + 100 - 100 + 120.
    ("revenue", 1000 - 334 + 168 + 590),
    # 400 + 168 + 0 + 20 - 134 - 20 + 24
    ("gross_profit", 458),
    # All but the 470 of receipt 2: (2,243 - 470) / 2,243
    ("profit_coverage", 1773 / 2243),
    # 1, 2, 3, 4, 5, less the void of 4
    ("receipts", 4),
    ("tickets", None),
    # Member 7: store 1 and store 2 on Monday, store 2 on Tuesday
    ("visits", 3),
    # 2,243 / 4 = 560.75
    ("average_ticket", 561),
    # 3 + 1 + .5 + 1 + 1 of Monday; -1 comes back; the factory gives the void and the new receipt 1 each
    ("units", 7.5),
    # 2,243 less what was promoted; of the leased counter neither
    ("regular_sales", 1773),
    ("promoted_sales", 470),
    ("regular_share", 2023 / 2493),
    ("promotion_share", 470 / 2493),
    # 70 off what was bought, 23 of them came back
    ("discount", 47),
    ("returned", 377),
    ("return_rate", 377 / 2870),
    # 1,130 + 900 + 100 - 377 - 100 + 120
    ("member_sales", 1773),
    ("member_share", 1773 / 2243),
    ("buyers", 1),
    ("points_issued", 15),
]


@pytest.mark.parametrize(("name", "value"), WORKED)
def test_a_measure_as_worked_by_hand(lake: Lake, name: str, value: object) -> None:
    assert rows(lake, [name]) == [{"currency": "CNY", name: value if value is None else pytest.approx(value)}]


def test_every_measure_of_sales_is_worked_by_hand_here() -> None:
    assert {name for name, _ in WORKED} == {name for name, each in MEASURES.items() if each.source is Source.SALES}


def test_counts_do_not_add_up_money_does(lake: Lake) -> None:
    whole, stores, counters = levels(lake, ["receipts", "turnover"], PERIOD, ["store", "counter"])
    assert whole.to_pylist() == [{"currency": "CNY", "receipts": 4, "turnover": 2493}]
    assert stores.select(["store", "receipts", "turnover"]).to_pylist() == [
        {"store": 1, "receipts": 3, "turnover": 2373},
        {"store": 2, "receipts": 1, "turnover": 120},
    ]
    of_first = [row for row in counters.to_pylist() if row["store"] == 1]
    # The receipt over two counters is one in the store and one in each; "-" has what no counter rang.
    assert [(row["counter"], row["receipts"]) for row in of_first] == [(None, 1), (11, 1), (12, 1), (13, 1)]
    assert sum(row["turnover"] for row in of_first) == 2373


def test_currencies_are_never_summed(database: Database) -> None:
    write_lake(database, [LineFacts(MONDAY, 100), LineFacts(MONDAY, 30, currency="HKD")])
    with database.transaction() as tx, open_lake(tx) as lake:
        assert rows(lake, ["net_sales"]) == [
            {"currency": "CNY", "net_sales": 100},
            {"currency": "HKD", "net_sales": 30},
        ]


def test_nothing_sold_is_no_row_and_nothing_to_divide_by_is_unknown(lake: Lake) -> None:
    assert compute(lake, ["net_sales"], Period(date(2020, 1, 1), date(2020, 2, 1))).to_pylist() == []
    (row,) = rows(lake, ["average_ticket", "return_rate", "net_sales"], where=Where(counters=[13]))
    assert row == {"currency": "CNY", "average_ticket": 0, "return_rate": 0.0, "net_sales": 0}
    returned_only = compute(lake, ["average_ticket"], Period(TUESDAY, PERIOD.until), where=Where(counters=[11]))
    assert returned_only.to_pylist() == [{"currency": "CNY", "average_ticket": None}]


def test_sales_are_narrowed_to_what_was_asked(lake: Lake) -> None:
    def turnover(**where: Any) -> int:
        return sum(row["turnover"] for row in rows(lake, ["turnover"], where=Where(**where)))

    assert turnover(stores=[2]) == 120
    assert turnover(counters=[11, 12]) == 1653
    assert turnover(formats=["department"]) == 2493
    assert turnover(formats=[]) == 0
    assert turnover(currency="HKD") == 0
    assert turnover(members_only=True) == 1773


def test_the_roll_up_of_members_says_the_same_of_members(lake: Lake) -> None:
    names = [
        "turnover", "money_received", "gross_profit", "profit_coverage", "receipts", "regular_share", "promotion_share",
        "units", "points_issued", "benefits_used", "average_ticket",
    ]  # fmt: skip
    for by in ([], ["day"], ["week"], ["month"], ["weekday"], ["format"], ["member"]):
        of_lines = compute(lake, names, PERIOD, by, Where(members_only=True))
        of_days = compute(lake, names, PERIOD, by, rolled_up=True)
        assert of_lines.to_pylist() == of_days.to_pylist()


@pytest.mark.parametrize("name", DIMENSIONS)
def test_sales_can_be_laid_out_by_each_dimension_and_sum_to_the_whole(lake: Lake, name: str) -> None:
    assert sum(row["turnover"] for row in rows(lake, ["turnover"], [name])) == 2493


def test_weeks_begin_on_monday_and_weekdays_with_it(database: Database) -> None:
    write_lake(database, [LineFacts(date(2026, 3, 8), 1), LineFacts(date(2026, 3, 9), 2)])
    with database.transaction() as tx, open_lake(tx) as lake:
        found = compute(lake, ["turnover"], Period(MONDAY, date(2026, 4, 1)), ["week", "weekday"]).to_pylist()
    assert [(row["week"], row["weekday"], row["turnover"]) for row in found] == [
        (MONDAY, 6, 1),
        (date(2026, 3, 9), 0, 2),
    ]


def test_what_is_no_measure_or_dimension_is_refused(lake: Lake) -> None:
    with pytest.raises(MeasureUnknown, match="no measure 'happiness'"):
        measure("happiness")
    with pytest.raises(MeasureUnknown, match="one of areas"):
        rows(lake, ["sales_per_m2"])
    with pytest.raises(DimensionUnknown):
        rows(lake, ["turnover"], ["weather"])
    with pytest.raises(DimensionUnknown):
        compute(lake, ["turnover"], PERIOD, ["store"], rolled_up=True)
    with pytest.raises(TooManyRows):
        compute(lake, ["turnover"], PERIOD, ["store", "day"], limit=2)
    with pytest.raises(ValueError, match="does not know stores"):
        compute(lake, ["turnover"], PERIOD, where=Where(stores=[1]), rolled_up=True)
    with pytest.raises(ValueError, match="at least one day"):
        Period(MONDAY, MONDAY)
