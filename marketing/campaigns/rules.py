"""The life of a campaign and of a trigger, who may decide about it, and which group a member falls into. Pure."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from pyroaring import BitMap

from foundation.access import Principal, PrincipalKind
from foundation.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed


class CampaignState(StrEnum):
    """draft -> submitted -> approved -> launching -> running -> finished | stopped."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    LAUNCHING = "launching"
    RUNNING = "running"
    STOPPED = "stopped"
    FINISHED = "finished"


class What(StrEnum):
    """What can happen to a campaign."""

    CREATED = "created"
    EDITED = "edited"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    LAUNCHED = "launched"
    ALL_REACHED = "all_reached"
    STOPPED = "stopped"
    FINISHED = "finished"


class Arm(StrEnum):
    """The groups: who gets it; who is held out of this campaign; who is held out of all; who was not to be counted."""

    TREATED = "treated"
    HELD_OUT = "held_out"
    COMPANY_CONTROL = "company_control"
    LEFT_OUT = "left_out"


class CampaignUnknown(NotFound):
    """There is no such campaign, or it lies outside of your stores."""

    code = "campaign_unknown"


class CampaignStateWrong(Conflict):
    """This cannot be done to a campaign in this state; `state` says which."""

    code = "campaign_state_wrong"


class CampaignChanged(PreconditionFailed):
    """Somebody edited it since you read it; `version` is the present one."""

    code = "campaign_changed"


class SecondPersonNeeded(Forbidden):
    """Whoever made, last edited or submitted it cannot decide about it, and a machine cannot at all."""

    code = "second_person_needed"


class OverBudget(Invalid):
    """What it may cost is over its budget."""

    code = "over_budget"


_D, _S, _A, _L, _R = (
    CampaignState.DRAFT,
    CampaignState.SUBMITTED,
    CampaignState.APPROVED,
    CampaignState.LAUNCHING,
    CampaignState.RUNNING,
)
STEPS: Mapping[What, Mapping[CampaignState, CampaignState]] = {
    # Whatever was decided was decided about the plan as it stood: an edit goes back to the beginning.
    What.EDITED: dict.fromkeys((_D, _S, _A), _D),
    What.SUBMITTED: {_D: _S},
    What.APPROVED: {_S: _A},
    What.REJECTED: {_S: _D},
    What.LAUNCHED: {_A: _L},
    What.ALL_REACHED: {_L: _R},
    What.STOPPED: dict.fromkeys((_D, _S, _A, _L, _R), CampaignState.STOPPED),
    What.FINISHED: {_R: CampaignState.FINISHED},
}


def state_after(state: CampaignState, what: What) -> CampaignState:
    """The state that something leads to. Raises CampaignStateWrong."""
    after = STEPS[what].get(state)
    if after is None:
        raise CampaignStateWrong(f"A campaign that is {state.value} cannot be {what.value}", state=state.value)
    return after


def check_decider(principal: Principal, actor: str, hands: Collection[str | None]) -> None:
    """Raise SecondPersonNeeded unless the decider is a person who had no hand in it."""
    if principal.kind is not PrincipalKind.PERSON:
        raise SecondPersonNeeded("A machine cannot be the second person")
    if actor in hands:
        raise SecondPersonNeeded("Whoever made, edited or submitted it cannot decide: a second person is needed")


def check_version(now: int, seen: int | None) -> None:
    """Raise CampaignChanged unless the version that somebody saw (None: does not care) is the present one."""
    if seen is not None and seen != now:
        raise CampaignChanged(f"It was edited meanwhile: this is version {now}", version=now)


def arms(
    members: Collection[int],
    standings: Mapping[int, str | None],
    company_control: BitMap,
    held_out: BitMap,
) -> dict[int, tuple[Arm, str | None]]:
    """The group of each member, and why.

    `standings` says why somebody is not to be counted at all (None: is to be). Those are set aside before the groups
    are made, by what was true before, so that the groups stay alike.
    """

    def group(member: int) -> tuple[Arm, str | None]:
        standing = standings[member]
        if standing is not None:
            return Arm.LEFT_OUT, standing
        if member in company_control:
            return Arm.COMPANY_CONTROL, "company_control"
        if member in held_out:
            return Arm.HELD_OUT, "control_group"
        return Arm.TREATED, None

    return {member: group(member) for member in members}
