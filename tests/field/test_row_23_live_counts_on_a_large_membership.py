"""Row 23: a segment of 260 thousand contacts took 40 minutes. Here a count over a large membership is an answer to the
page that asked, and it is right. How fast it is stands in benchmarks/ (bench (d)); no test measures time."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from analytics.conditions.lake_session import close_lake_session
from analytics.lake.engine import open_engine
from analytics.lake.manifest import publish, read_state
from analytics.lake.writing import write_lines
from foundation.database import Database
from foundation.settings import get_settings
from marketing.target_lists.catalogue import MEASURES
from marketing.target_lists.choosing import Question
from marketing.target_lists.filters import read_filter
from marketing.target_lists.operations import freeze, members_of, preview
from tests.analytics.lake_factory import LineFacts, lines_table

pytestmark = pytest.mark.field
MEMBERS = 260_000
TODAY = date(2026, 1, 5)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_lake_session()


@pytest.fixture
def membership(database: Database) -> Database:
    """260,000 members: member n comes to n % 1000 yuan, n % 400 days ago; every third said yes to text messages."""
    with database.transaction() as tx:
        tx.execute(
            "INSERT INTO member.member (id, status, home_store, joined_at, created_at, updated_at, birth_month_day, "
            "birth_year) SELECT n, CASE WHEN n % 100 = 0 THEN 'closed' ELSE 'active' END, 'S0' || n % 5, :now, :now, "
            ":now, 101 + n % 28, 1990 FROM generate_series(1, :members) AS n",
            {"members": MEMBERS, "now": tx.now},
        )
        tx.execute(
            "INSERT INTO member.consent (member_id, channel, purpose, granted, since) "
            "SELECT n, 'sms', 'marketing', true, :now FROM generate_series(3, :members, 3) AS n",
            {"members": MEMBERS, "now": tx.now},
        )
        lines = _lines()
        with open_engine(get_settings()) as engine:
            files = write_lines(engine, get_settings().lake, lines, 1, MEMBERS)
        publish(tx, files, expected=read_state(tx).position, position=MEMBERS, complete_until=tx.now)
    return database


def _lines() -> pa.Table:
    """One line a member: a row of the factory, with the columns that differ."""
    pattern = lines_table([LineFacts(TODAY, 0, 1)])
    n = np.arange(1, MEMBERS + 1)
    epoch = (TODAY - date(1970, 1, 1)).days
    differing = {
        "member_id": pa.array(n),
        "receipt": pa.array(n),
        "position": pa.array(n),
        "amount": pa.array(n % 1000 * 100),
        "money": pa.array(n % 1000 * 100),
        "business_date": pa.array((epoch - n % 400).astype(np.int32)).cast(pa.date32()),
    }
    repeated = pattern.take(pa.array(np.zeros(MEMBERS, np.int64)))
    columns = {name: differing.get(name, repeated.column(name)) for name in pattern.column_names}
    return pa.table(columns, schema=pattern.schema)


def test_row_23_a_large_membership_is_counted_frozen_and_paged(membership: Database) -> None:
    body = {
        "all": [
            {"measure": "spend", "op": ">=", "value": 500_00, "within_days": 90},
            {"any": [{"measure": "consent", "op": "in", "value": ["sms"]}, {"measure": "birthday", "within_days": 7}]},
            {"not": {"measure": "home_store", "op": "in", "value": ["S00"]}},
        ]
    }
    n = np.arange(1, MEMBERS + 1)
    born = 101 + n % 28
    soon = (born >= 105) & (born <= 112)
    wanted = (n % 1000 >= 500) & (n % 400 < 90) & ((n % 3 == 0) | soon) & (n % 5 != 0) & (n % 100 != 0)
    expected = n[wanted].tolist()
    with membership.transaction() as tx:
        question = Question(read_filter(body, MEASURES), TODAY)
        found = preview(tx, question)
        assert list(found.chosen.members) == expected
        assert sum(found.breakdown["store"].values()) == len(expected)
        frozen = freeze(tx, "Row 23", question, by="test")
        assert frozen.count == len(expected)
        paged: list[int] = []
        while page := members_of(tx, frozen.id, paged[-1] if paged else 0, 10_000):
            paged += page
        assert paged == expected


def test_row_23_everybody_but_a_few_is_counted_too(membership: Database) -> None:
    with membership.transaction(read_only=True) as tx:
        body = {"not": {"measure": "spend", "op": ">=", "value": 1, "within_days": 1}}
        found = preview(tx, Question(read_filter(body, MEASURES), TODAY), only_count=True)
        n = np.arange(1, MEMBERS + 1)
        bought_today = (n % 400 == 0) & (n % 1000 != 0)
        assert len(found.chosen.members) == int((~bought_today & (n % 100 != 0)).sum())
