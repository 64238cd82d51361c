"""The launch: the control group is set aside first, everybody gets the plan once, whoever dies on the way."""

import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from foundation.clock import FixedClock
from foundation.database import Database, Tx
from marketing.campaigns import launching, operations
from marketing.campaigns.launching import Progress, campaigns_at_work, steps_of, work_on, work_on_each, work_once
from marketing.campaigns.plans import MultiplierPlan, StepPlan, Treatment, Way, Words
from marketing.campaigns.rules import CampaignState
from marketing.experiments.assignment import held_out
from marketing.experiments.standing import company_control, set_standing_control
from marketing.tasks import working
from marketing.tasks.operations import TaskWish, create_tasks
from tests.marketing.campaigns.factories import (
    COUPON,
    LETTER,
    a_list,
    approved,
    arms_of,
    launched,
    many_members,
    marketer,
    next_day,
    now,
    say_of_calls,
)

SMS = StepPlan(Way.SMS, texts={"en": Words("{{ coupon }} until {{ ends_on }}")})
CALL = StepPlan(Way.CALL, task_kind="call", due_in_days=3)


@pytest.fixture
def members(database: Database) -> int:
    """A list of 400, who agree to be called; 1 to 400."""
    with database.transaction() as tx:
        say_of_calls(tx, many_members(tx, 400))
        return a_list(tx)


def _begun(database: Database, members: int, **wishes: object) -> int:
    """Approved and launched, nothing done yet."""
    with database.transaction() as tx:
        campaign = approved(tx, members, **wishes)
        operations.launch(tx, marketer(1), campaign.id, None)
    return campaign.id


def _messages(database: Database, campaign_id: int) -> list[tuple[int, str]]:
    with database.transaction(read_only=True) as tx:
        query = "SELECT member_id, step FROM marketing.message WHERE campaign_id = :id ORDER BY 1, 2"
        return [tuple(row) for row in tx.execute(query, {"id": campaign_id})]


def _coupons(database: Database, campaign_id: int) -> list[int]:
    with database.transaction(read_only=True) as tx:
        query = (
            "SELECT member_id FROM member.coupon AS c JOIN member.coupon_offer AS o ON o.id = c.offer_id"
            " WHERE reference = :reference AND state = 'issued' ORDER BY 1"
        )
        return list(tx.execute(query, {"reference": f"campaign/{campaign_id}"}).scalars())


def _calls(database: Database, campaign_id: int) -> list[tuple[int, str]]:
    with database.transaction(read_only=True) as tx:
        query = "SELECT member_id, state FROM marketing.task WHERE origin = :origin ORDER BY 1"
        return [tuple(row) for row in tx.execute(query, {"origin": f"campaign/{campaign_id}"})]


def test_every_member_of_the_list_is_in_one_group_and_the_hash_says_which(database: Database, members: int) -> None:
    campaign = launched(database, members)
    groups = arms_of(database, campaign.id)
    with database.transaction() as tx:
        company = set(company_control(tx, range(1, 401)))
    expected = set(held_out(f"campaign/{campaign.id}", range(1, 401), 2_000)) - company
    assert groups["company_control"] == company
    assert groups["held_out"] == expected
    assert groups["treated"] == set(range(1, 401)) - company - expected
    assert 50 <= len(expected) <= 110


def test_whoever_is_held_out_gets_nothing_at_all(database: Database, members: int) -> None:
    treatment = Treatment(coupon=COUPON, steps=(LETTER, SMS, CALL))
    campaign = launched(database, members, treatment=treatment)
    groups = arms_of(database, campaign.id)
    treated = sorted(groups["treated"])
    assert _coupons(database, campaign.id) == treated
    assert {member for member, _ in _messages(database, campaign.id)} == set(treated)
    assert [member for member, _ in _calls(database, campaign.id)] == treated


def test_who_said_no_to_calls_or_nothing_or_complains_is_not_called(database: Database, members: int) -> None:
    with database.transaction() as tx:
        groups = held_out("campaign/1", range(1, 401), 2_000) | company_control(tx, range(1, 401))
        refuses, never_asked, complains = sorted(set(range(1, 401)) - set(groups))[:3]
        say_of_calls(tx, [refuses], yes=False)
        tx.ask("DELETE FROM member.consent WHERE member_id = %s", (never_asked,))
        create_tasks(tx, [TaskWish(complains, "complaint", "complaint/1")])
    campaign = launched(database, members, treatment=Treatment(steps=(CALL,)))
    treated = arms_of(database, campaign.id)["treated"]
    assert {refuses, never_asked, complains} <= treated
    assert {member for member, _ in _calls(database, campaign.id)} == treated - {refuses, never_asked, complains}


def test_who_comes_into_the_companys_control_group_later_is_called_no_more(
    database: Database, clock: FixedClock, members: int
) -> None:
    later = replace(CALL, after_days=5)
    campaign = launched(database, members, treatment=Treatment(steps=(later,)))
    treated = arms_of(database, campaign.id)["treated"]
    with database.transaction() as tx:
        set_standing_control(tx, next_day(clock, 0), 2_000, "company/next", "person:1")
        now_held = set(company_control(tx, sorted(treated)))
    next_day(clock, 5)
    work_on(database, campaign.id)
    assert now_held
    assert {member for member, _ in _calls(database, campaign.id)} == treated - now_held


def test_a_salt_that_is_set_during_the_launch_divides_nobody(
    database: Database, clock: FixedClock, members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "ASSIGN_BATCH", 100)
    with database.transaction() as tx:
        company = set(company_control(tx, range(1, 401)))
    campaign_id = _begun(database, members)
    with database.transaction() as tx:
        work_once(tx, campaign_id)
    clock.advance(timedelta(minutes=1))
    with database.transaction() as tx:
        set_standing_control(tx, next_day(clock, 0), 2_000, "company/next", "person:1")
        work_once(tx, campaign_id)
    work_on(database, campaign_id)
    assert arms_of(database, campaign_id)["company_control"] == company


def test_the_control_group_is_set_aside_before_anything_leaves(
    database: Database, members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "ASSIGN_BATCH", 100)
    campaign_id = _begun(database, members)
    for _ in range(4):
        assert _messages(database, campaign_id) == []
        with database.transaction() as tx:
            assert work_once(tx, campaign_id) is Progress.WORKED
    assert now(database, campaign_id).all_assigned
    assert _messages(database, campaign_id) == []
    work_on(database, campaign_id)
    assert len(_messages(database, campaign_id)) == len(arms_of(database, campaign_id)["treated"])


def test_whoever_is_closed_or_merged_is_left_out_before_the_lot_is_drawn(database: Database, members: int) -> None:
    with database.transaction() as tx:
        tx.execute("UPDATE member.member SET status = 'closed' WHERE id = 7")
        tx.execute("UPDATE member.member SET status = 'merged', merged_into = 9 WHERE id = 8")
    campaign = launched(database, members)
    with database.transaction() as tx:
        why = tx.execute(
            "SELECT member_id, why FROM marketing.campaign_member WHERE campaign_id = :id AND arm = 'left_out'",
            {"id": campaign.id},
        ).all()
    assert sorted(map(tuple, why)) == [(7, "member_closed"), (8, "member_merged")]
    assert {7, 8}.isdisjoint(member for member, _ in _messages(database, campaign.id))


def test_a_batch_that_dies_leaves_nothing_and_the_next_worker_goes_on(
    database: Database, members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "ASSIGN_BATCH", 50)
    monkeypatch.setattr(launching, "TREAT_BATCH", 50)
    campaign_id = _begun(database, members, treatment=Treatment(coupon=COUPON, steps=(LETTER,)))
    for round_ in range(60):
        if now(database, campaign_id).state is CampaignState.RUNNING:
            break
        with pytest.raises(KeyboardInterrupt), database.transaction() as tx:  # killed before the commit
            work_once(tx, campaign_id)
            raise KeyboardInterrupt
        with database.transaction() as tx:
            work_once(tx, campaign_id)
        assert round_ < 59
    treated = sorted(arms_of(database, campaign_id)["treated"])
    assert _coupons(database, campaign_id) == treated
    assert _messages(database, campaign_id) == [(member, "step/1") for member in treated]


def test_four_workers_at_once_do_everything_once(
    database: Database, members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "ASSIGN_BATCH", 40)
    monkeypatch.setattr(launching, "TREAT_BATCH", 40)
    campaign_id = _begun(database, members, treatment=Treatment(coupon=COUPON, steps=(LETTER,)))

    def work() -> None:
        for _ in range(100):
            work_on(database, campaign_id)
            if now(database, campaign_id).state is CampaignState.RUNNING:
                return

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    treated = sorted(arms_of(database, campaign_id)["treated"])
    assert _coupons(database, campaign_id) == treated
    assert _messages(database, campaign_id) == [(member, "step/1") for member in treated]


def test_a_reminder_goes_out_on_its_day(database: Database, members: int, clock: FixedClock) -> None:
    reminder = replace(LETTER, after_days=3)
    campaign = launched(database, members, treatment=Treatment(steps=(LETTER, reminder)))
    assert campaign.state is CampaignState.RUNNING
    treated = sorted(arms_of(database, campaign.id)["treated"])
    assert {step for _, step in _messages(database, campaign.id)} == {"step/1"}
    next_day(clock, 2)
    work_on(database, campaign.id)
    assert {step for _, step in _messages(database, campaign.id)} == {"step/1"}
    next_day(clock)
    work_on(database, campaign.id)
    assert [member for member, step in _messages(database, campaign.id) if step == "step/2"] == treated


def test_a_reminder_passes_over_who_used_the_coupon(database: Database, members: int, clock: FixedClock) -> None:
    reminder = replace(LETTER, after_days=1, unless_redeemed=True)
    campaign = launched(database, members, treatment=Treatment(coupon=COUPON, steps=(reminder,)))
    treated = sorted(arms_of(database, campaign.id)["treated"])
    with database.transaction() as tx:
        tx.execute(
            "UPDATE member.coupon SET state = 'redeemed', sale = gen_random_uuid() WHERE member_id = ANY(:members)",
            {"members": treated[:10]},
        )
    next_day(clock)
    work_on(database, campaign.id)
    assert [member for member, _ in _messages(database, campaign.id)] == treated[10:]
    with database.transaction() as tx:
        assert steps_of(tx, campaign.id)[1].passed_over == 10


def test_a_multiplier_is_granted_to_the_treated(database: Database, members: int) -> None:
    treatment = Treatment(multiplier=MultiplierPlan("Double", 200, 7))
    campaign = launched(database, members, treatment=treatment)
    with database.transaction() as tx:
        holders = set(tx.execute("SELECT member_id FROM member.multiplier_grant").scalars())
    assert holders == arms_of(database, campaign.id)["treated"]


def test_a_stop_in_the_middle_stops_at_once(database: Database, members: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "TREAT_BATCH", 100)
    treatment = Treatment(coupon=COUPON, steps=(LETTER, CALL))
    campaign_id = _begun(database, members, treatment=treatment)
    with database.transaction() as tx:
        while len(steps_of(tx, campaign_id)) and not any(s.wished for s in steps_of(tx, campaign_id)[1:]):
            work_once(tx, campaign_id)
    before = _messages(database, campaign_id)
    assert len(before) == 100
    with database.transaction() as tx:
        operations.stop(tx, marketer(3), campaign_id, "Wrong text", take_back=True)
    work_on(database, campaign_id)
    stopped = now(database, campaign_id)
    assert (stopped.state, stopped.stop_reason, stopped.taking_back) == (CampaignState.STOPPED, "Wrong text", False)
    assert _messages(database, campaign_id) == before
    assert _coupons(database, campaign_id) == []
    assert _calls(database, campaign_id) == []
    with database.transaction() as tx:
        states = tx.execute("SELECT DISTINCT state, reason FROM marketing.message").all()
    assert [tuple(row) for row in states] == [("refused", "campaign_stopped")]


def test_a_stop_cancels_calls_that_were_not_made(database: Database, members: int) -> None:
    campaign = launched(database, members, treatment=Treatment(steps=(CALL,)))
    assert {state for _, state in _calls(database, campaign.id)} == {"open"}
    with database.transaction() as tx:
        operations.stop(tx, marketer(3), campaign.id, "Enough", take_back=False)
    assert {state for _, state in _calls(database, campaign.id)} == {"cancelled"}
    assert campaign.id not in _at_work(database)


def test_the_many_calls_of_a_large_campaign_are_cancelled_in_batches(
    database: Database, members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "CANCELLED_AT_ONCE", 100)
    campaign = launched(database, members, treatment=Treatment(steps=(CALL,)))
    with database.transaction() as tx:
        operations.stop(tx, marketer(3), campaign.id, "Enough", take_back=False)
    assert Counter(state for _, state in _calls(database, campaign.id))["cancelled"] == 100
    assert campaign.id in _at_work(database)
    work_on(database, campaign.id)
    assert {state for _, state in _calls(database, campaign.id)} == {"cancelled"}
    assert campaign.id not in _at_work(database)


def _at_work(database: Database) -> list[int]:
    with database.transaction(read_only=True) as tx:
        return campaigns_at_work(tx)


def test_a_fault_that_nobody_expected_keeps_no_other_campaign_waiting(
    database: Database, members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = _begun(database, members), _begun(database, members)
    work = launching.work_once

    def fails_for_the_first(tx: Tx, campaign_id: int) -> Progress:
        if campaign_id == first:
            raise ValueError("nobody expected this")
        return work(tx, campaign_id)

    monkeypatch.setattr(launching, "work_once", fails_for_the_first)
    work_on_each(database, [first, second])
    states = [now(database, campaign_id).state for campaign_id in (first, second)]
    assert states == [CampaignState.LAUNCHING, CampaignState.RUNNING]


def test_a_failing_batch_says_why_and_does_nothing(database: Database, members: int) -> None:
    campaign_id = _begun(database, members, treatment=Treatment(steps=(CALL,)))
    with database.transaction() as tx:
        tx.execute("UPDATE marketing.task_kind SET retired_at = now() WHERE code = 'call'")
    work_on(database, campaign_id)
    failure = now(database, campaign_id).failure
    assert failure is not None
    assert "task_kind" in failure
    assert _calls(database, campaign_id) == []
    with database.transaction() as tx:
        tx.execute("UPDATE marketing.task_kind SET retired_at = NULL WHERE code = 'call'")
    work_on(database, campaign_id)
    assert (now(database, campaign_id).failure, now(database, campaign_id).state) == (None, CampaignState.RUNNING)


def test_a_new_salt_rotates_the_company_wide_control_group(database: Database, members: int, clock: FixedClock) -> None:
    first = arms_of(database, launched(database, members).id)["company_control"]
    with database.transaction() as tx:
        set_standing_control(tx, next_day(clock, 0), 200, "company/2027", "person:1")
    second = arms_of(database, launched(database, members).id)["company_control"]
    assert first
    assert second
    assert first != second
