"""Share of customer, worked by hand."""

from collections.abc import Collection
from datetime import date
from typing import Any

from analytics.lake.reading import open_lake
from analytics.measures.share_of_customer import ShareSettings, share_of_customer
from foundation.database import Database
from tests.analytics.lake_factory import LineFacts, write_lake

AS_OF = date(2026, 4, 1)
DAY = date(2026, 3, 2)
MILK, BREAD, FISH, WINE = 1, 2, 3, 4
ONE_LEVEL = ShareSettings(levels=1, similar_min=4)

# Of four similar members milk is bought by 4, bread by 3, fish by 2, wine by 1: expected are milk, bread, fish.
BASKETS = {1: [MILK, BREAD, FISH], 2: [MILK, BREAD], 3: [MILK, BREAD, FISH, WINE], 4: [MILK]}


def lines(baskets: dict[int, list[int]], amount: int = 100, **more: Any) -> list[LineFacts]:
    return [
        LineFacts(DAY, amount, member, category_id=category, **more)
        for member, categories in baskets.items()
        for category in categories
    ]


def shares(
    database: Database, settings: ShareSettings = ONE_LEVEL, members: Collection[int] | None = None
) -> dict[int, tuple[Any, ...]]:
    with database.transaction() as tx, open_lake(tx) as lake:
        found = share_of_customer(lake, AS_OF, settings, members).to_pylist()
    return {row["member_id"]: (row["bought"], row["expected"], row["share"], row["missing"]) for row in found}


def test_what_similar_members_buy_and_this_one_does_not_is_the_offer(database: Database) -> None:
    write_lake(database, lines(BASKETS))
    assert shares(database) == {
        1: (3, 3, 1.0, []),
        2: (2, 3, 2 / 3, [FISH]),
        3: (3, 3, 1.0, []),
        4: (1, 3, 1 / 3, [BREAD, FISH]),
    }
    assert shares(database, members=[4]) == {4: (1, 3, 1 / 3, [BREAD, FISH])}


def test_too_few_similar_members_let_nothing_be_expected(database: Database) -> None:
    write_lake(database, lines({1: [MILK], 2: [BREAD], 3: [FISH]}))
    assert shares(database)[1] == (0, 0, None, [])


def test_similar_is_who_shops_in_the_same_format_for_as_much(database: Database) -> None:
    write_lake(
        database,
        [
            *lines(BASKETS),
            *lines({5: [WINE], 6: [WINE], 7: [WINE], 8: [WINE]}, format="cellar"),
            *lines({9: [MILK], 10: [MILK], 11: [MILK], 12: [WINE]}, amount=9_000),
        ],
    )
    found = shares(database, ShareSettings(levels=2, similar_min=4))
    assert found[5] == (1, 1, 1.0, [])
    assert found[4] == (1, 3, 1 / 3, [BREAD, FISH])
    assert found[12] == (0, 1, 0.0, [MILK])


def test_what_was_brought_back_was_not_bought(database: Database) -> None:
    write_lake(database, [*lines(BASKETS), LineFacts(DAY, -100, 2, category_id=BREAD, type="return")])
    # Bread is bought by 2 of 4 now: expected still, and missing; fish comes after it by number.
    assert shares(database)[2] == (1, 3, 1 / 3, [BREAD, FISH])
    assert shares(database)[4][3] == [BREAD, FISH]


def test_the_window_ends_before_the_day(database: Database) -> None:
    write_lake(database, [*lines(BASKETS), LineFacts(AS_OF, 100, 4, category_id=FISH)])
    assert shares(database)[4][3] == [BREAD, FISH]
