"""Promotions in the lake: nodes, controls, and members' sensitivity, worked by hand."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from analytics.lake.reading import open_lake
from analytics.measures.facts import Period
from analytics.promotions.coefficient import PromotionNotSold, Question, promotion_effect
from analytics.promotions.rules import Control, Effect
from analytics.promotions.sensitivity import Leaning, SensitivitySettings, leaning_of, promotion_sensitivity
from foundation.database import Database
from tests.analytics.lake_factory import LineFacts, write_lake

MONDAY = date(2026, 3, 2)
PERIOD = Period(MONDAY, MONDAY + timedelta(days=2))
PROMOTION = 9


def trade(store: int, category: int, sales: int, promoted: int | None = None) -> Iterator[LineFacts]:
    """Twenty receipts a day for ten weeks; on the two days of the promotion they come to `promoted`, under it."""
    for n in range(-70, 2):
        day = MONDAY + timedelta(days=n)
        under = n >= 0 and promoted is not None
        amount = promoted if under and promoted is not None else sales
        for _ in range(20):
            yield LineFacts(
                day,
                amount // 20,
                store_id=store,
                category_id=category,
                promotion_id=PROMOTION if under else None,
                promoted=under,
                profit=amount // 100,
            )


def effect_in(database: Database, *rows: Iterator[LineFacts], cost: int = 0) -> Effect:
    write_lake(database, [row for each in rows for row in each])
    with database.transaction() as tx, open_lake(tx) as lake:
        return promotion_effect(lake, Question(PROMOTION, PERIOD, "CNY", cost=cost))


def test_the_same_category_in_other_stores_is_the_control(database: Database) -> None:
    found = effect_in(
        database,
        trade(1, 5, 2_000, 3_000),
        # Another store sells a fifth more of it on those days, without a promotion.
        (row for row in trade(2, 5, 1_000)),
        (LineFacts(MONDAY + timedelta(days=n), 200, store_id=2, category_id=5) for n in range(2)),
        trade(1, 6, 7_000),
    )
    assert (found.control, found.coefficient) == (Control.OTHER_STORES, 3_000 / 2_400)


def test_else_other_categories_of_the_store(database: Database) -> None:
    found = effect_in(database, trade(1, 5, 2_000, 3_000), trade(1, 6, 7_000), cost=30)
    # 2 days x 20 receipts x (30 - 20) of profit, less the cost.
    assert (found.control, found.coefficient, found.profit_gained) == (Control.OTHER_CATEGORIES, 1.5, 370)


def test_else_nothing_and_that_is_said(database: Database) -> None:
    found = effect_in(database, trade(1, 5, 2_000, 3_000))
    assert (found.control, found.coefficient) == (Control.NONE, 1.5)


def test_days_with_another_large_promotion_are_no_baseline(database: Database) -> None:
    other = (
        LineFacts(MONDAY - timedelta(weeks=n), 9_000, store_id=1, category_id=5, promotion_id=4, promoted=True)
        for n in range(1, 5)
    )
    assert effect_in(database, trade(1, 5, 2_000, 3_000), other).coefficient == 1.5


def test_a_promotion_under_which_nothing_sold_has_no_effect_to_tell(database: Database) -> None:
    write_lake(database, trade(1, 5, 2_000))
    with database.transaction() as tx, open_lake(tx) as lake, pytest.raises(PromotionNotSold):
        promotion_effect(lake, Question(PROMOTION, PERIOD, "CNY"))


# ---------------------------------------------------------------------------------------------- sensitivity

AS_OF = date(2026, 4, 1)


def bought(
    member: int | None, amount: int, promoted: bool, category: int = 5, week: int = 0, **more: object
) -> LineFacts:
    day = MONDAY + timedelta(weeks=week)
    return LineFacts(day, amount, member, category_id=category, promoted=promoted, **more)  # type: ignore[arg-type]


def sensitivities(database: Database, settings: SensitivitySettings | None = None) -> dict[int, dict[str, object]]:
    with database.transaction() as tx, open_lake(tx) as lake:
        found = promotion_sensitivity(lake, AS_OF, settings or SensitivitySettings(tickets_min=1))
    return {row["member_id"]: row for row in found.to_pylist()}


# Member 1 buys 300 on promotion and 100 not, in one category, store and week; the others there 250 of 1,000.
# Tickets of members: 100, 300, 100, 250, 350 -> median 250, k = 750. (300 + 750) / (400 x .25 + 750).
WORKED = [
    bought(1, 300, True),
    bought(1, 100, False),
    bought(2, 250, True),
    bought(2, 350, False),
    bought(3, 100, False),
    bought(None, 300, False),
]


def test_the_sensitivity_of_a_member_as_worked_by_hand(database: Database) -> None:
    write_lake(database, WORKED)
    row = sensitivities(database)[1]
    assert (row["promoted"], row["expected"], row["shrinkage"], row["tickets"]) == (300, 100, 750, 2)
    assert row["sensitivity"] == pytest.approx(1050 / 850)
    # Of the others of member 2, 300 of 800 are on promotion: E = 600 x .375 = 225, and O = 250.
    second = sensitivities(database)[2]
    assert (second["expected"], second["sensitivity"]) == (225, pytest.approx(1000 / 975))


def test_habits_are_of_the_same_category_store_and_week(database: Database) -> None:
    elsewhere = [
        bought(None, 900, True, category=6),
        bought(None, 900, True, week=1),
        bought(None, 900, True, store_id=2),
        bought(None, 900, True, currency="HKD"),
    ]
    write_lake(database, [*WORKED, *elsewhere])
    assert sensitivities(database)[1]["expected"] == 100


def test_where_nobody_else_bought_nothing_can_be_compared(database: Database) -> None:
    write_lake(database, [*WORKED, bought(1, 5_000, True, category=7)])
    row = sensitivities(database)[1]
    assert (row["promoted"], row["compared"], row["expected"]) == (300, 400, 100)


def test_under_five_tickets_there_is_too_little_to_tell(database: Database) -> None:
    write_lake(database, [bought(1, 100, True) for _ in range(5)] + [bought(2, 100, False) for _ in range(4)])
    found = sensitivities(database, SensitivitySettings())
    assert found[1]["sensitivity"] == pytest.approx((500 + 300) / (0 + 300))
    assert (found[1]["leaning"], found[2]["leaning"]) == ("sensitive", "insufficient")
    assert found[2]["sensitivity"] is None


def test_only_those_asked_for_are_told_and_measured_against_all(database: Database) -> None:
    write_lake(database, WORKED)
    with database.transaction() as tx, open_lake(tx) as lake:
        found = promotion_sensitivity(lake, AS_OF, SensitivitySettings(tickets_min=1), [1]).to_pylist()
    assert [(row["member_id"], row["expected"]) for row in found] == [(1, 100)]


def test_what_a_figure_says() -> None:
    assert [leaning_of(value) for value in (1.2501, 1.25, 0.8, 0.7999, None)] == [
        Leaning.SENSITIVE, Leaning.NEUTRAL, Leaning.NEUTRAL, Leaning.INSENSITIVE, Leaning.INSUFFICIENT,
    ]  # fmt: skip
