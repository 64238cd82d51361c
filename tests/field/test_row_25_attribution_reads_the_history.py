"""Row 25: nobody could see who received which campaign. Here the group of every member and what was sent to each are
kept and cannot be changed, and they are what the result is counted from."""

import pytest
from sqlalchemy.exc import DBAPIError

from foundation.database import Database
from marketing.campaigns.members import campaign_members
from marketing.campaigns.plans import Measured
from marketing.campaigns.results import results_of
from marketing.campaigns.rules import Arm
from marketing.messages.sending import fill_inboxes
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.marketing.campaigns.factories import a_list, arms_of, launched, many_members, now

pytestmark = pytest.mark.field


def test_the_result_counts_whom_the_history_names(database: Database) -> None:
    with database.transaction() as tx:
        many_members(tx, 500)
        members = a_list(tx)
    campaign = launched(database, members)
    fill_inboxes(database)
    groups = arms_of(database, campaign.id)
    assert campaign.started_on is not None
    write_lake(database, [LineFacts(campaign.started_on, 1_000 + member, member) for member in range(1, 501)])
    with database.transaction() as tx:
        history = campaign_members(tx, now(database, campaign.id), None, 0, 1_000)
        results = results_of(tx, now(database, campaign.id))
    assert {each.member_id for each in history} == set(range(1, 501))
    assert {each.member_id for each in history if each.sends} == groups["treated"]
    assert all(each.why for each in history if each.arm is not Arm.TREATED)
    assert results.headline is not None
    lift = results.headline.of(Measured.SALES).lift
    assert (lift.treated, lift.control) == (len(groups["treated"]), len(groups["held_out"]))
    assert lift.treated_mean == pytest.approx(1_000 + sum(groups["treated"]) / len(groups["treated"]))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE marketing.campaign_member SET arm = 'treated', why = NULL WHERE arm = 'held_out'",
        "DELETE FROM marketing.campaign_member",
    ],
)
def test_nobody_can_change_afterwards_who_was_held_out(database: Database, statement: str) -> None:
    with database.transaction() as tx:
        many_members(tx, 50)
        members = a_list(tx)
    campaign = launched(database, members)
    before = arms_of(database, campaign.id)
    with pytest.raises(DBAPIError), database.transaction() as tx:
        tx.execute(statement)
    assert arms_of(database, campaign.id) == before
