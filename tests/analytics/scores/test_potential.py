"""Potential through the lake: what is read, what comes out, and that the future changes none of it."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analytics.lake.reading import open_lake
from analytics.prediction.trials import Model
from analytics.scores.direction import Direction
from analytics.scores.potential import FORMATS, MEMBERS, Potential, percentile, potential
from foundation.database import Database, Tx
from tests.analytics.lake_factory import LineFacts, write_lake

AS_OF = date(2026, 6, 1)
START = AS_OF - timedelta(days=168)


def scored(tx: Tx, rows: Iterable[LineFacts], as_of: date = AS_OF, horizon_days: int = 56) -> Potential:
    write_lake(tx, rows)
    return score(tx, as_of, horizon_days)


def score(tx: Tx, as_of: date = AS_OF, horizon_days: int = 56) -> Potential:
    with open_lake(tx, upto=as_of) as lake:
        return potential(lake, as_of, horizon_days)


def digest(found: Potential) -> str:
    """Of every byte of both tables and of what the models were chosen by."""
    content = hashlib.sha256(repr((found.back_tests, found.life)).encode())
    for table in (found.members, found.formats):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        content.update(sink.getvalue())
    return content.hexdigest()


def row_of(found: Potential, member: int) -> dict[str, Any]:
    rows: list[dict[str, Any]] = [row for row in found.members.to_pylist() if row["member_id"] == member]
    assert len(rows) == 1
    return rows[0]


def visits(member: int, amounts: Sequence[int], **facts: Any) -> list[LineFacts]:
    """One visit in the middle of each of the six sub-periods, the oldest first; 0 is no visit."""
    return [
        LineFacts(START + timedelta(days=28 * number + 13), amount, member, **facts)
        for number, amount in enumerate(amounts)
        if amount
    ] + [LineFacts(START - timedelta(days=30), 100, member, **facts)]


def crowd(seed: int = 4, members: int = 150, days: int = 330, until: date = AS_OF) -> list[LineFacts]:
    """Members who come at rates of their own to two formats, with some returns and promotions and an odd currency."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(1.2, 0.06, members)
    rows = []
    for member, rate in enumerate(rates.tolist(), start=1):
        for _ in range(rng.poisson(rate * days)):
            day = until - timedelta(days=int(rng.integers(1, days)))
            amount = int(rng.lognormal(8, 0.7))
            facts = LineFacts(
                day,
                amount,
                member,
                format="market" if rng.random() < 0.7 else "corner",
                currency="CNY" if member % 10 else "HKD",
                category_id=int(rng.integers(1, 12)),
                profit=amount // 4,
                promoted=bool(rng.random() < 0.3),
            )
            rows.append(facts)
            if rng.random() < 0.05:
                back = min(day + timedelta(days=3), until - timedelta(days=1))
                rows.append(replace(facts, amount=-amount, profit=-(amount // 4), type="return", business_date=back))
    return rows


def test_an_empty_lake_has_nobody_to_score(tx: Tx) -> None:
    found = score(tx)
    assert found.members.num_rows == found.formats.num_rows == 0
    assert found.members.schema == MEMBERS
    assert found.formats.schema == FORMATS
    assert not found.back_tests
    assert not found.life


def test_the_season_of_the_format_is_taken_out_of_a_member_s_figures(tx: Tx) -> None:
    """Thirty steady members spend 10 10 10 10 10 70 euros; who spends the same grows by nothing."""
    season = [1000, 1000, 1000, 1000, 1000, 7000]
    rows = [row for member in range(1, 31) for row in visits(member, season)]
    rows += visits(99, [1000] * 6) + visits(98, [1000, 1000, 0, 0, 0, 0])
    found = scored(tx, rows)
    steady = row_of(found, 7)
    # The index is the sum over steady members (99 is one of them) by its mean: 31000 x 5, 211000.
    mean = (31_000 * 5 + 211_000) / 6
    assert steady["period_spend"] == pytest.approx([1000 / (31_000 / mean)] * 5 + [7000 / (211_000 / mean)])
    assert steady["period_visits"] == [1.0] * 6
    assert steady["direction"] == Direction.STEADY
    flat = row_of(found, 99)
    assert flat["period_spend"][5] == pytest.approx(1000 / (211_000 / mean))
    assert row_of(found, 98)["direction"] == Direction.INSUFFICIENT
    assert row_of(found, 98)["period_ticket"][2:] == [None] * 4


def test_a_member_of_two_formats_is_measured_by_the_season_of_each(tx: Tx) -> None:
    rows = [row for member in range(1, 31) for row in visits(member, [1000] * 5 + [4000], format="market")]
    rows += [row for member in range(41, 71) for row in visits(member, [1000] * 6, format="corner")]
    rows += visits(99, [1000, 0, 1000, 0, 1000, 0], format="market") + visits(99, [500] * 6, format="corner")
    found = scored(tx, rows)
    high = 1000 / (30_000 / (30_000 * 9 / 6))
    corner = 31 * 6 / 6 / 31  # member 99 is steady in the corner shop too, at half the spend
    assert row_of(found, 99)["period_spend"] == pytest.approx(
        [high + 500 * corner, 500, high + 500, 500, high + 500, 500]
    )
    assert row_of(found, 99)["period_visits"] == [2, 1, 2, 1, 2, 1]


def test_slopes_are_shown_in_per_cent_for_all_three(tx: Tx) -> None:
    rows = visits(1, [1000, 1500, 2000, 3000, 4000, 6000]) + visits(2, [6000, 4000, 3000, 2000, 1500, 1000])
    found = scored(tx, rows)
    rising, fading = row_of(found, 1), row_of(found, 2)
    assert (rising["direction"], fading["direction"]) == (Direction.RISING, Direction.FADING)
    assert rising["slope_spend"] == rising["slope_ticket"] > 5
    assert fading["slope_spend"] < -5
    assert rising["slope_visits"] == 0
    assert rising["potential_score"] > fading["potential_score"]


def test_a_return_takes_off_its_day_and_is_no_visit(tx: Tx) -> None:
    rows = visits(1, [1000] * 6)
    rows.append(LineFacts(AS_OF - timedelta(days=1), -400, 1, type="return"))
    found = row_of(scored(tx, rows), 1)
    assert found["period_spend"] == [1000] * 5 + [600]
    assert found["period_visits"] == [1] * 6


def test_what_is_bought_is_told_by_what_entered_left_and_grew(tx: Tx) -> None:
    def bought(member: int, category: int, *days_before: int, amount: int = 1000) -> list[LineFacts]:
        return [LineFacts(AS_OF - timedelta(days=days), amount, member, category_id=category) for days in days_before]

    rows = bought(1, 10, 300, 200, 150, 100, 50, 20, 5)  # all year: no change
    rows += bought(1, 11, 60, 20)  # new in the last twelve weeks
    rows += bought(1, 12, 300, 250, 200, 120)  # four months, then no more
    rows += bought(1, 13, 300, 250)  # too rarely to miss it
    rows += bought(1, 14, 150, 120, 60, 40, amount=1000) + bought(1, 14, 55, 35, amount=2000)  # three times as much
    for member in range(2, 12):
        rows += bought(member, 14, 150, 120, 60, 40)  # of which the others buy as ever
    # Of what was only ever brought back nothing was bought: it neither enters nor leaves.
    rows += [replace(each, amount=-10, type="return") for each in bought(1, 15, 150, 40) + bought(22, 16, 30)]
    rows += bought(20, 11, 60, 20)  # a new member enters nothing
    rows += bought(21, 12, 300, 250, 200, 120)  # who left altogether left no category
    found = scored(tx, rows)
    mine = row_of(found, 1)
    assert mine["categories_entered"] == [11]
    assert mine["categories_left"] == [12]
    assert mine["categories_grown"] == [14]
    for other in (2, 20, 21):
        theirs = row_of(found, other)
        assert (theirs["categories_entered"], theirs["categories_left"], theirs["categories_grown"]) == ([], [], [])


def test_currencies_are_never_summed_and_formats_add_up_to_the_member(tx: Tx) -> None:
    found = scored(tx, [*crowd(), LineFacts(AS_OF - timedelta(days=9), 500, 1, currency="HKD")])
    members, formats = found.members, found.formats
    assert members.filter(pa.compute.equal(members["member_id"], 1))["currency"].to_pylist() == ["CNY", "HKD"]
    assert members.schema == MEMBERS
    keys = list(zip(members["member_id"].to_pylist(), members["currency"].to_pylist(), strict=True))
    assert keys == sorted(keys)
    sums = formats.group_by(["member_id", "currency"]).aggregate([("predicted_spend", "sum")])
    by_format = {(r["member_id"], r["currency"]): r["predicted_spend_sum"] for r in sums.to_pylist()}
    assert by_format == {(r["member_id"], r["currency"]): r["predicted_spend"] for r in members.to_pylist()}
    assert formats["predicted_spend"].to_numpy().min() >= 0
    chance = members["probability_alive"].to_numpy()
    assert ((chance > 0) & (chance < 1)).all()
    for name in ("predicted_spend", "probability_alive", "potential_score", "predicted_visits"):
        assert np.isfinite(members[name].to_numpy()).all()


def test_profit_follows_the_member_s_own_rate_drawn_towards_that_of_all(tx: Tx) -> None:
    rows = visits(1, [1000] * 6, profit=500) + visits(2, [1000] * 6, profit=100)
    found = scored(tx, rows)
    # Over a year member 1 made 3,500 of 6,100, all 4,200 of 12,200; three mean tickets: 3 x 12,200 / 14 = 2,614.3.
    rate = (3_500 + 2_614.2857 * 4_200 / 12_200) / (6_100 + 2_614.2857)
    first = row_of(found, 1)
    assert first["predicted_spend"] > 0
    assert first["predicted_profit"] == pytest.approx(first["predicted_spend"] * rate, abs=1)


def test_without_any_known_profit_none_is_predicted(tx: Tx) -> None:
    assert row_of(scored(tx, visits(1, [1000] * 6)), 1)["predicted_profit"] is None


def test_the_percentile_is_that_of_middle_ranks() -> None:
    assert percentile(np.array([5.0, 1.0, 5.0, 9.0])).tolist() == [50.0, 12.5, 50.0, 87.5]


def test_every_model_tells_its_figures_and_one_of_each_target_is_chosen(tx: Tx) -> None:
    found = scored(tx, crowd())
    for currency, format in (("CNY", None), ("CNY", "market"), ("CNY", "corner"), ("HKD", None)):
        for target in ("spend", "probability"):
            rows = [
                row for row in found.back_tests if (row.currency, row.format, row.target) == (currency, format, target)
            ]
            assert [row.chosen for row in rows].count(True) == 1
            assert rows[0].model == Model.LAST_WINDOW
            assert rows[0].margin == 0
            for row in rows:
                assert row.days
                assert all(day + timedelta(days=row.horizon_days) <= AS_OF for day in row.days)
    whole = [row for row in found.back_tests if (row.currency, row.format, row.target) == ("CNY", None, "spend")]
    used = {row["model"] for row in found.members.to_pylist() if row["currency"] == "CNY"}
    assert used == {row.model for row in whole if row.chosen}


def test_the_future_does_not_leak(database: Database) -> None:
    """The same scores to the byte with the future as it was, shuffled, doubled in size, and gone."""
    known, future = crowd(), crowd(seed=9, until=AS_OF + timedelta(days=90), days=90)
    rng = np.random.default_rng(1)
    shuffled = [
        replace(row, member_id=int(rng.integers(1, 400)), amount=row.amount * 7, format="other") for row in future
    ]
    found = []
    for after in ([], future, [future[place] for place in rng.permutation(len(future))], shuffled):
        with database.transaction() as tx:
            write_lake(tx, [*known, *after])
            found.append(digest(score(tx)))
            tx.connection.rollback()
    assert len(set(found)) == 1


def test_the_same_sales_give_the_same_bytes_in_whatever_files_and_order_they_lie(database: Database) -> None:
    rows = crowd()
    order = np.random.default_rng(2).permutation(len(rows))
    with database.transaction() as tx:
        write_lake(tx, rows)
        first = digest(score(tx))
        tx.connection.rollback()
    with database.transaction() as tx:
        for part in np.array_split(order, 5):
            write_lake(tx, [rows[place] for place in part])
        assert digest(score(tx)) == first
        tx.connection.rollback()


def test_other_days_and_horizons_are_scored_as_well(tx: Tx) -> None:
    write_lake(tx, crowd())
    for days, horizon in ((-300, 30), (-250, 365), (0, 1), (400, 7)):
        as_of = AS_OF + timedelta(days=days)
        found = score(tx, as_of, horizon)
        assert found.members.num_rows > 0
        assert all(row.reason for row in found.back_tests)
