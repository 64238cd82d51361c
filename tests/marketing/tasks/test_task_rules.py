"""The rules of follow-up tasks, without a database."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing.tasks.assignment import Rota, Wanted, assign
from marketing.tasks.rules import (
    Outcome,
    OutcomeUnknown,
    SamePerson,
    Settings,
    TaskState,
    TaskStateWrong,
    Template,
    What,
    Words,
    asks_call_back,
    check_caller,
    minutes_of,
    state_after,
    steps_left,
)

MONDAY = date(2026, 1, 5)
SALT = b"a salt that nobody knows"
DAY = timedelta(days=1)
WORDS = Words("Call", "致电")


# ------------------------------------------------------------------------------------------------ states
def test_a_task_goes_from_open_to_called_back() -> None:
    state = TaskState.OPEN
    for what in (What.STARTED, What.COMPLETED, What.CALLED_BACK):
        state = state_after(state, what)
    assert state is TaskState.CALLED_BACK


def test_what_was_not_done_is_open_again() -> None:
    assert state_after(TaskState.DONE, What.REOPENED) is TaskState.OPEN


def test_who_gives_a_started_task_to_another_lets_it_begin_again() -> None:
    assert state_after(TaskState.STARTED, What.HANDED_OVER) is TaskState.OPEN


@pytest.mark.parametrize("state", [TaskState.CALLED_BACK, TaskState.CANCELLED])
@pytest.mark.parametrize("what", [What.STARTED, What.COMPLETED, What.CALLED_BACK, What.CANCELLED, What.HANDED_OVER])
def test_what_has_ended_stays_ended(state: TaskState, what: What) -> None:
    with pytest.raises(TaskStateWrong):
        state_after(state, what)


@pytest.mark.parametrize(
    ("state", "what"),
    [(TaskState.OPEN, What.COMPLETED), (TaskState.STARTED, What.TAKEN), (TaskState.STARTED, What.CALLED_BACK)],
)
def test_nothing_is_skipped(state: TaskState, what: What) -> None:
    with pytest.raises(TaskStateWrong) as refusal:
        state_after(state, what)
    assert refusal.value.facts["state"] == state.value


# ------------------------------------------------------------------------------------------------ call-backs
def test_the_sample_is_the_share_that_was_asked_for() -> None:
    asked = sum(asks_call_back(SALT, task, 1, 10) for task in range(20_000))
    assert 1_850 < asked < 2_150  # 2,000 expected, five standard deviations are 212


def test_the_sample_is_the_same_for_ever_and_another_for_another_salt() -> None:
    first = [asks_call_back(SALT, task, 1, 50) for task in range(100)]
    assert first == [asks_call_back(SALT, task, 1, 50) for task in range(100)]
    assert first != [asks_call_back(b"another", task, 1, 50) for task in range(100)]
    assert first != [asks_call_back(SALT, task, 2, 50) for task in range(100)]


@given(task=st.integers(1, 2**62), low=st.integers(0, 100), more=st.integers(0, 100))
def test_a_larger_share_asks_for_all_that_a_smaller_one_did(task: int, low: int, more: int) -> None:
    if asks_call_back(SALT, task, 1, low):
        assert asks_call_back(SALT, task, 1, min(100, low + more))
    assert asks_call_back(SALT, task, 1, 100)
    assert not asks_call_back(SALT, task, 1, 0)


@pytest.mark.parametrize(
    ("doer", "reported_by", "caller", "caller_by"),
    [
        (7, "person:7", 7, "person:7"),  # the doer
        (7, "machine:crm", 7, "machine:crm"),  # the doer, through a machine
        (7, "person:9", 9, "person:9"),  # whoever reported it for the doer
        (None, "machine:crm", None, "machine:crm"),  # a machine confirms itself
    ],
)
def test_nobody_confirms_the_own_work(doer: int | None, reported_by: str, caller: int | None, caller_by: str) -> None:
    with pytest.raises(SamePerson):
        check_caller(doer, reported_by, caller, caller_by)


@pytest.mark.parametrize(
    ("doer", "reported_by", "caller", "caller_by"),
    [
        (7, "person:7", 8, "person:8"),
        (7, "machine:crm", 8, "machine:crm"),  # one machine reports for both
        (7, "machine:crm", None, "machine:crm"),  # a machine asks about a person's work
        (None, "machine:crm", 8, "person:8"),
    ],
)
def test_another_person_may_ask(doer: int | None, reported_by: str, caller: int | None, caller_by: str) -> None:
    check_caller(doer, reported_by, caller, caller_by)


# ------------------------------------------------------------------------------------------------ minutes, outcomes
def test_minutes_are_those_told_or_logged_or_since_the_start() -> None:
    start = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
    assert minutes_of(3, 10, start, start + timedelta(hours=1), 6) == 3
    assert minutes_of(None, 10, start, start + timedelta(hours=1), 6) == 0
    assert minutes_of(None, 0, start, start + timedelta(seconds=301), 6) == 6
    assert minutes_of(None, 0, start, start, 6) == 1
    assert minutes_of(None, 0, start, start + timedelta(hours=8), 6) == 24


def test_minutes_cost_what_the_settings_say() -> None:
    assert Settings(cost_per_minute=50).cost(18) == 900


def test_a_template_knows_its_outcomes_and_steps() -> None:
    template = Template(WORDS, WORDS, (WORDS, WORDS), (Outcome("done", WORDS, True),), 6, 7, 10)
    assert template.outcome("done").success
    with pytest.raises(OutcomeUnknown) as refusal:
        template.outcome("gone")
    assert refusal.value.facts["outcomes"] == ["done"]
    assert steps_left(template, [1]) == 1


# ------------------------------------------------------------------------------------------------ assignment
def wanted(due: date = MONDAY + 6 * DAY, minutes: int = 10, *known_by: int) -> Wanted:
    return Wanted("S01", due, minutes, known_by)


def test_who_knows_the_member_best_goes_first() -> None:
    rota = Rota(MONDAY, 60, [(2, MONDAY, 30)])
    assert assign([wanted(MONDAY, 10, 2, 1)], {"S01": [1, 2, 3]}, rota) == [2]


def test_who_has_no_room_is_passed_over() -> None:
    rota = Rota(MONDAY, 60, [(2, MONDAY, 55)])
    assert assign([wanted(MONDAY, 10, 2, 1)], {"S01": [1, 2, 3]}, rota) == [1]


def test_who_is_not_on_duty_in_the_store_is_passed_over() -> None:
    assert assign([wanted(MONDAY, 10, 9)], {"S01": [1]}, Rota(MONDAY, 60)) == [1]


def test_otherwise_whoever_has_the_least_to_do() -> None:
    rota = Rota(MONDAY, 60, [(1, MONDAY, 20)])
    assert assign([wanted()] * 4, {"S01": [1, 2]}, rota) == [2, 2, 1, 2]


def test_a_store_without_clerks_keeps_it_in_the_pool() -> None:
    assert assign([wanted()], {}, Rota(MONDAY, 60)) == [None]


def test_there_is_room_for_a_week_of_work_within_a_week() -> None:
    rota = Rota(MONDAY, 60)
    rota.add(1, MONDAY + 6 * DAY, 7 * 60 - 10)
    assert rota.has_room(1, MONDAY + 6 * DAY, 10)
    assert not rota.has_room(1, MONDAY + 6 * DAY, 11)
    # What is due before leaves less room for what is due later.
    assert rota.has_room(1, MONDAY, 10)
    assert not rota.has_room(1, MONDAY, 11)


def test_what_is_overdue_counts_for_today() -> None:
    rota = Rota(MONDAY, 60, [(1, MONDAY - 30 * DAY, 60)])
    assert not rota.has_room(1, MONDAY - 3 * DAY, 1)
    assert rota.has_room(1, MONDAY + DAY, 60)


@given(
    tasks=st.lists(
        st.tuples(st.integers(-3, 20), st.integers(1, 90), st.sampled_from([(), (1,), (2, 3)])), max_size=40
    ),
    per_day=st.integers(10, 120),
)
def test_nobody_ever_gets_more_than_can_be_done_in_time(
    tasks: list[tuple[int, int, tuple[int, ...]]], per_day: int
) -> None:
    asked = [Wanted("S01", MONDAY + days * DAY, minutes, known) for days, minutes, known in tasks]
    given_to = assign(asked, {"S01": [1, 2, 3]}, Rota(MONDAY, per_day))
    for clerk in (1, 2, 3):
        mine = [task for task, who in zip(asked, given_to, strict=True) if who == clerk]
        for day in {max(task.due_on, MONDAY) for task in mine}:
            by_then = sum(task.minutes for task in mine if task.due_on <= day)
            assert by_then <= ((day - MONDAY).days + 1) * per_day
