"""Campaigns for tests: members by the thousand, a frozen list of them, a plan, and what they buy."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from foundation.access import Principal, PrincipalKind
from foundation.clock import FixedClock
from foundation.database import Database, Tx
from marketing.campaigns import operations
from marketing.campaigns.launching import work_on
from marketing.campaigns.plans import CouponPlan, Plan, StepPlan, Treatment, Way, Words
from marketing.campaigns.storage import Campaign, read_campaign
from marketing.target_lists.catalogue import MEASURES
from marketing.target_lists.choosing import Question
from marketing.target_lists.filters import read_filter
from marketing.target_lists.operations import freeze

EVERYBODY: dict[str, Any] = {"all": []}
LETTER = StepPlan(Way.INBOX, texts={"en": Words("Come and see us", "News"), "zh": Words("欢迎光临", "消息")})
COUPON = CouponPlan("Ten off", "CNY", days=14, amount=1_000, minimum_spend=5_000)


def marketer(number: int = 1) -> Principal:
    """One of several people who may do everything with campaigns."""
    permissions = frozenset({"campaigns.read", "campaigns.write", "campaigns.approve"})
    return Principal(PrincipalKind.PERSON, str(number), f"Marketer {number}", permissions, None)


def many_members(tx: Tx, count: int) -> range:
    """So many members without a name; their ids, which are 1, 2, 3 ... in an empty database."""
    row = tx.execute(
        "WITH made AS (INSERT INTO member.member (status, joined_at, created_at, updated_at)"
        " SELECT 'active', :now, :now, :now FROM generate_series(1, :count) RETURNING id)"
        " SELECT min(id), max(id) FROM made",
        {"now": tx.now, "count": count},
    ).one()
    return range(row[0], row[1] + 1)


def say_of_calls(tx: Tx, members: Iterable[int], *, yes: bool = True) -> None:
    """These members agree to marketing by phone, or refuse it; whoever says nothing was never asked."""
    tx.ask(
        "INSERT INTO member.consent (member_id, channel, purpose, granted, since)"
        " SELECT member_id, 'phone', 'marketing', %s, %s FROM unnest(%s::bigint[]) AS x (member_id)"
        " ON CONFLICT (member_id, channel, purpose) DO UPDATE SET granted = excluded.granted",
        (yes, tx.now, list(members)),
    )


def a_list(tx: Tx, name: str = "Everybody", filter_: Any = None) -> int:
    """A frozen list of everybody, or of whom a filter picks; its id."""
    question = Question(read_filter(filter_ or EVERYBODY, MEASURES), tx.now.date())
    return freeze(tx, name, question, by="person:1").id


def a_plan(list_id: int, **wishes: Any) -> Plan:
    """A letter to the inbox and a fifth kept back, unless the test says otherwise."""
    plain: dict[str, Any] = {"control_share": 2_000, "treatment": Treatment(steps=(LETTER,))}
    return Plan(list_id, **(plain | wishes))


def a_draft(tx: Tx, list_id: int, **wishes: Any) -> Campaign:
    return operations.create_campaign(tx, marketer(1), "Spring", a_plan(list_id, **wishes))


def approved(tx: Tx, list_id: int, **wishes: Any) -> Campaign:
    """Made and submitted by one, approved by another."""
    draft = a_draft(tx, list_id, **wishes)
    operations.submit(tx, marketer(1), draft.id, None)
    return operations.approve(tx, marketer(2), draft.id, None, None)


def launched(database: Database, list_id: int, **wishes: Any) -> Campaign:
    """Launched, and worked on until everybody has what the plan gives on the first day."""
    with database.transaction() as tx:
        campaign = approved(tx, list_id, **wishes)
        operations.launch(tx, marketer(1), campaign.id, None)
    work_on(database, campaign.id)
    return now(database, campaign.id)


def now(database: Database, campaign_id: int) -> Campaign:
    """The campaign as it stands."""
    with database.transaction(read_only=True) as tx:
        return read_campaign(tx, None, campaign_id)


def arms_of(database: Database, campaign_id: int) -> dict[str, set[int]]:
    """The members by group."""
    with database.transaction(read_only=True) as tx:
        rows = tx.execute(
            "SELECT arm, member_id FROM marketing.campaign_member WHERE campaign_id = :id", {"id": campaign_id}
        ).all()
    groups: dict[str, set[int]] = {}
    for arm, member in rows:
        groups.setdefault(arm, set()).add(member)
    return groups


def next_day(clock: FixedClock, days: int = 1) -> date:
    """Let days pass; the day it is then in Shanghai."""
    return (clock.advance(timedelta(days=days)) + timedelta(hours=8)).date()
