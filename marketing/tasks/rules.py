"""What a task may become, who is to be called back, and when somebody is told: pure decisions.

    open -> started -> done -> called_back
      \\________\\________________> cancelled
    done -> open: the call-back found that it had not been done

A complaint is a task of a kind that says so, and the same states mean: received, looked into, answered, settled. It is
open until a call-back of the member said that it was dealt with.
"""

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from foundation.errors import Conflict, FieldError, Forbidden, Invalid

CONTENT_MIN, CONTENT_MAX = 1, 5
STANDARD_TIMES_MAX = 4


class TaskState(StrEnum):
    OPEN = "open"
    STARTED = "started"
    DONE = "done"
    CALLED_BACK = "called_back"
    CANCELLED = "cancelled"


UNFINISHED = frozenset({TaskState.OPEN, TaskState.STARTED})


class What(StrEnum):
    """Everything that can happen to a task; each is kept with who, when and why."""

    MADE = "made"
    ASSIGNED = "assigned"
    TAKEN = "taken"
    PUT_BACK = "put_back"
    HANDED_OVER = "handed_over"
    MOVED = "moved"
    STARTED = "started"
    LOGGED = "logged"
    COMPLETED = "completed"
    CALLED_BACK = "called_back"
    REOPENED = "reopened"
    CANCELLED = "cancelled"
    REMINDED = "reminded"
    ESCALATED = "escalated"


_AFTER: Mapping[What, Mapping[TaskState, TaskState]] = {
    What.ASSIGNED: {TaskState.OPEN: TaskState.OPEN, TaskState.STARTED: TaskState.OPEN},
    What.TAKEN: {TaskState.OPEN: TaskState.OPEN},
    What.PUT_BACK: {TaskState.OPEN: TaskState.OPEN, TaskState.STARTED: TaskState.OPEN},
    What.HANDED_OVER: {TaskState.OPEN: TaskState.OPEN, TaskState.STARTED: TaskState.OPEN},
    What.MOVED: {state: state for state in UNFINISHED},
    What.STARTED: {TaskState.OPEN: TaskState.STARTED},
    # What was forgotten is written down later, too.
    What.LOGGED: {state: state for state in (TaskState.STARTED, TaskState.DONE, TaskState.CALLED_BACK)},
    What.COMPLETED: {TaskState.STARTED: TaskState.DONE},
    What.CALLED_BACK: {TaskState.DONE: TaskState.CALLED_BACK},
    What.REOPENED: {TaskState.DONE: TaskState.OPEN},
    What.CANCELLED: dict.fromkeys((TaskState.OPEN, TaskState.STARTED), TaskState.CANCELLED),
}


class HandOverReason(StrEnum):
    """Why somebody's tasks become another's."""

    LEFT = "left"
    AWAY = "away"
    OVERLOAD = "overload"
    BETTER_KNOWN = "better_known"
    OTHER = "other"


class CancelReason(StrEnum):
    """Why a task is not needed any more."""

    NOT_NEEDED = "not_needed"
    DUPLICATE = "duplicate"
    MEMBER_DECLINED = "member_declined"
    UNREACHABLE = "unreachable"
    CAMPAIGN_STOPPED = "campaign_stopped"
    OTHER = "other"


class Contact(StrEnum):
    """Whether the member was reached, as the work log says."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    WRONG_NUMBER = "wrong_number"
    MESSAGE_LEFT = "message_left"
    MET = "met"


class TaskStateWrong(Conflict):
    """The task is not in a state from which this can happen; `state` says which it is in."""

    code = "task_state"


class TaskTaken(Conflict):
    """Somebody else has the task."""

    code = "task_taken"


class SamePerson(Forbidden):
    """Whoever did the work cannot ask the member whether it was done."""

    code = "second_person_needed"


class OutcomeUnknown(Invalid):
    """The outcome is not one of those that the kind knows; `outcomes` names them."""

    code = "outcome_unknown"


@dataclass(frozen=True, slots=True)
class Words:
    """The same in the two languages of the house."""

    en: str
    zh: str

    def in_language(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task can end; `success` says whether it reached what it was for."""

    code: str
    words: Words
    success: bool


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a kind of task: what is to be done, how long it takes and how it may end.

    `callback_percent` is the share of completed tasks whose member another person calls back.
    """

    name: Words
    script: Words
    steps: tuple[Words, ...]
    outcomes: tuple[Outcome, ...]
    standard_minutes: int
    due_in_days: int
    callback_percent: int

    def outcome(self, code: str) -> Outcome:
        """The outcome with this code. Raises OutcomeUnknown."""
        for outcome in self.outcomes:
            if outcome.code == code:
                return outcome
        known = [outcome.code for outcome in self.outcomes]
        raise OutcomeUnknown(
            "this kind of task has no such outcome",
            errors=[FieldError("/outcome", f"one of: {', '.join(known)}")],
            outcomes=known,
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for all tasks. `cost_per_minute` is in minor units of the company's currency."""

    minutes_per_day: int = 60
    cost_per_minute: int = 50
    remind_days: int = 1
    escalate_days: int = 3
    earned_days: int = 14

    def cost(self, minutes: int) -> int:
        """What so many minutes of work cost."""
        return minutes * self.cost_per_minute


def state_after(state: TaskState, what: What) -> TaskState:
    """The state after something happened. Raises TaskStateWrong where it cannot."""
    after = _AFTER[what].get(state)
    if after is None:
        raise TaskStateWrong(_ONLY[what], state=state.value)
    return after


_ONLY: Mapping[What, str] = {
    What.ASSIGNED: "only a task that is not finished can be given to somebody",
    What.TAKEN: "only an open task can be taken",
    What.PUT_BACK: "only a task that is not finished can be put back",
    What.HANDED_OVER: "only a task that is not finished can be handed over",
    What.MOVED: "only a task that is not finished can be changed",
    What.STARTED: "only an open task can be started",
    What.LOGGED: "only a task that was started can be written about",
    What.COMPLETED: "only a task under way can be completed",
    What.CALLED_BACK: "only a completed task can be asked about",
    What.REOPENED: "only a completed task can be asked about",
    What.CANCELLED: "only a task that is not finished can be cancelled",
}


def asks_call_back(salt: bytes, task_id: int, round_: int, percent: int) -> bool:
    """Whether this completion is one of the share whose member is called back.

    A keyed hash decides: nobody can tell beforehand which ones, and the same question has the same answer for ever.
    """
    digest = hmac.new(salt, f"task/{task_id}/{round_}".encode(), sha256).digest()
    return int.from_bytes(digest[:8]) % 10_000 < percent * 100


def check_caller(doer: int | None, reported_by: str, caller: int | None, caller_by: str) -> None:
    """Raise SamePerson unless another one asks the member than who did the work.

    `doer` and `caller` are ids of staff; None: a machine that names nobody. Who only reported a colleague's work cannot
    confirm it either; a machine reports for many.
    """
    same = caller == doer if caller is not None and doer is not None else caller_by == reported_by
    reporter = caller is not None and caller_by == reported_by and caller_by.startswith("person:")
    machine_for_a_person = caller is None and doer is not None
    if (same and not machine_for_a_person) or reporter:
        raise SamePerson("another person than the one who did it asks the member")


def minutes_of(told: int | None, logged: int, started_at: datetime, now: datetime, standard: int) -> int:
    """How long a completion took, beyond what the log says: what was told, else the time since the start.

    A task that was left open is no work: the measured time counts up to four times the standard.
    """
    if told is not None:
        return told
    if logged:
        return 0
    passed = -(-int((now - started_at).total_seconds()) // 60)
    return min(max(passed, 1), STANDARD_TIMES_MAX * standard)


def steps_left(template: Template, done: Collection[int]) -> int:
    """How many steps of the template are not ticked yet."""
    return sum(1 for step in range(len(template.steps)) if step not in done)
