"""A filter's figure of a member is the measure's: two ways of working it out, one definition."""

from datetime import date

import pytest

from analytics.conditions.questions import EXPRESSIONS
from analytics.lake.reading import open_lake
from analytics.measures.computing import compute
from analytics.measures.facts import Period
from foundation.database import Database
from tests.analytics.lake_factory import write_lake
from tests.analytics.scores.test_contribution import AS_OF, many_lines

MEASURE_OF_FILTER = {
    "spend": "turnover",
    "visits": "visits",
    "receipts": "receipts",
    "average_ticket": "average_ticket",
    "quantity": "units",
    "gross_profit": "gross_profit",
    "regular_price_share": "regular_share",
    "promotion_share": "promotion_share",
}


@pytest.mark.parametrize(("condition", "measure"), MEASURE_OF_FILTER.items())
def test_a_filter_and_its_measure_agree_on_every_member(database: Database, condition: str, measure: str) -> None:
    write_lake(database, many_lines(3, members=60, count=1500))
    expression = EXPRESSIONS[condition].replace("{only}", "")
    with database.transaction() as tx, open_lake(tx, upto=AS_OF) as lake:
        by_filter = lake.sql(
            f"SELECT currency, member_id, {expression} AS value FROM member_day GROUP BY ALL ORDER BY ALL"
        ).to_pylist()
        by_measure = compute(
            lake, [measure, "turnover", "receipts"], Period(date(2020, 1, 1), AS_OF), ["member"], rolled_up=True
        ).to_pylist()
    assert [row["member_id"] for row in by_filter] == [row["member"] for row in by_measure]
    for mine, theirs in zip(by_measure, by_filter, strict=True):
        if mine[measure] is None or theirs["value"] is None or mine["turnover"] <= 0 or mine["receipts"] <= 0:
            continue  # a filter takes nobody whose share or average has nothing to stand on
        assert float(theirs["value"]) == pytest.approx(mine[measure], abs=0.51 if measure == "average_ticket" else 1e-9)
