"""What a trigger is to do, its life, and on which occasion it fires. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from pyroaring import BitMap

from foundation.errors import Conflict, FieldError, NotFound
from marketing.campaigns.plans import Treatment

COOL_DOWN_MAX = 3_660


class TriggerState(StrEnum):
    """draft -> submitted -> active <-> paused; an edit makes it a draft again."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    ACTIVE = "active"
    PAUSED = "paused"


class What(StrEnum):
    """What can happen to a trigger."""

    CREATED = "created"
    EDITED = "edited"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    PAUSED = "paused"
    RESUMED = "resumed"


class Occasion(StrEnum):
    """How often it may fire for a member: ever, a calendar year, a month, or each time the member comes to fit.

    With ENTERED those who fit already when it begins are only remembered: they did not enter.
    """

    ONCE = "once"
    YEARLY = "yearly"
    MONTHLY = "monthly"
    ENTERED = "entered"


# Unless somebody says otherwise: a birthday in early January is one birthday, although it touches two years.
USUAL_COOL_DOWN: Mapping[Occasion, int] = {
    Occasion.ONCE: 0,
    Occasion.YEARLY: 180,
    Occasion.MONTHLY: 20,
    Occasion.ENTERED: 0,
}


class TriggerUnknown(NotFound):
    """There is no such trigger."""

    code = "trigger_unknown"


class TriggerStateWrong(Conflict):
    """This cannot be done to a trigger in this state; `state` says which."""

    code = "trigger_state_wrong"


@dataclass(frozen=True, slots=True)
class TriggerPlan:
    """Whom it watches for (a filter, maybe a ready-made one with its numbers), when it fires, and what it does."""

    filter: Mapping[str, Any]
    occasion: Occasion
    model: str | None = None
    parameters: Mapping[str, int] = field(default_factory=dict)
    cool_down_days: int = 0
    control_share: int = 1_000
    treatment: Treatment = field(default_factory=Treatment)


_D, _S, _A, _P = TriggerState
STEPS: Mapping[What, Mapping[TriggerState, TriggerState]] = {
    What.EDITED: dict.fromkeys((_D, _S, _A, _P), _D),
    What.SUBMITTED: {_D: _S},
    What.APPROVED: {_S: _A},
    What.REJECTED: {_S: _D},
    What.PAUSED: {_A: _P},
    What.RESUMED: {_P: _A},
}


def state_after(state: TriggerState, what: What) -> TriggerState:
    """The state that something leads to. Raises TriggerStateWrong."""
    after = STEPS[what].get(state)
    if after is None:
        raise TriggerStateWrong(f"A trigger that is {state.value} cannot be {what.value}", state=state.value)
    return after


def occasion_on(occasion: Occasion, day: date) -> str:
    """The name of the occasion a day belongs to; a trigger fires once for a member and a name."""
    match occasion:
        case Occasion.ONCE:
            return "once"
        case Occasion.YEARLY:
            return f"{day:%Y}"
        case Occasion.MONTHLY:
            return f"{day:%Y-%m}"
        case Occasion.ENTERED:
            return f"entered/{day.isoformat()}"


def entered(picked: BitMap, seen: BitMap | None) -> BitMap:
    """Who fits now and did not when it was last looked at; nobody the first time."""
    return BitMap() if seen is None else picked - seen


def still_warm(day: date, cool_down_days: int) -> date | None:
    """The first day on which a firing is too recent for another one; None: none is."""
    return day - timedelta(days=cool_down_days - 1) if cool_down_days > 0 else None


def check_steps(treatment: Treatment) -> list[FieldError]:
    """What a trigger cannot do though a campaign can: look again before a reminder."""
    return [
        FieldError(f"/steps/{place}/unless_redeemed", "a trigger sends all its steps; only a campaign looks again")
        for place, step in enumerate(treatment.steps)
        if step.unless_redeemed
    ]
