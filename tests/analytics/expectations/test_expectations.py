"""Share of customer on the service file: kept by groups, looked up by member."""

from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask

from analytics.conditions.lake_session import close_lake_session
from analytics.expectations.operations import shares_of_member, work_out
from analytics.lake.reading import open_lake
from analytics.measures.share_of_customer import ShareSettings, share_of_customer, usual_categories
from foundation.clock import FixedClock
from foundation.database import Database
from organisation.staff.roles import Role
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.member_api.people import a_member
from tests.member_api.test_member_pages import Browser, hire
from tests.organisation.factories import a_store

TODAY = date(2026, 1, 5)
SETTINGS = ShareSettings(levels=2, similar_min=4)
MILK, BREAD, FISH, WINE = 1, 2, 3, 4
# Eight members, four of whom spend ten times as much.
BASKETS = {
    1: [MILK, BREAD], 2: [MILK, BREAD], 3: [MILK], 4: [MILK, WINE],
    5: [MILK, BREAD, FISH], 6: [MILK, BREAD, FISH], 7: [BREAD, FISH], 8: [FISH, WINE],
}  # fmt: skip


@pytest.fixture(autouse=True)
def at_the_office(clock: FixedClock) -> None:
    clock.at = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)


@pytest.fixture
def shop(database: Database) -> Database:
    with database.transaction() as tx:
        a_store(tx, "S01", name="Westlake")
        for name in ("Milk", "Bread", "Fish", "Wine"):
            tx.execute(
                "INSERT INTO pos.category (path, name) VALUES (ARRAY[:code], :name)", {"code": name, "name": name}
            )
    for n in BASKETS:
        a_member(database, f"+861380013{n:04d}")
    write_lake(
        database,
        [
            LineFacts(TODAY - timedelta(days=40), (10_000 if member > 4 else 1_000), member, category_id=category)
            for member, categories in BASKETS.items()
            for category in categories
        ],
    )
    close_lake_session()
    return database


def test_one_member_is_told_what_everybody_would_be_told(shop: Database) -> None:
    assert work_out(shop, SETTINGS) == 2
    with shop.transaction() as tx:
        with open_lake(tx, upto=TODAY) as lake:
            table = {row["member_id"]: row for row in share_of_customer(lake, TODAY, SETTINGS).to_pylist()}
            names = {MILK: "Milk", BREAD: "Bread", FISH: "Fish", WINE: "Wine"}
        for member in BASKETS:
            (mine,) = shares_of_member(tx, member)
            row = table[member]
            assert (mine.currency, mine.format, mine.members) == ("CNY", "department", 4)
            assert (mine.bought, mine.expected, mine.share) == (row["bought"], row["expected"], row["share"])
            assert mine.missing == tuple(names[category] for category in row["missing"])


def test_the_group_of_a_member_is_the_highest_level_that_is_reached(shop: Database) -> None:
    with shop.transaction() as tx, open_lake(tx, upto=TODAY) as lake:
        low, high = usual_categories(lake, TODAY, SETTINGS)
    assert (low.level, low.spend_from, low.members, low.categories) == (0, 1_000, 4, (MILK, BREAD))
    assert (high.level, high.spend_from, high.members, high.categories) == (1, 20_000, 4, (FISH, BREAD, MILK))


def test_what_was_bought_today_is_not_missing(shop: Database) -> None:
    work_out(shop, SETTINGS)
    with shop.transaction() as tx:
        assert shares_of_member(tx, 3)[0].missing == ("Bread",)
    write_lake(shop, [LineFacts(TODAY, 500, 3, category_id=BREAD)])
    with shop.transaction() as tx:
        assert shares_of_member(tx, 3)[0].missing == ()


def test_who_refuses_profiling_is_told_nothing_and_is_in_no_group(shop: Database) -> None:
    with shop.transaction() as tx:
        tx.execute(
            "INSERT INTO member.consent (member_id, channel, purpose, granted, since)"
            " VALUES (1, 'any', 'profiling', false, :now)",
            {"now": tx.now},
        )
    work_out(shop, SETTINGS)
    with shop.transaction() as tx:
        assert shares_of_member(tx, 1) == []
        assert shares_of_member(tx, 2) == []  # three are too few to expect anything of


def test_without_sales_or_before_the_first_run_nothing_is_told(database: Database) -> None:
    with database.transaction() as tx:
        assert shares_of_member(tx, 1) == []
    assert work_out(database) == 0


@pytest.mark.parametrize(("language", "words"), [("en", "Buys 1 of the 2"), ("zh", "已购买其中 1 个")])
def test_the_service_file_says_what_is_missing(app: Flask, shop: Database, language: str, words: str) -> None:
    work_out(shop, SETTINGS)
    hire(shop, "boss", Role.HEAD_OFFICE, "Ann")
    hire(shop, "counter", Role.COUNTER_STAFF, "Bo")
    page = Browser(app, "boss", language).get("/members/3/service")
    assert words in page
    assert "Bread" in page
    assert words not in Browser(app, "counter", language).get("/members/3/service")
