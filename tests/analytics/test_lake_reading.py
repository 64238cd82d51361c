"""Readers see one state of the lake, cut off where they ask."""

from datetime import date

import pytest

from analytics.lake import writing
from analytics.lake.manifest import live_files
from analytics.lake.reading import open_lake
from analytics.lake.schema import FileKind
from foundation.database import Database, Tx
from tests.analytics.lake_factory import LineFacts, write_lake

JANUARY = date(2026, 1, 10)
FEBRUARY = date(2026, 2, 20)


def test_an_empty_lake_has_its_tables_and_no_rows(tx: Tx) -> None:
    with open_lake(tx) as lake:
        assert lake.position == 0
        for name in ("lines", "member_day", "member_category_month"):
            assert lake.sql(f"SELECT count(*) AS n FROM {name}").to_pylist() == [{"n": 0}]
        assert lake.lines.count().execute() == 0
        assert lake.stores.columns[:2] == ("id", "code")


def test_what_is_written_in_several_rounds_is_one_lake_with_one_row_a_member_and_day(database: Database) -> None:
    write_lake(database, [LineFacts(JANUARY, 1000, 7, profit=300, points=10), LineFacts(JANUARY, 200)])
    position = write_lake(
        database,
        [
            LineFacts(JANUARY, 500, 7, promoted=True),
            LineFacts(JANUARY, -100, 7, type="return", profit=-30),
            LineFacts(FEBRUARY, 70, 7, category_id=3),
        ],
    )
    with database.transaction() as tx, open_lake(tx) as lake:
        assert lake.position == position == 5
        assert lake.sql("SELECT sum(amount)::BIGINT AS s, count(*) AS n FROM lines").to_pylist() == [
            {"s": 1670, "n": 5}
        ]
        days = lake.sql("SELECT * FROM member_day ORDER BY business_date").to_pylist()
        assert [(d["business_date"], d["receipts"], d["spend"]) for d in days] == [
            (JANUARY, 2, 1400),
            (FEBRUARY, 1, 70),
        ]
        assert days[0] | {"currency": "CNY"} == {
            "member_id": 7, "business_date": JANUARY, "format": "department", "currency": "CNY", "receipts": 2,
            "spend": 1400, "money": 1400, "regular_spend": 900, "promoted_spend": 500, "regular_money": 900,
            "profit": 270,
            "known_profit_spend": 900, "points": 10, "quantity_milli": 3000,
        }  # fmt: skip
        months = lake.sql("SELECT * FROM member_category_month ORDER BY month").to_pylist()
        assert [(m["month"], m["category_id"], m["receipts"], m["spend"]) for m in months] == [
            (date(2026, 1, 1), None, 2, 1400),
            (date(2026, 2, 1), 3, 1, 70),
        ]


def test_nothing_of_the_day_or_later_is_seen_also_within_a_month(database: Database) -> None:
    write_lake(
        database,
        [
            LineFacts(date(2026, 1, 30), 1, 7),
            LineFacts(date(2026, 2, 1), 10, 7),
            LineFacts(date(2026, 2, 14), 100, 7),
            LineFacts(date(2026, 2, 15), 1000, 7),
            LineFacts(date(2026, 3, 1), 10000, 7),
        ],
    )
    expected = {date(2026, 2, 15): 111, date(2026, 2, 1): 1, date(2026, 3, 1): 1111, date(2027, 1, 1): 11111}
    with database.transaction() as tx:
        for upto, amount in expected.items():
            with open_lake(tx, upto=upto) as lake:
                seen = [
                    lake.sql(f"SELECT sum({column})::BIGINT AS s FROM {name}").to_pylist()[0]["s"]
                    for name, column in (
                        ("lines", "amount"),
                        ("member_day", "spend"),
                        ("member_category_month", "spend"),
                    )
                ]
                assert seen == [amount, amount, amount], upto


def test_a_day_s_roll_up_says_the_same_whether_its_month_is_whole_or_cut(database: Database) -> None:
    row = LineFacts(date(2026, 2, 14), 1000, 7, benefit=100, profit=300, points=10, quantity_milli=2000)
    write_lake(database, [row, LineFacts(date(2026, 2, 20), 1, 7)])
    with database.transaction() as tx:
        with open_lake(tx) as whole:
            expected = whole.sql("SELECT * FROM member_day WHERE business_date < DATE '2026-02-15'").to_pylist()
        with open_lake(tx, upto=date(2026, 2, 15)) as cut:
            assert cut.sql("SELECT * FROM member_day").to_pylist() == expected
            (month,) = cut.sql("SELECT * FROM member_category_month").to_pylist()
    assert (month["spend"], month["money"], month["profit"], month["quantity_milli"]) == (1000, 900, 300, 2000)


def test_a_month_too_large_for_one_file_lies_in_several_and_reads_as_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "FILE_ROWS_MAX", 10)
    write_lake(database, [LineFacts(JANUARY, n, n % 7 if n % 3 else None) for n in range(1, 41)])
    with database.transaction() as tx:
        files = [file for file in live_files(tx) if file.kind is FileKind.LINES]
        assert len(files) == 4
        with open_lake(tx) as lake:
            found = lake.sql(
                "SELECT count(*) AS n, sum(amount)::INT AS s, count(member_id) AS m FROM lines"
            ).to_pylist()
            assert found == [{"n": 40, "s": 820, "m": 27}]
            assert lake.sql("SELECT sum(receipts)::INT AS r FROM member_day").to_pylist() == [{"r": 27}]
