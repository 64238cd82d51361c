"""A filter's figure of a member is the measure's: two ways of working it out, one definition."""

from datetime import date

import pytest

from analytics.conditions.measured import NAMES, sql_of
from analytics.lake.reading import open_lake
from analytics.measures.computing import compute
from analytics.measures.facts import Period
from foundation.database import Database
from tests.analytics.lake_factory import write_lake
from tests.analytics.scores.test_contribution import AS_OF, many_lines


@pytest.mark.parametrize(("condition", "measure"), NAMES.items())
def test_a_filter_and_its_measure_agree_on_every_member(database: Database, condition: str, measure: str) -> None:
    write_lake(database, many_lines(3, members=60, count=1500))
    with database.transaction() as tx, open_lake(tx, upto=AS_OF) as lake:
        by_filter = lake.sql(
            f"SELECT currency, member_id, {sql_of(condition)} AS value FROM member_day GROUP BY ALL ORDER BY ALL"
        ).to_pylist()
        by_measure = compute(lake, [measure], Period(date(2020, 1, 1), AS_OF), ["member"], rolled_up=True).to_pylist()
    assert [row["member_id"] for row in by_filter] == [row["member"] for row in by_measure]
    for mine, theirs in zip(by_measure, by_filter, strict=True):
        assert theirs["value"] == mine[measure]
