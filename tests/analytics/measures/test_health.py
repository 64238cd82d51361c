"""Member health, worked by hand as of 1 January 2026: 90 days reach back to 3 October, 365 to 1 January 2025."""

from datetime import date

from analytics.lake.reading import open_lake
from analytics.measures.health import HealthSettings, MemberHealth, member_health, member_states
from foundation.database import Database
from tests.analytics.lake_factory import LineFacts, write_lake

AS_OF = date(2026, 1, 1)
BOUGHT = {
    1: [date(2025, 10, 3)],  # first purchase 90 days ago: new
    2: [date(2025, 10, 2)],  # 91 days ago: sleeping
    3: [date(2025, 8, 1), date(2025, 12, 1)],  # active; came before, came again
    4: [date(2025, 4, 7), date(2025, 10, 4)],  # 180 days away: won back
    5: [date(2025, 4, 8), date(2025, 10, 4)],  # 179 days away: active
    6: [date(2025, 1, 1)],  # 365 days ago: sleeping still
    7: [date(2024, 12, 31)],  # 366 days ago: lost
    8: [date(2024, 1, 1), date(2025, 11, 1), date(2025, 12, 31)],  # won back by the first of the two
    9: [date(2025, 7, 6), date(2025, 12, 31)],  # 180 days before: came before, and again
}


def test_everybody_is_in_one_state(database: Database) -> None:
    write_lake(database, [LineFacts(day, 100, member) for member, days in BOUGHT.items() for day in days])
    with database.transaction() as tx, open_lake(tx, upto=AS_OF) as lake:
        states = {row["member_id"]: row["state"] for row in member_states(lake, AS_OF).to_pyarrow().to_pylist()}
        health = member_health(lake, AS_OF)
    assert states == {
        1: "new", 2: "sleeping", 3: "active", 4: "won_back", 5: "active", 6: "sleeping", 7: "lost", 8: "won_back",
        9: "active",
    }  # fmt: skip
    # In the 90 days from 5 July on bought 2, 3 and 9; 9 on 6 July and 3 came again.
    assert health == MemberHealth(
        new=1, active=3, won_back=2, sleeping=2, lost=1, came_before=3, came_again=2
    )  # fmt: skip
    assert health.repurchase_rate == 2 / 3


def test_days_that_were_only_returns_or_voided_are_no_purchase(database: Database) -> None:
    write_lake(
        database,
        [
            LineFacts(date(2024, 5, 1), 100, 1),
            LineFacts(date(2025, 12, 1), -100, 1, type="return"),
            LineFacts(date(2025, 12, 1), 100, 2, receipt=77),
            LineFacts(date(2025, 12, 1), -100, 2, receipt=77, type="void"),
            LineFacts(date(2025, 12, 1), 100, 3, kind="gift_card"),
        ],
    )
    with database.transaction() as tx, open_lake(tx, upto=AS_OF) as lake:
        assert member_health(lake, AS_OF) == MemberHealth(0, 0, 0, 0, 1, 0, 0)


def test_what_comes_after_the_day_is_not_seen(database: Database) -> None:
    write_lake(database, [LineFacts(date(2025, 5, 1), 100, 1), LineFacts(AS_OF, 100, 1), LineFacts(AS_OF, 100, 2)])
    with database.transaction() as tx, open_lake(tx) as lake:
        assert member_health(lake, AS_OF) == MemberHealth(0, 0, 0, 1, 0, 0, 0)
        assert member_health(lake, date(2020, 1, 1)) == MemberHealth(0, 0, 0, 0, 0, 0, 0)
        assert member_health(lake, date(2020, 1, 1)).repurchase_rate is None


def test_days_are_a_setting(database: Database) -> None:
    write_lake(database, [LineFacts(date(2025, 12, 1), 100, 1), LineFacts(date(2024, 12, 1), 100, 1)])
    with database.transaction() as tx, open_lake(tx) as lake:
        assert member_health(lake, AS_OF, HealthSettings(active_days=30, lost_days=31)).sleeping == 1
