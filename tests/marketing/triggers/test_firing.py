"""Triggers: approved by two, looked at every day, fired once for a member and an occasion."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from pyroaring import BitMap

from foundation.clock import FixedClock
from foundation.database import Database, Tx
from marketing.campaigns.plans import Measured, PlanIncomplete, Treatment
from marketing.campaigns.rules import Arm, SecondPersonNeeded
from marketing.campaigns.treating import take_step
from marketing.experiments.assignment import held_out
from marketing.experiments.rules import Verdict
from marketing.experiments.standing import company_control
from marketing.messages import operations as queueing
from marketing.target_lists.filters import FilterUnreadable
from marketing.triggers import firing, operations
from marketing.triggers.firing import due_today, end_wishes_of_paused, evaluate, evaluate_each
from marketing.triggers.operations import CompanyOnly
from marketing.triggers.results import results_of
from marketing.triggers.rules import Occasion, TriggerPlan, TriggerState, TriggerStateWrong
from marketing.triggers.storage import Trigger, arms_of, firings_of, read_trigger
from tests.analytics.lake_factory import LineFacts, write_lake
from tests.marketing.campaigns.factories import COUPON, LETTER, many_members, marketer, say_of_calls
from tests.organisation.factories import somebody

BIRTHDAY = {"all": [{"measure": "birthday", "within_days": 7}]}
EVERYBODY: dict[str, Any] = {"all": []}
IN_S01 = {"all": [{"measure": "home_store", "op": "in", "value": ["S01"]}]}


def a_plan(occasion: Occasion = Occasion.YEARLY, **wishes: Any) -> TriggerPlan:
    plain: dict[str, Any] = {
        "filter": EVERYBODY, "control_share": 2_000, "treatment": Treatment(coupon=COUPON, steps=(LETTER,))
    }  # fmt: skip
    return TriggerPlan(occasion=occasion, **(plain | wishes))


def active(database: Database, plan: TriggerPlan) -> int:
    """Made by one, approved by another; its id."""
    with database.transaction() as tx:
        trigger = operations.create_trigger(tx, marketer(1), "Birthday", plan)
        operations.submit(tx, marketer(1), trigger.id, None)
        return operations.approve(tx, marketer(2), trigger.id, None, None).id


def members(database: Database, count: int) -> None:
    with database.transaction() as tx:
        many_members(tx, count)


def move_in(database: Database, first: int, last: int, store: str | None = "S01") -> None:
    """These members have this home store from now on."""
    with database.transaction() as tx:
        tx.execute(
            "UPDATE member.member SET home_store = :store WHERE id BETWEEN :first AND :last",
            {"store": store, "first": first, "last": last},
        )


def now(database: Database, trigger_id: int) -> Trigger:
    with database.transaction(read_only=True) as tx:
        return read_trigger(tx, trigger_id)


def fired(database: Database, trigger_id: int) -> list[int]:
    """The members of every firing, ascending."""
    with database.transaction(read_only=True) as tx:
        return sorted(each.member_id for each in firings_of(tx, trigger_id, None, 10_000))


def letters(database: Database) -> list[int]:
    with database.transaction(read_only=True) as tx:
        return list(tx.execute("SELECT member_id FROM marketing.message ORDER BY 1").scalars())


def coupons(database: Database) -> list[int]:
    with database.transaction(read_only=True) as tx:
        return list(tx.execute("SELECT member_id FROM member.coupon ORDER BY 1").scalars())


def test_whoever_fits_is_treated_once_an_occasion_and_some_are_kept_back(database: Database) -> None:
    members(database, 200)
    trigger = active(database, a_plan())
    assert evaluate(database, trigger) == 200
    assert evaluate(database, trigger) == 0
    with database.transaction() as tx:
        company = set(company_control(tx, range(1, 201)))
    held = set(held_out(f"trigger/{trigger}", range(1, 201), 2_000)) - company
    treated = sorted(set(range(1, 201)) - held - company)
    assert letters(database) == treated
    assert coupons(database) == treated
    with database.transaction() as tx:
        assert sum(arms_of(tx, trigger).values()) == now(database, trigger).fired == 200


def test_a_draft_a_submitted_and_a_paused_trigger_do_not_fire(database: Database) -> None:
    members(database, 10)
    with database.transaction() as tx:
        draft = operations.create_trigger(tx, marketer(1), "x", a_plan())
    assert evaluate(database, draft.id) == 0
    with database.transaction() as tx:
        operations.submit(tx, marketer(1), draft.id, None)
    assert evaluate(database, draft.id) == 0
    with database.transaction() as tx:
        operations.approve(tx, marketer(2), draft.id, None, None)
        operations.pause(tx, marketer(1), draft.id)
    assert evaluate(database, draft.id) == 0
    assert letters(database) == []
    with database.transaction() as tx:
        operations.resume(tx, marketer(1), draft.id)
    assert evaluate(database, draft.id) == 10


def test_a_pause_holds_back_what_has_not_left_and_nothing_of_others(database: Database) -> None:
    members(database, 10)
    first, second = active(database, a_plan(control_share=0)), active(database, a_plan(control_share=0))
    evaluate(database, first)
    evaluate(database, second)
    with database.transaction() as tx:
        operations.pause(tx, marketer(1), first)
        states = tx.execute(
            "SELECT split_part(step, '/', 2), state, count(*) FROM marketing.message GROUP BY 1, 2"
        ).all()
    assert sorted(map(tuple, states)) == [(str(first), "refused", 10), (str(second), "queued", 10)]


def test_the_rest_of_a_very_large_trigger_is_ended_afterwards_unless_it_fires_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "STOPPED_AT_ONCE", 4)
    members(database, 10)
    trigger = active(database, a_plan(control_share=0))
    evaluate(database, trigger)
    with database.transaction() as tx:
        operations.pause(tx, marketer(1), trigger)
        assert queued(tx) == 6
    end_wishes_of_paused(database, [trigger, 99])
    with database.transaction() as tx:
        assert queued(tx) == 0
        operations.resume(tx, marketer(1), trigger)
        tx.execute("UPDATE marketing.message SET state = 'queued', reason = NULL, ended_at = NULL")
    end_wishes_of_paused(database, [trigger])
    with database.transaction() as tx:
        assert queued(tx) == 10


def queued(tx: Tx) -> int:
    return int(tx.execute("SELECT count(*) FROM marketing.message WHERE state = 'queued'").scalar_one())


def test_the_next_year_is_another_occasion(database: Database, clock: FixedClock) -> None:
    members(database, 20)
    trigger = active(database, a_plan(Occasion.YEARLY))
    assert evaluate(database, trigger) == 20
    clock.advance(timedelta(days=100))
    assert evaluate(database, trigger) == 0
    clock.advance(timedelta(days=280))
    assert evaluate(database, trigger) == 20


def test_the_next_month_is_another_occasion_but_not_while_it_cools_down(database: Database, clock: FixedClock) -> None:
    members(database, 20)
    trigger = active(database, a_plan(Occasion.MONTHLY, cool_down_days=40))
    assert evaluate(database, trigger) == 20
    clock.advance(timedelta(days=30))
    assert evaluate(database, trigger) == 0
    clock.advance(timedelta(days=10))
    assert evaluate(database, trigger) == 20


def test_who_fits_from_the_beginning_did_not_enter(database: Database, clock: FixedClock) -> None:
    members(database, 30)
    move_in(database, 1, 10)
    trigger = active(database, a_plan(Occasion.ENTERED, filter=IN_S01, control_share=0))
    assert evaluate(database, trigger) == 0
    clock.advance(timedelta(days=1))
    move_in(database, 11, 15)
    assert evaluate(database, trigger) == 5
    assert fired(database, trigger) == [11, 12, 13, 14, 15]
    assert evaluate(database, trigger) == 0


def test_whoever_left_and_comes_back_enters_again(database: Database, clock: FixedClock) -> None:
    members(database, 30)
    trigger = active(database, a_plan(Occasion.ENTERED, filter=IN_S01, control_share=0))
    evaluate(database, trigger)
    for store in ("S01", None, "S01"):
        clock.advance(timedelta(days=1))
        move_in(database, 3, 3, store)
        evaluate(database, trigger)
    assert fired(database, trigger) == [3, 3]


def test_a_birthday_is_once_a_year(database: Database, clock: FixedClock) -> None:
    members(database, 10)
    with database.transaction() as tx:
        tx.execute("UPDATE member.member SET birth_month_day = 109 WHERE id = 4")
        tx.execute("UPDATE member.member SET birth_month_day = 601 WHERE id = 5")
    trigger = active(database, a_plan(Occasion.YEARLY, filter=BIRTHDAY))
    for _ in range(10):
        evaluate(database, trigger)
        clock.advance(timedelta(days=1))
    assert fired(database, trigger) == [4]


def test_once_is_once(database: Database, clock: FixedClock) -> None:
    members(database, 5)
    trigger = active(database, a_plan(Occasion.ONCE))
    assert evaluate(database, trigger) == 5
    clock.advance(timedelta(days=1_000))
    assert evaluate(database, trigger) == 0


def test_four_workers_at_once_fire_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "BATCH", 25)
    members(database, 200)
    trigger = active(database, a_plan(control_share=0))
    workers = [threading.Thread(target=lambda: [evaluate(database, trigger) for _ in range(3)]) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    evaluate(database, trigger)
    assert fired(database, trigger) == list(range(1, 201))
    assert len(letters(database)) == len(set(letters(database)))
    assert coupons(database) == letters(database)


def test_a_worker_that_dies_on_the_way_leaves_whole_batches(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firing, "BATCH", 20)
    members(database, 100)
    trigger = active(database, a_plan(control_share=0))
    whole = take_step
    calls = 0

    def dies(*arguments: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(firing, "take_step", dies)
    with pytest.raises(KeyboardInterrupt):
        evaluate(database, trigger)
    assert len(fired(database, trigger)) == 40
    monkeypatch.setattr(firing, "take_step", whole)
    evaluate(database, trigger)
    assert fired(database, trigger) == list(range(1, 101))
    assert coupons(database) == letters(database)


def test_who_entered_on_a_day_whose_look_never_ended_is_not_fired_for_again(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    members(database, 30)
    trigger = active(database, a_plan(Occasion.ENTERED, filter=IN_S01, control_share=0))
    evaluate(database, trigger)
    clock.advance(timedelta(days=1))
    move_in(database, 1, 4)

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(firing, "_finish", dies)
        evaluate(database, trigger)
    clock.advance(timedelta(days=1))
    move_in(database, 5, 5)
    evaluate(database, trigger)
    assert fired(database, trigger) == [1, 2, 3, 4, 5]


def test_it_is_looked_at_once_a_day(database: Database, clock: FixedClock) -> None:
    members(database, 5)
    trigger = active(database, a_plan())
    with database.transaction() as tx:
        assert due_today(tx) == [trigger]
    evaluate(database, trigger)
    with database.transaction() as tx:
        assert due_today(tx) == []
    clock.advance(timedelta(days=1))
    with database.transaction() as tx:
        assert due_today(tx) == [trigger]


def test_an_edited_trigger_rests_until_somebody_else_approves_it_again(database: Database) -> None:
    members(database, 5)
    trigger = active(database, a_plan())
    with database.transaction() as tx:
        edited = operations.edit_trigger(tx, marketer(2), trigger, None, a_plan(cool_down_days=9), None)
        assert (edited.state, edited.version) == (TriggerState.DRAFT, 2)
    assert evaluate(database, trigger) == 0
    with database.transaction() as tx:
        operations.submit(tx, marketer(1), trigger, None)
        with pytest.raises(SecondPersonNeeded):
            operations.approve(tx, marketer(2), trigger, None, None)
        operations.approve(tx, marketer(3), trigger, 2, None)
    assert evaluate(database, trigger) == 5


def test_what_it_cannot_do_is_refused(database: Database) -> None:
    from dataclasses import replace

    with database.transaction() as tx:
        reminder = replace(LETTER, unless_redeemed=True)
        trigger = operations.create_trigger(
            tx, marketer(1), "x", a_plan(treatment=Treatment(coupon=COUPON, steps=(reminder,)))
        )
        with pytest.raises(PlanIncomplete):
            operations.submit(tx, marketer(1), trigger.id, None)
        with pytest.raises(FilterUnreadable):
            operations.create_trigger(tx, marketer(1), "x", a_plan(filter={"measure": "luck"}))
        with pytest.raises(CompanyOnly):
            operations.create_trigger(tx, somebody("campaigns.write", stores=("S01",)), "x", a_plan())
        with pytest.raises(TriggerStateWrong):
            operations.resume(tx, marketer(1), trigger.id)


def test_a_fault_that_nobody_expected_keeps_no_other_trigger_waiting(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    members(database, 5)
    first, second = active(database, a_plan()), active(database, a_plan())
    look = firing._picked

    def fails_for_the_first(tx: Tx, trigger: Trigger) -> BitMap:
        if trigger.id == first:
            raise ValueError("nobody expected this")
        return look(tx, trigger)

    monkeypatch.setattr(firing, "_picked", fails_for_the_first)
    evaluate_each(database, [first, second])
    assert (len(fired(database, first)), len(fired(database, second))) == (0, 5)


def test_what_fails_says_why(database: Database) -> None:
    from marketing.campaigns.plans import StepPlan, Way

    with database.transaction() as tx:
        say_of_calls(tx, many_members(tx, 5))
    trigger = active(database, a_plan(treatment=Treatment(steps=(StepPlan(Way.CALL, task_kind="call"),))))
    with database.transaction() as tx:
        tx.execute("UPDATE marketing.task_kind SET retired_at = now() WHERE code = 'call'")
    assert evaluate(database, trigger) == 0
    assert "task_kind" in (now(database, trigger).failure or "")
    assert fired(database, trigger) == []


def test_what_it_brings_is_counted_from_each_members_first_day(database: Database, clock: FixedClock) -> None:
    """Half enter today and half in ten days; the treated buy for 40.00 more on the third day of each."""
    members(database, 800)
    trigger = active(database, a_plan(Occasion.ENTERED, filter=IN_S01, control_share=3_000))
    evaluate(database, trigger)
    rows = []
    for first in (1, 401):
        clock.advance(timedelta(days=10))
        move_in(database, first, first + 399)
        evaluate(database, trigger)
        today = clock.now().date()
        with database.transaction() as tx:
            arms = {each.member_id: each.arm for each in firings_of(tx, trigger, None, 1_000)}
        rows += [LineFacts(today - timedelta(days=7), 2_000 + 3 * m, m) for m in range(first, first + 400)]
        rows += [LineFacts(today, 3_000 + 5 * m, m) for m in range(first, first + 400, 2)]
        treated = [member for member in range(first, first + 400) if arms[member] is Arm.TREATED]
        rows += [LineFacts(today + timedelta(days=2), 4_000, member) for member in treated]
    write_lake(database, rows)
    clock.advance(timedelta(days=40))
    with database.transaction(read_only=True) as tx:
        (found,) = results_of(tx, read_trigger(tx, trigger)).currencies
    lift = found.of(Measured.SALES).lift
    assert lift.low is not None
    assert lift.high is not None
    assert lift.low <= 4_000 <= lift.high
    assert lift.verdict is Verdict.GAIN
