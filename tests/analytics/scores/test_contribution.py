"""Contribution out of a lake: the money is exact, the same facts give the same bytes, and a class has its reason."""

import random
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from analytics.lake.reading import open_lake
from analytics.scores.contribution import Contribution, class_moves, classify, contribution
from analytics.scores.contribution_settings import ContributionSettings, PointCost, Weights
from foundation.database import Database
from tests.analytics.lake_factory import LineFacts, write_lake

AS_OF = date(2026, 1, 1)
DAY = date(2025, 12, 1)
FEW = ContributionSettings(active_min=1, point_costs=())


def scored(
    database: Database, settings: ContributionSettings = FEW, as_of: date = AS_OF, costs: pa.Table | None = None
) -> Contribution:
    with database.transaction() as tx, open_lake(tx, upto=as_of) as lake:
        return contribution(lake, as_of, settings, costs)


def by_member(table: pa.Table) -> dict[int, dict[str, Any]]:
    return {row["member_id"]: row for row in table.to_pylist()}


def many_lines(seed: int, members: int = 150, count: int = 4000) -> list[LineFacts]:
    """Sales, returns and voids of a year and a half, over members and strangers, formats and currencies."""
    chance = random.Random(seed)
    rows = []
    for receipt in range(1, count + 1):
        amount = chance.randint(1, 90_000)
        kind = chance.choices(["sale", "return", "void"], [85, 10, 5])[0]
        sign = 1 if kind == "sale" else -1
        rows.append(
            LineFacts(
                AS_OF - timedelta(days=chance.randint(1, 540)),
                sign * amount,
                chance.choice([None, *range(1, members + 1)]),
                receipt=receipt,
                type=kind,
                format=chance.choice(["department", "market", "kiosk"]),
                currency=chance.choice(["CNY", "CNY", "HKD"]),
                kind=chance.choices(["goods", "topup"], [95, 5])[0],
                benefit=sign * chance.choice([0, 0, amount // 7]),
                profit=chance.choice([None, sign * (amount // 3), -sign * (amount // 10)]),
                promoted=chance.random() < 0.3,
                points=sign * (amount // 100),
            )
        )
    return rows


# The four of test_contribution_rules: their spend, visits, profit and regular spend, as receipts.
FOUR = [
    LineFacts(DAY, 100, 1, profit=30),
    *(LineFacts(DAY + timedelta(days=n), 100, 2, profit=5, promoted=True) for n in range(2)),
    *(LineFacts(DAY + timedelta(days=n), 150, 3, profit=30, promoted=n == 1) for n in range(2)),
    *(LineFacts(DAY + timedelta(days=n), 100, 4, profit=25, promoted=n > 1) for n in range(4)),
]


def test_the_scores_of_four_members_as_worked_by_hand(database: Database) -> None:
    write_lake(database, FOUR)
    found = scored(database)
    assert found.formats["score"].to_pylist() == pytest.approx([32.5, 26.875, 56.875, 83.75])
    # One format: its share is 1, and overall the four are the 2nd, 1st, 3rd and 4th of 4.
    assert found.members["contribution_score"].to_pylist() == [37.5, 12.5, 62.5, 87.5]
    assert found.members["contribution_value"].to_pylist() == [30, 10, 60, 100]
    assert found.members["visits"].to_pylist() == [1, 2, 2, 4]
    # Regular to promotional: 150 to 150, 200 to 200; the first bought nothing promoted.
    assert found.members["regular_ratio"].to_pylist() == [None, 0.0, 1.0, 1.0]
    (facts,) = found.format_facts
    assert (facts.share, facts.active, facts.scored, facts.shrinkage, facts.regular_share) == (1.0, 4, True, 300, 0.45)


def test_a_format_the_member_never_enters_counts_as_nothing(database: Database) -> None:
    # Profit of the company: market 30 + 70 (anonymous) = 100, online 300. Member 1 market only, member 2 online only.
    write_lake(
        database,
        [
            LineFacts(DAY, 100, 1, format="market", profit=30),
            LineFacts(DAY, 500, format="market", profit=70),
            LineFacts(DAY, 900, 2, format="online", profit=300),
        ],
    )
    found = scored(database)
    assert {facts.format: (facts.share, facts.profit) for facts in found.format_facts} == {
        "market": (0.25, 100),
        "online": (0.75, 300),
    }
    # Alone in their formats both have 50 there: .25 x 50 and .75 x 50, hence first and second of two.
    assert found.formats["score"].to_pylist() == [50.0, 50.0]
    assert found.members["contribution_score"].to_pylist() == [25.0, 75.0]


def test_shares_of_formats_can_be_set(database: Database) -> None:
    write_lake(
        database,
        [LineFacts(DAY, 100, 1, format="market", profit=30), LineFacts(DAY, 900, 2, format="online", profit=300)],
    )
    found = scored(database, ContributionSettings(active_min=1, format_shares={"market": 3, "online": 1}))
    assert [facts.share for facts in found.format_facts] == [0.75, 0.25]
    assert found.members["contribution_score"].to_pylist() == [75.0, 25.0]


def test_fewer_than_a_hundred_active_members_have_no_score(database: Database) -> None:
    write_lake(database, [LineFacts(DAY, 100 + n, n, profit=n) for n in range(1, 100)])
    assert scored(database, ContributionSettings()).members["contribution_score"].null_count == 99
    write_lake(database, [LineFacts(DAY, 300, 100, profit=1)])
    assert scored(database, ContributionSettings()).members["contribution_score"].null_count == 0


def test_one_who_only_brought_back_has_money_and_no_score(database: Database) -> None:
    write_lake(database, [*FOUR, LineFacts(DAY, -70, 5, type="return", profit=-21)])
    row = by_member(scored(database).members)[5]
    assert (row["contribution_score"], row["contribution_value"], row["first_purchase"]) == (None, -21, None)


def test_the_part_paid_with_benefits_is_no_spend(database: Database) -> None:
    write_lake(database, [LineFacts(DAY, 1000, 1, benefit=400, profit=10, promoted=False)])
    row = by_member(scored(database).formats)[1]
    assert (row["money"], row["regular_money"], row["spend"]) == (600, 600, 1000)


def test_the_window_is_a_year_and_ends_before_the_day(database: Database) -> None:
    write_lake(
        database,
        [
            LineFacts(AS_OF - timedelta(days=366), 1, 1, profit=1),
            LineFacts(AS_OF - timedelta(days=365), 10, 1, profit=10),
            LineFacts(AS_OF - timedelta(days=1), 100, 1, profit=100),
            LineFacts(AS_OF, 1000, 1, profit=1000),
        ],
    )
    row = by_member(scored(database).members)[1]
    assert (row["spend"], row["profit"], row["visits"]) == (110, 110, 2)
    assert (row["first_purchase"], row["last_purchase"]) == (
        AS_OF - timedelta(days=366),
        AS_OF - timedelta(days=1),
    )


def test_points_cost_what_they_cost_on_the_day_they_were_earned(database: Database) -> None:
    costs = (
        PointCost(date(2020, 1, 1), points=10, money=1, redeemed_percent=100),
        PointCost(date(2025, 12, 2), points=5, money=1, redeemed_percent=50),
        PointCost(date(2020, 1, 1), points=1, money=1, redeemed_percent=100, currency="HKD"),
    )
    write_lake(
        database,
        [
            LineFacts(date(2025, 12, 1), 1000, 1, profit=300, points=30),
            LineFacts(date(2025, 12, 2), 1000, 1, profit=300, points=40),
            LineFacts(date(2025, 12, 2), 1000, 1, profit=300, points=7, currency="HKD"),
        ],
    )
    found = scored(database, ContributionSettings(active_min=1, point_costs=costs))
    # 30 / 10 + 40 x .5 / 5 = 7 cents; 7 Hong Kong cents.
    assert found.members.select(["currency", "points_cost", "contribution_value"]).to_pylist() == [
        {"currency": "CNY", "points_cost": 7, "contribution_value": 593},
        {"currency": "HKD", "points_cost": 7, "contribution_value": 293},
    ]


def test_reaching_a_member_costs_where_most_was_spent(database: Database) -> None:
    write_lake(
        database,
        [
            LineFacts(DAY, 100, 1, format="market", profit=30),
            LineFacts(DAY, 200, 1, format="online", profit=20),
            LineFacts(DAY, 100, 2, format="market", profit=30),
        ],
    )
    costs = pa.table({"member_id": [1, 1, 99, 2], "currency": ["CNY", "CNY", "CNY", "USD"], "amount": [3, 4, 9, 9]})
    found = scored(database, costs=costs)
    assert [(row["format"], row["contact_cost"], row["contribution_value"]) for row in found.formats.to_pylist()] == [
        ("market", 0, 30),
        ("online", 7, 13),
        ("market", 0, 30),
    ]
    assert found.members["contribution_value"].to_pylist() == [43, 30]


def test_a_cost_nobody_knows_is_not_a_contribution_of_nothing(database: Database) -> None:
    write_lake(database, [*FOUR, LineFacts(DAY, 5000, 5, profit=None)])
    found = scored(database)
    row = by_member(found.members)[5]
    assert (row["profit"], row["contribution_value"], row["known_profit_spend"]) == (None, None, 0)
    assert row["contribution_score"] is not None
    (facts,) = found.currency_facts
    assert (facts.basis, facts.profit, facts.coverage) == ("profit", 200, 1000 / 6000)


def test_what_came_back_altogether_earned_nothing_which_is_known(database: Database) -> None:
    write_lake(
        database,
        [*FOUR, LineFacts(DAY, 500, 5, profit=90), LineFacts(DAY, -500, 5, type="return", profit=-90)],
    )
    row = by_member(scored(database).members)[5]
    assert (row["contribution_value"], row["spend"], row["visits"]) == (0, 0, 1)
    assert row["contribution_score"] is not None


def test_where_no_cost_is_known_at_all_spend_ranks_the_classes_and_says_so(database: Database) -> None:
    write_lake(database, [LineFacts(DAY - timedelta(days=200), 60, 1), LineFacts(DAY - timedelta(days=200), 40, 2)])
    found = scored(database)
    assert found.currency_facts[0].basis == "spend"
    assert found.members["contribution_class"].to_pylist() == ["platinum", "gold"]
    assert found.members["contribution_value"].to_pylist() == [None, None]


@pytest.mark.parametrize("seed", range(3))
def test_the_sum_of_contribution_money_is_the_profit_of_member_sales_to_the_cent(database: Database, seed: int) -> None:
    write_lake(database, many_lines(seed))
    costs = pa.table({"member_id": list(range(1, 150)), "currency": ["CNY"] * 149, "amount": list(range(149))})
    with database.transaction() as tx, open_lake(tx, upto=AS_OF) as lake:
        found = contribution(lake, AS_OF, ContributionSettings(active_min=1), costs)
        truth = lake.sql(
            """SELECT currency, format, sum(profit)::BIGINT AS profit, sum(points)::BIGINT AS points FROM lines
               WHERE member_id IS NOT NULL AND kind = 'goods' AND business_date >= $since GROUP BY ALL ORDER BY ALL""",
            since=AS_OF - timedelta(days=365),
        ).to_pylist()
    found.members.validate(full=True)
    for currency in ("CNY", "HKD"):
        mine = [row for row in found.members.to_pylist() if row["currency"] == currency]
        told = [row for row in mine if row["contribution_value"] is not None]
        profit = sum(row["profit"] for row in truth if row["currency"] == currency)
        assert sum(row["contribution_value"] + row["points_cost"] + row["contact_cost"] for row in told) == profit
        assert sum(facts.profit for facts in found.currency_facts if facts.currency == currency) == profit
        contacts = sum(row["contact_cost"] for row in mine)
        assert contacts == (sum(range(149)) if currency == "CNY" else 0)
    # Points cost what all points of the format cost together, rounded once: .095 cents each.
    for row in truth:
        cost = sum(
            each["points_cost"]
            for each in found.formats.to_pylist()
            if (each["currency"], each["format"]) == (row["currency"], row["format"])
        )
        assert cost == (2 * row["points"] * 95 + 1000) // 2000
    # Formats sum to members.
    for name in ("spend", "visits", "points_cost", "contact_cost", "receipts"):
        assert sum(found.formats[name].to_pylist()) == sum(found.members[name].to_pylist())


def test_the_same_facts_in_other_files_give_the_same_bytes(database: Database) -> None:
    rows = many_lines(7)
    write_lake(database, rows)
    once = scored(database)
    with database.transaction() as tx:
        tx.execute("UPDATE analytics.lake_file SET retired_at = now() WHERE retired_at IS NULL")
    shuffled = random.Random(1).sample(rows, len(rows))
    for start in range(0, len(shuffled), 1500):
        write_lake(database, shuffled[start : start + 1500])
    again = scored(database)
    for name in ("members", "formats", "concentration"):
        assert as_bytes(getattr(once, name)) == as_bytes(getattr(again, name))
    assert (once.format_facts, once.currency_facts) == (again.format_facts, again.currency_facts)


def as_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return bytes(sink.getvalue().to_pybytes())


def test_what_happens_from_the_day_on_changes_nothing(database: Database) -> None:
    write_lake(database, many_lines(8))
    before = scored(database)
    write_lake(database, [LineFacts(AS_OF + timedelta(days=n), 99_999, n + 1, profit=9999) for n in range(50)])
    after = scored(database)
    assert as_bytes(before.members) == as_bytes(after.members)
    assert as_bytes(before.formats) == as_bytes(after.formats)


def test_an_empty_lake_has_no_scores(database: Database) -> None:
    found = scored(database)
    assert (len(found.members), len(found.formats), len(found.concentration)) == (0, 0, 0)
    assert found.members.schema.names[:2] == ["member_id", "currency"]


def test_potential_saves_a_member_from_lead(database: Database) -> None:
    long_ago = AS_OF - timedelta(days=400)
    write_lake(
        database,
        [
            *(LineFacts(long_ago, 10, member, profit=1) for member in (1, 2, 3, 4)),
            LineFacts(DAY, 1000, 5, profit=900),
            LineFacts(DAY, 100, 6, profit=1),
            LineFacts(long_ago, 10, 1, currency="HKD", profit=1),
        ],
    )
    members = scored(database).members
    assert members["contribution_class"].to_pylist() == ["lead", "lead", "lead", "lead", "lead", "platinum", "new"]
    potential = pa.table(
        {
            "member_id": [1, 2, 3],
            "currency": ["CNY"] * 3,
            "direction": ["rising", "fading", None],
            "predicted_profit": pa.array([None, 5, 0], pa.int64()),
        }
    )
    classed = classify(members, potential, AS_OF, FEW)
    assert list(
        zip(*(classed[name].to_pylist() for name in ("member_id", "currency", "contribution_class")), strict=True)
    ) == [
        (1, "CNY", "iron"),
        (1, "HKD", "lead"),
        (2, "CNY", "iron"),
        (3, "CNY", "lead"),
        (4, "CNY", "lead"),
        (5, "CNY", "platinum"),
        (6, "CNY", "new"),
    ]


def test_moves_between_the_classes_of_two_runs() -> None:
    def run(**classes: str) -> pa.Table:
        return pa.table(
            {
                "member_id": [int(name[1:]) for name in classes],
                "currency": ["CNY"] * len(classes),
                "contribution_class": list(classes.values()),
                "contribution_value": [10] * len(classes),
            }
        )

    moves = class_moves(
        run(m1="gold", m2="gold", m3="iron", m4="lead"), run(m1="platinum", m2="platinum", m3="iron", m5="new")
    )
    assert [tuple(row.values()) for row in moves.to_pylist()] == [
        ("CNY", None, "new", 1, 0, 10),
        ("CNY", "gold", "platinum", 2, 20, 20),
        ("CNY", "iron", "iron", 1, 10, 10),
        ("CNY", "lead", None, 1, 10, 0),
    ]


def test_weights_are_taken_from_the_settings(database: Database) -> None:
    write_lake(database, FOUR)
    only_visits = ContributionSettings(active_min=1, weights=Weights(0, 2, 0, 0))
    assert scored(database, only_visits).formats["score"].to_pylist() == [12.5, 50.0, 50.0, 87.5]
