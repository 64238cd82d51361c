"""Which categories are to be expected of a member, and which of them the member buys elsewhere, or nowhere.

Who is alike and what they buy is worked out from all members' sales after each scoring run, and kept: some tens of
rows. One member's own purchases are looked up when somebody asks, so that what was bought this morning is not missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import insert, select

from analytics.conditions.lake_session import LakeSession, lake_session
from analytics.expectations.tables import expected_category
from analytics.lake.reading import open_lake
from analytics.measures.share_of_customer import NO_SETTINGS, ShareSettings, Usual, usual_categories
from analytics.runs.hiding import hide_members
from foundation.clock import local_date
from foundation.database import Database, Tx
from foundation.settings import get_settings
from member_api.contract.conditions import no_profiling, refuses_profiling
from pos_adapter.contract.catalogue import all_categories

# The work reads files for a while between two statements.
LONG_READER = "SET LOCAL idle_in_transaction_session_timeout = 0"
OFFERS_MAX = NO_SETTINGS.offers_max


@dataclass(frozen=True, slots=True)
class MemberShare:
    """Share of customer of one member in one currency.

    Of `expected` categories, those that at least half of the `members` similar ones buy, the member bought `bought`;
    `missing` are the names of the others, the most usual first, at most ten. `format` is where most of the money goes.
    """

    currency: str
    format: str
    as_of: date
    members: int
    expected: int
    bought: int
    missing: tuple[str, ...]

    @property
    def share(self) -> float:
        return self.bought / self.expected


def work_out(database: Database, settings: ShareSettings = NO_SETTINGS) -> int:
    """Work the expectations out as of today and keep them in place of the former; how many groups there are.

    Whoever refuses profiling is in no group.
    """
    with database.transaction() as tx:
        tx.execute(LONG_READER)
        today = local_date(tx.now, get_settings().company_timezone)
        with open_lake(tx, upto=today) as lake:
            hide_members(lake, sorted(no_profiling(tx)))
            groups = usual_categories(lake, today, settings)
        tx.execute("LOCK TABLE analytics.expected_category IN SHARE ROW EXCLUSIVE MODE")
        tx.execute(expected_category.delete())
        if groups:
            tx.execute(insert(expected_category), [_row(group, today) for group in groups])
    return len(groups)


def _row(group: Usual, as_of: date) -> dict[str, object]:
    return {
        "currency": group.currency,
        "format": group.format,
        "level": group.level,
        "as_of": as_of,
        "spend_from": group.spend_from,
        "members": group.members,
        "categories": list(group.categories),
    }


def shares_of_member(tx: Tx, member_id: int) -> list[MemberShare]:
    """The member's share in every currency in which something is to be expected; by currency.

    Nothing of who refuses profiling. Raises LakeDamaged.
    """
    groups = tx.execute(select(expected_category).order_by(expected_category.c.level)).all()
    if not groups or refuses_profiling(tx, member_id):
        return []
    since = groups[0].as_of - timedelta(days=NO_SETTINGS.window_days)
    with lake_session(tx) as lake:
        spent = _spent(lake, member_id, since, groups[0].as_of)
        bought = _bought(lake, member_id, since)
    reached = {
        (group.currency, group.format): group
        for group in groups
        if spent.get(group.currency, ("", 0))[0] == group.format and spent[group.currency][1] >= group.spend_from
    }
    expecting = [group for group in reached.values() if group.categories]
    names = {each.id: each.name for each in all_categories(tx)} if expecting else {}
    return sorted(
        (
            MemberShare(
                group.currency,
                group.format,
                group.as_of,
                group.members,
                len(group.categories),
                sum(category in bought.get(group.currency, ()) for category in group.categories),
                _missing(group.categories, bought.get(group.currency, ()), names),
            )
            for group in expecting
        ),
        key=lambda share: share.currency,
    )


def _spent(lake: LakeSession, member_id: int, since: date, until: date) -> dict[str, tuple[str, int]]:
    """By currency, the format in which the member spent most before `until`, and how much."""
    rows = lake.sql(
        f"""SELECT currency::VARCHAR AS currency, format::VARCHAR AS format, sum(money)::BIGINT AS money
            FROM member_day WHERE member_id = {member_id:d}
              AND business_date >= DATE '{since}' AND business_date < DATE '{until}'
            GROUP BY ALL HAVING sum(money) > 0 ORDER BY money DESC, format"""  # noqa: S608 - a number and dates
    ).to_pylist()
    found: dict[str, tuple[str, int]] = {}
    for row in rows:
        found.setdefault(row["currency"], (row["format"], row["money"]))
    return found


def _bought(lake: LakeSession, member_id: int, since: date) -> dict[str, set[int]]:
    """By currency, the categories that the member has bought in the months since a day, up to now."""
    rows = lake.sql(
        f"""SELECT currency::VARCHAR AS currency, category_id FROM member_category_month
            WHERE member_id = {member_id:d} AND month >= DATE '{since}' AND category_id IS NOT NULL
            GROUP BY ALL HAVING sum(money) > 0"""  # noqa: S608 - a number and a date
    ).to_pylist()
    found: dict[str, set[int]] = {}
    for row in rows:
        found.setdefault(row["currency"], set()).add(row["category_id"])
    return found


def _missing(expected: Sequence[int], bought: "set[int] | tuple[()]", names: Mapping[int, str]) -> tuple[str, ...]:
    lacking = [names[category] for category in expected if category not in bought and category in names]
    return tuple(lacking[:OFFERS_MAX])
