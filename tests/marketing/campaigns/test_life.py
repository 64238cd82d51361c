"""From a draft to the end: who may do what when, and that every change is approved by a second person."""

from dataclasses import replace
from datetime import timedelta

import pytest

from analytics.contract.outcomes import expected_cost_of_points
from foundation.access import Principal, PrincipalKind
from foundation.clock import FixedClock, local_date
from foundation.database import Database, Tx
from marketing.campaigns import operations
from marketing.campaigns.costs import costs_ahead
from marketing.campaigns.launching import Progress, campaigns_at_work, work_on, work_once
from marketing.campaigns.operations import ListNotUsable
from marketing.campaigns.plans import CouponPlan, MultiplierPlan, PlanIncomplete, StepPlan, Treatment, Way, Words
from marketing.campaigns.rules import (
    CampaignChanged,
    CampaignState,
    CampaignStateWrong,
    CampaignUnknown,
    OverBudget,
    SecondPersonNeeded,
)
from marketing.campaigns.storage import changes_of, list_campaigns, read_campaign
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.marketing.campaigns.factories import (
    COUPON,
    LETTER,
    a_draft,
    a_list,
    a_plan,
    approved,
    launched,
    many_members,
    marketer,
    next_day,
    now,
)


@pytest.fixture
def members(tx: Tx) -> int:
    """A list of ten."""
    many_members(tx, 10)
    return a_list(tx)


def test_a_draft_becomes_approved_by_a_second_person(tx: Tx, members: int) -> None:
    campaign = approved(tx, members)
    assert campaign.state is CampaignState.APPROVED
    assert (campaign.created_by, campaign.submitted_by, campaign.decided_by) == ("person:1", "person:1", "person:2")
    assert [change.what for change in changes_of(tx, campaign.id)] == ["approved", "submitted", "created"]


def test_whoever_made_it_cannot_approve_it(tx: Tx, members: int) -> None:
    draft = a_draft(tx, members)
    operations.submit(tx, marketer(2), draft.id, None)
    with pytest.raises(SecondPersonNeeded):
        operations.approve(tx, marketer(1), draft.id, None, None)
    assert read_campaign(tx, None, draft.id).state is CampaignState.SUBMITTED


def test_whoever_edited_it_last_or_submitted_it_cannot_approve_it(tx: Tx, members: int) -> None:
    draft = a_draft(tx, members)
    operations.edit_campaign(tx, marketer(2), draft.id, "Summer", None, None)
    operations.submit(tx, marketer(3), draft.id, None)
    for number in (1, 2, 3):
        with pytest.raises(SecondPersonNeeded):
            operations.approve(tx, marketer(number), draft.id, None, None)
    assert operations.approve(tx, marketer(4), draft.id, None, None).state is CampaignState.APPROVED


def test_a_machine_is_no_second_person(tx: Tx, members: int) -> None:
    draft = a_draft(tx, members)
    operations.submit(tx, marketer(1), draft.id, None)
    machine = Principal(PrincipalKind.MACHINE, "erp", "ERP", frozenset({"campaigns.approve"}), None)
    with pytest.raises(SecondPersonNeeded):
        operations.approve(tx, machine, draft.id, None, None)


def test_a_change_after_the_approval_needs_approval_again(tx: Tx, members: int) -> None:
    campaign = approved(tx, members)
    edited = operations.edit_campaign(tx, marketer(2), campaign.id, None, a_plan(members, measure_days=7), None)
    assert (edited.state, edited.version, edited.decided_by) == (CampaignState.DRAFT, 2, None)
    with pytest.raises(CampaignStateWrong):
        operations.launch(tx, marketer(1), campaign.id, None)
    operations.submit(tx, marketer(1), campaign.id, None)
    with pytest.raises(SecondPersonNeeded):
        operations.approve(tx, marketer(2), campaign.id, None, None)


def test_the_same_content_again_is_no_change(tx: Tx, members: int) -> None:
    campaign = approved(tx, members)
    same = operations.edit_campaign(tx, marketer(2), campaign.id, "Spring", a_plan(members), None)
    assert (same.state, same.version) == (CampaignState.APPROVED, 1)


def test_an_approval_is_of_the_version_that_was_seen(tx: Tx, members: int) -> None:
    draft = a_draft(tx, members)
    operations.edit_campaign(tx, marketer(3), draft.id, "Summer", None, 1)
    operations.submit(tx, marketer(1), draft.id, 2)
    with pytest.raises(CampaignChanged) as changed:
        operations.approve(tx, marketer(2), draft.id, 1, None)
    assert changed.value.facts == {"version": 2}


def test_a_rejected_campaign_is_a_draft_with_a_note(tx: Tx, members: int) -> None:
    draft = a_draft(tx, members)
    operations.submit(tx, marketer(1), draft.id, None)
    rejected = operations.reject(tx, marketer(2), draft.id, None, "Too dear")
    assert (rejected.state, rejected.decision_note) == (CampaignState.DRAFT, "Too dear")


@pytest.mark.parametrize(
    ("treatment", "pointer"),
    [
        (Treatment(), "/steps"),
        (Treatment(steps=(StepPlan(Way.SMS),)), "/steps/0/texts"),
        (Treatment(steps=(StepPlan(Way.CALL),)), "/steps/0/task_kind"),
        (Treatment(steps=(StepPlan(Way.CALL, task_kind="dance"),)), "/steps/0/task_kind"),
        (Treatment(steps=(replace(LETTER, unless_redeemed=True),)), "/steps/0/unless_redeemed"),
        (Treatment(coupon=replace(COUPON, amount=None)), "/coupon/amount"),
        (Treatment(multiplier=MultiplierPlan("Double", 100, 7)), "/multiplier/percent"),
        (Treatment(coupon=COUPON, multiplier=MultiplierPlan("Double", 200, 7)), "/multiplier"),
    ],
)
def test_what_cannot_be_carried_out_cannot_be_submitted(
    tx: Tx, members: int, treatment: Treatment, pointer: str
) -> None:
    draft = a_draft(tx, members, treatment=treatment)
    with pytest.raises(PlanIncomplete) as incomplete:
        operations.submit(tx, marketer(1), draft.id, None)
    assert pointer in [fault.pointer for fault in incomplete.value.errors]
    assert read_campaign(tx, None, draft.id).state is CampaignState.DRAFT


@pytest.mark.parametrize("body", ["{{ coupon }}", "{{ nobody }}", "{% for x in y %}", "{{ name.__class__ }}"])
def test_a_text_that_cannot_be_made_is_refused_when_it_is_saved(tx: Tx, members: int, body: str) -> None:
    step = StepPlan(Way.SMS, texts={"en": Words(body)})
    with pytest.raises(PlanIncomplete) as incomplete:
        a_draft(tx, members, treatment=Treatment(steps=(step,)))
    assert incomplete.value.errors[0].pointer == "/steps/0/texts/en/body"


def test_a_text_may_show_what_the_offer_brings(tx: Tx, members: int) -> None:
    words = Words("{{ name }}: {{ coupon }}, {{ amount }} off from {{ minimum }} until {{ ends_on }}")
    step = StepPlan(Way.SMS, texts={"en": words})
    assert approved(tx, members, treatment=Treatment(coupon=COUPON, steps=(step,))).state is CampaignState.APPROVED


def test_there_must_be_such_a_list(tx: Tx) -> None:
    with pytest.raises(ListNotUsable):
        a_draft(tx, 99)


def test_somebody_with_some_stores_cannot_reach_the_whole_company(tx: Tx, members: int) -> None:
    local = replace(marketer(5), places=frozenset({"store/S01"}))
    with pytest.raises(ListNotUsable):
        operations.create_campaign(tx, local, "Spring", a_plan(members))
    campaign = a_draft(tx, members)
    with pytest.raises(CampaignUnknown):
        read_campaign(tx, local, campaign.id)
    assert list_campaigns(tx, local, None, None, 10) == []
    assert [each.id for each in list_campaigns(tx, marketer(1), None, None, 10)] == [campaign.id]


def test_what_may_cost_more_than_its_budget_is_not_launched(tx: Tx, members: int) -> None:
    # Eight of ten would get a coupon of 10.00; the company-wide control group takes its share of none.
    campaign = approved(tx, members, treatment=Treatment(coupon=COUPON), budget=7_999)
    with pytest.raises(OverBudget) as over:
        operations.launch(tx, marketer(1), campaign.id, None)
    assert over.value.facts == {"estimate": 8_000, "budget": 7_999}
    cheaper = operations.edit_campaign(
        tx, marketer(1), campaign.id, None, replace(campaign.plan, budget=8_000), None
    )  # fmt: skip
    operations.submit(tx, marketer(1), cheaper.id, None)
    operations.approve(tx, marketer(2), cheaper.id, None, None)
    assert operations.launch(tx, marketer(1), cheaper.id, None).state is CampaignState.LAUNCHING


def test_a_launched_campaign_runs_and_ends_when_its_days_are_over(database: Database, clock: FixedClock) -> None:
    with database.transaction() as tx:
        many_members(tx, 10)
        members = a_list(tx)
    campaign = launched(database, members, measure_days=3)
    assert campaign.state is CampaignState.RUNNING
    assert (campaign.started_on, campaign.ends_on) == (next_day(clock, 0), next_day(clock, 2))
    work_on(database, campaign.id)
    assert now(database, campaign.id).state is CampaignState.RUNNING
    next_day(clock)
    with database.transaction() as tx:
        assert campaigns_at_work(tx) == [campaign.id]
    work_on(database, campaign.id)
    assert now(database, campaign.id).state is CampaignState.FINISHED
    with database.transaction() as tx:
        assert campaigns_at_work(tx) == []
        assert work_once(tx, campaign.id) is Progress.IDLE


@pytest.mark.parametrize("after", ["launched", "finished"])
def test_what_has_begun_cannot_be_edited(database: Database, clock: FixedClock, after: str) -> None:
    with database.transaction() as tx:
        many_members(tx, 10)
        members = a_list(tx)
    campaign = launched(database, members, measure_days=1)
    if after == "finished":
        next_day(clock)
        work_on(database, campaign.id)
    with database.transaction() as tx, pytest.raises(CampaignStateWrong):
        operations.edit_campaign(tx, marketer(1), campaign.id, "Other", None, None)


def test_a_draft_can_be_given_up(tx: Tx, members: int) -> None:
    draft = a_draft(tx, members)
    stopped = operations.stop(tx, marketer(1), draft.id, "No longer needed", take_back=False)
    assert (stopped.state, stopped.stop_reason) == (CampaignState.STOPPED, "No longer needed")
    with pytest.raises(CampaignStateWrong):
        operations.submit(tx, marketer(1), draft.id, None)


def test_a_multiplier_is_held_against_the_budget_by_what_members_earned_before(tx: Tx, members: int) -> None:
    today = local_date(tx.now, "Asia/Shanghai")
    write_lake(tx, [LineFacts(today - timedelta(days=3), 100_000, member, points=1_000) for member in range(1, 11)])
    # Outside of the fourteen days that the multiplier is to count, as many before today.
    write_lake(tx, [LineFacts(today - timedelta(days=15), 100_000, 1, points=50_000)])
    treatment = Treatment(multiplier=MultiplierPlan("Triple", 300, 14))
    # Eight members x 1,000 points x 2 more.
    cost = expected_cost_of_points(tx, 16_000, today, "CNY")
    assert cost > 0
    assert costs_ahead(tx, a_plan(members, treatment=treatment), 8).points_expected == cost
    campaign = approved(tx, members, treatment=treatment, budget=cost - 1)
    with pytest.raises(OverBudget) as over:
        operations.launch(tx, marketer(1), campaign.id, None)
    assert over.value.facts == {"estimate": cost, "budget": cost - 1}
    elsewhere = Treatment(multiplier=MultiplierPlan("Triple", 300, 14, formats=("online",)))
    assert costs_ahead(tx, a_plan(members, treatment=elsewhere), 8).points_expected == 0


def test_messages_that_are_paid_in_another_currency_fit_no_budget(tx: Tx, members: int) -> None:
    text = StepPlan(Way.SMS, texts={"en": Words("Come and see us")})
    tx.execute("UPDATE marketing.message_policy SET cost_currency = 'USD', segment_cost_milli = 4500")
    campaign = approved(tx, members, treatment=Treatment(steps=(text,)), budget=1_000_000)
    with pytest.raises(OverBudget):
        operations.launch(tx, marketer(1), campaign.id, None)
    free = approved(tx, members, treatment=Treatment(steps=(LETTER,)), budget=0)
    assert operations.launch(tx, marketer(1), free.id, None).state is CampaignState.LAUNCHING


def test_a_percentage_without_a_limit_fits_no_budget(tx: Tx, members: int) -> None:
    coupon = CouponPlan("A tenth off", "CNY", days=14, percent=1_000)
    campaign = approved(tx, members, treatment=Treatment(coupon=coupon), budget=1_000_000)
    with pytest.raises(OverBudget):
        operations.launch(tx, marketer(1), campaign.id, None)
    limited = approved(tx, members, treatment=Treatment(coupon=replace(coupon, amount_max=2_000)), budget=1_000_000)
    assert operations.launch(tx, marketer(1), limited.id, None).state is CampaignState.LAUNCHING
