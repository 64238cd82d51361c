"""From a draft to an approved campaign, its launch and its end: load, decide, record, announce.

Whoever waits for the campaign's row waits for at most one batch of its launch.
"""

from dataclasses import replace
from datetime import date, timedelta

from foundation.access import Principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import FieldError, Invalid
from foundation.queues import send_after_commit
from foundation.settings import get_settings
from marketing.campaigns.costs import costs_ahead, is_over_budget
from marketing.campaigns.plans import Plan, PlanIncomplete, Treatment, Way, check_treatment
from marketing.campaigns.rules import (
    CampaignState,
    CampaignStateWrong,
    OverBudget,
    What,
    check_decider,
    check_version,
)
from marketing.campaigns.storage import (
    Campaign,
    insert_campaign,
    insert_next_version,
    lock_campaign,
    move,
    read_campaign,
    sees,
)
from marketing.campaigns.treating import facts_brought, template_wish
from marketing.experiments.assignment import BASIS_POINTS
from marketing.experiments.standing import standing_control_on
from marketing.messages.contents import check_template, required_facts, save_template
from marketing.messages.operations import stop_messages
from marketing.messages.rendering import TextUnusable
from marketing.target_lists.operations import TargetList, TargetListUnknown, read_list
from marketing.tasks.kinds import kinds_by_code
from marketing.tasks.rules import CancelReason
from marketing.tasks.working import cancel_of
from member_api.contract.coupons import end_multiplier_of, revoke_coupons

WORK_TASK = "marketing.work_on_campaign"


class ListNotUsable(Invalid):
    """There is no such target list, it lies outside of your stores, or it was put away."""

    code = "target_list_not_usable"


# ------------------------------------------------------------------------------------------------ drafting
def create_campaign(tx: Tx, principal: Principal, name: str, plan: Plan) -> Campaign:
    """A draft. Raises ListNotUsable, PlanIncomplete."""
    places = _check_draft(tx, principal, plan)
    return read_campaign(tx, principal, insert_campaign(tx, name, plan, places, principal.actor))


def edit_campaign(
    tx: Tx, principal: Principal, campaign_id: int, name: str | None, plan: Plan | None, seen: int | None
) -> Campaign:
    """Make the next version; what was submitted or approved is a draft again. The same content changes nothing.

    Raises CampaignUnknown, CampaignChanged, CampaignStateWrong, ListNotUsable, PlanIncomplete.
    """
    campaign = lock_campaign(tx, principal, campaign_id)
    check_version(campaign.version, seen)
    wanted = plan or campaign.plan
    if (name or campaign.name, wanted) == (campaign.name, campaign.plan):
        return campaign
    places = _check_draft(tx, principal, wanted)
    insert_next_version(tx, campaign, name or campaign.name, wanted, places, principal.actor)
    return read_campaign(tx, principal, campaign_id)


def _check_draft(tx: Tx, principal: Principal, plan: Plan) -> frozenset[str] | None:
    """What must hold of a draft already; the places of its list. A draft may be incomplete, not unreadable."""
    found = usable_list(tx, principal, plan.list_id)
    faults = _text_faults(tx, plan.treatment)
    if faults:
        raise PlanIncomplete("A text cannot be used", errors=faults)
    return found.places


def usable_list(tx: Tx, principal: Principal, list_id: int) -> TargetList:
    """The list of a campaign. Raises ListNotUsable."""
    try:
        found = read_list(tx, principal, list_id)
    except TargetListUnknown:
        raise ListNotUsable(
            "There is no such target list", errors=[FieldError("/target_list", "there is no such target list")]
        ) from None
    if not sees(principal, found.places):
        words = "It reaches beyond your stores: make a list of their members"
        raise ListNotUsable(words, errors=[FieldError("/target_list", words)])
    if found.archived_at is not None:
        raise ListNotUsable("This target list was put away", errors=[FieldError("/target_list", "was put away")])
    return found


# ------------------------------------------------------------------------------------------------ checking
def check_plan(tx: Tx, plan: Plan) -> None:
    """Raise PlanIncomplete with everything that stands in the way of carrying the plan out."""
    faults = treatment_faults(tx, plan.treatment)
    if faults:
        raise PlanIncomplete("The plan is not complete", errors=faults)


def treatment_faults(tx: Tx, treatment: Treatment) -> list[FieldError]:
    """Everything that stands in the way of treating somebody so."""
    return check_treatment(treatment) + _kind_faults(tx, treatment) + _text_faults(tx, treatment)


def _kind_faults(tx: Tx, treatment: Treatment) -> list[FieldError]:
    wanted = {step.task_kind for step in treatment.steps if step.task_kind}
    known = {code for code, kind in kinds_by_code(tx, wanted).items() if not kind.retired} if wanted else set()
    return [
        FieldError(f"/steps/{place}/task_kind", "there is no such kind of task")
        for place, step in enumerate(treatment.steps)
        if step.task_kind and step.task_kind not in known
    ]


def _text_faults(tx: Tx, treatment: Treatment) -> list[FieldError]:
    """What is wrong with the texts; also of facts that a text shows and the treatment does not bring."""
    faults = []
    for place, step in enumerate(treatment.steps):
        if step.channel is Way.CALL or not step.texts:
            continue
        wish = template_wish("draft", "draft", step)
        try:
            check_template(tx, wish)
        except TextUnusable as error:
            faults += [FieldError(f"/steps/{place}{fault.pointer}", fault.detail) for fault in error.errors]
            continue
        missing = sorted(required_facts(wish) - facts_brought(treatment))
        if missing:
            fault = f"shows {', '.join(missing)}, which this offer does not bring"
            faults.append(FieldError(f"/steps/{place}/texts/{next(iter(step.texts))}/body", fault))
    return faults


# ------------------------------------------------------------------------------------------------ deciding
def submit(tx: Tx, principal: Principal, campaign_id: int, seen: int | None) -> Campaign:
    """Ask for approval. Raises CampaignUnknown, CampaignChanged, CampaignStateWrong, PlanIncomplete, ListNotUsable."""
    campaign = lock_campaign(tx, principal, campaign_id)
    check_version(campaign.version, seen)
    usable_list(tx, principal, campaign.plan.list_id)
    check_plan(tx, campaign.plan)
    by = principal.actor
    move(tx, campaign, What.SUBMITTED, by, facts={"submitted_by": by, "submitted_at": tx.now})
    return read_campaign(tx, principal, campaign_id)


def approve(tx: Tx, principal: Principal, campaign_id: int, seen: int | None, note: str | None) -> Campaign:
    """Say yes to the plan as it stands. Raises CampaignUnknown, CampaignChanged, CampaignStateWrong,
    SecondPersonNeeded, PlanIncomplete."""
    campaign = lock_campaign(tx, principal, campaign_id)
    check_version(campaign.version, seen)
    _check_second_person(principal, campaign)
    check_plan(tx, campaign.plan)
    return _decided(tx, principal, campaign, What.APPROVED, note)


def reject(tx: Tx, principal: Principal, campaign_id: int, seen: int | None, note: str | None) -> Campaign:
    """Say no; it is a draft again. Raises CampaignUnknown, CampaignChanged, CampaignStateWrong, SecondPersonNeeded."""
    campaign = lock_campaign(tx, principal, campaign_id)
    check_version(campaign.version, seen)
    _check_second_person(principal, campaign)
    return _decided(tx, principal, campaign, What.REJECTED, note)


def _check_second_person(principal: Principal, campaign: Campaign) -> None:
    if campaign.state is CampaignState.SUBMITTED:
        check_decider(principal, principal.actor, {campaign.created_by, campaign.edited_by, campaign.submitted_by})


def _decided(tx: Tx, principal: Principal, campaign: Campaign, what: What, note: str | None) -> Campaign:
    by = principal.actor
    facts = {"decided_by": by, "decided_at": tx.now, "decision_note": note}
    move(tx, campaign, what, by, note, facts)
    return read_campaign(tx, principal, campaign.id)


# ------------------------------------------------------------------------------------------------ launching
def launch(tx: Tx, principal: Principal, campaign_id: int, seen: int | None) -> Campaign:
    """Let an approved campaign begin: who is held out is set aside first, then offers and messages go out in batches.

    Raises CampaignUnknown, CampaignChanged, CampaignStateWrong, ListNotUsable, OverBudget.
    """
    campaign = lock_campaign(tx, principal, campaign_id)
    check_version(campaign.version, seen)
    if campaign.state is not CampaignState.APPROVED:
        raise CampaignStateWrong(f"A campaign that is {campaign.state.value} cannot be launched", state=campaign.state)
    members = usable_list(tx, principal, campaign.plan.list_id)
    _check_budget(tx, campaign.plan, members.count)
    by, today = principal.actor, local_date(tx.now, get_settings().company_timezone)
    facts = {
        "launched_by": by,
        "launched_at": tx.now,
        "started_on": today,
        "ends_on": today + timedelta(days=campaign.plan.measure_days - 1),
        "members_max": members.count,
    }
    move(tx, campaign, What.LAUNCHED, by, facts=facts)
    _insert_steps(tx, campaign, by)
    send_after_commit(tx, WORK_TASK, campaign.id)
    return read_campaign(tx, principal, campaign_id)


def _check_budget(tx: Tx, plan: Plan, members: int) -> None:
    most = costs_ahead(tx, plan, expected_treated(tx, plan, members)).at_most
    if is_over_budget(plan, most):
        words = (
            "It may cost more than its budget"
            if most is not None
            else "It has no most: limit the percentage, or leave out messages that are paid in another currency"
        )
        raise OverBudget(words, estimate=most, budget=plan.budget)


def expected_treated(tx: Tx, plan: Plan, members: int) -> int:
    """How many of a list's members are to be expected outside of both control groups."""
    rest = members - members * standing_control_on(tx).share // BASIS_POINTS
    return rest - rest * plan.control_share // BASIS_POINTS


def _insert_steps(tx: Tx, campaign: Campaign, by: str) -> None:
    """Step 0 is the offer; the others are those of the plan, their texts kept as approved."""
    today = local_date(tx.now, get_settings().company_timezone)
    rows: list[tuple[int, int, int | None, date]] = [(campaign.id, 0, None, today)]
    for number, step in enumerate(campaign.plan.treatment.steps, 1):
        template = None
        if step.channel is not Way.CALL:
            code = f"campaign-{campaign.id}-{number}-{step.channel.value}"
            template = save_template(tx, template_wish(code, f"{campaign.name} ({number})"[:200], step), by=by).id
        rows.append((campaign.id, number, template, today + timedelta(days=step.after_days)))
    tx.execute(
        "INSERT INTO marketing.campaign_step (campaign_id, step, template_id, due_on)"
        " VALUES (:campaign, :step, :template, :due)",
        [dict(zip(("campaign", "step", "template", "due"), row, strict=True)) for row in rows],
    )


# ------------------------------------------------------------------------------------------------ ending
def stop(tx: Tx, principal: Principal, campaign_id: int, reason: str, *, take_back: bool) -> Campaign:
    """End it at once: nothing that has not left leaves, open calls are cancelled; a draft is given up.

    With `take_back` coupons that were not used are revoked and a multiplier ends today. Of many calls and coupons the
    first are dealt with here, the rest by the worker in batches. Raises CampaignUnknown, CampaignStateWrong.
    """
    campaign = lock_campaign(tx, principal, campaign_id)
    by = principal.actor
    facts = {"stopped_by": by, "stopped_at": tx.now, "stop_reason": reason, "taking_back": take_back}
    move(tx, campaign, What.STOPPED, by, reason, facts)
    if campaign.launched_at is not None:
        stop_messages(tx, campaign.id)
        cancel_calls(tx, campaign, by)
        send_after_commit(tx, WORK_TASK, campaign.id)
    if take_back:
        take_back_offer(tx, replace(campaign, state=CampaignState.STOPPED))
    return read_campaign(tx, principal, campaign_id)


def cancel_calls(tx: Tx, campaign: Campaign, by: str) -> bool:
    """Cancel some of the unfinished calls of a stopped campaign; whether there may be more."""
    return cancel_of(tx, campaign.reference, CancelReason.CAMPAIGN_STOPPED, by) > 0


def take_back_offer(tx: Tx, campaign: Campaign) -> bool:
    """Revoke some of the unused coupons of a stopped campaign; whether there may be more."""
    today = local_date(tx.now, get_settings().company_timezone)
    if campaign.plan.treatment.multiplier is not None:
        end_multiplier_of(tx, campaign.reference, today)
    return revoke_coupons(tx, campaign.reference) > 0
