"""From a draft to an approved trigger that watches every day: load, decide, record, announce."""

from foundation.access import Principal
from foundation.database import Tx
from foundation.errors import Forbidden
from foundation.queues import send_after_commit
from marketing.campaigns.operations import treatment_faults
from marketing.campaigns.plans import PlanIncomplete, Way
from marketing.campaigns.rules import check_decider, check_version
from marketing.campaigns.treating import template_wish
from marketing.messages.contents import save_template
from marketing.messages.operations import stop_wishes
from marketing.target_lists.catalogue import MEASURES
from marketing.target_lists.filters import read_filter
from marketing.triggers.rules import TriggerPlan, TriggerState, What, check_steps
from marketing.triggers.storage import (
    Trigger,
    insert_next_version,
    insert_trigger,
    lock_trigger,
    move,
    read_trigger,
)

END_WISHES_TASK = "marketing.end_wishes_of_trigger"


class CompanyOnly(Forbidden):
    """Triggers reach members of every store; whoever acts in some stores only cannot change them."""

    code = "company_only"


def create_trigger(tx: Tx, principal: Principal, name: str, plan: TriggerPlan) -> Trigger:
    """A draft. Raises CompanyOnly, FilterUnreadable."""
    _check_everywhere(principal)
    read_filter(plan.filter, MEASURES)
    return read_trigger(tx, insert_trigger(tx, name, plan, principal.actor))


def edit_trigger(
    tx: Tx, principal: Principal, trigger_id: int, name: str | None, plan: TriggerPlan | None, seen: int | None
) -> Trigger:
    """Make the next version: it is a draft again and does not fire until it is approved. Same content: no change.

    Raises CompanyOnly, TriggerUnknown, CampaignChanged, FilterUnreadable.
    """
    _check_everywhere(principal)
    trigger = lock_trigger(tx, trigger_id)
    check_version(trigger.version, seen)
    wanted = plan or trigger.plan
    read_filter(wanted.filter, MEASURES)
    if (name or trigger.name, wanted) == (trigger.name, trigger.plan):
        return trigger
    insert_next_version(tx, trigger, name or trigger.name, wanted, principal.actor)
    return read_trigger(tx, trigger_id)


def submit(tx: Tx, principal: Principal, trigger_id: int, seen: int | None) -> Trigger:
    """Ask for approval. Raises CompanyOnly, TriggerUnknown, CampaignChanged, TriggerStateWrong, PlanIncomplete."""
    _check_everywhere(principal)
    trigger = lock_trigger(tx, trigger_id)
    check_version(trigger.version, seen)
    _check_plan(tx, trigger.plan)
    by = principal.actor
    move(tx, trigger, What.SUBMITTED, by, facts={"submitted_by": by, "submitted_at": tx.now})
    return read_trigger(tx, trigger_id)


def approve(tx: Tx, principal: Principal, trigger_id: int, seen: int | None, note: str | None) -> Trigger:
    """Let it watch from now on. Raises what `submit` raises, and SecondPersonNeeded."""
    trigger = _decidable(tx, principal, trigger_id, seen)
    _check_plan(tx, trigger.plan)
    _decided(tx, principal, trigger, What.APPROVED, note)
    _keep_texts(tx, trigger, principal.actor)
    return read_trigger(tx, trigger_id)


def reject(tx: Tx, principal: Principal, trigger_id: int, seen: int | None, note: str | None) -> Trigger:
    """Say no; it is a draft again. Raises CompanyOnly, TriggerUnknown, CampaignChanged, TriggerStateWrong,
    SecondPersonNeeded."""
    trigger = _decidable(tx, principal, trigger_id, seen)
    _decided(tx, principal, trigger, What.REJECTED, note)
    return read_trigger(tx, trigger_id)


def pause(tx: Tx, principal: Principal, trigger_id: int) -> Trigger:
    """Let it not fire for the time being; what has not left stays here.

    Raises CompanyOnly, TriggerUnknown, TriggerStateWrong.
    """
    return _switched(tx, principal, trigger_id, What.PAUSED)


def resume(tx: Tx, principal: Principal, trigger_id: int) -> Trigger:
    """Let it fire again, as it was approved. Raises CompanyOnly, TriggerUnknown, TriggerStateWrong."""
    return _switched(tx, principal, trigger_id, What.RESUMED)


def _switched(tx: Tx, principal: Principal, trigger_id: int, what: What) -> Trigger:
    _check_everywhere(principal)
    trigger = lock_trigger(tx, trigger_id)
    # Whoever came to fit while it was paused is not treated late: it begins again by remembering who fits.
    facts = {"members_seen": None} if what is What.RESUMED else None
    move(tx, trigger, what, principal.actor, facts=facts)
    if what is What.PAUSED and end_wishes(tx, trigger_id):
        send_after_commit(tx, END_WISHES_TASK, trigger_id)
    return read_trigger(tx, trigger_id)


def end_wishes(tx: Tx, trigger_id: int) -> int:
    """End some of the messages of a trigger that have not left; how many: while it is any, there may be more."""
    return stop_wishes(tx, f"trigger/{trigger_id}/")


def _decidable(tx: Tx, principal: Principal, trigger_id: int, seen: int | None) -> Trigger:
    _check_everywhere(principal)
    trigger = lock_trigger(tx, trigger_id)
    check_version(trigger.version, seen)
    if trigger.state is TriggerState.SUBMITTED:
        check_decider(principal, principal.actor, {trigger.created_by, trigger.edited_by, trigger.submitted_by})
    return trigger


def _decided(tx: Tx, principal: Principal, trigger: Trigger, what: What, note: str | None) -> None:
    by = principal.actor
    move(tx, trigger, what, by, note, {"decided_by": by, "decided_at": tx.now, "decision_note": note})


def _check_plan(tx: Tx, plan: TriggerPlan) -> None:
    faults = treatment_faults(tx, plan.treatment) + check_steps(plan.treatment)
    if faults:
        raise PlanIncomplete("The plan is not complete", errors=faults)


def _keep_texts(tx: Tx, trigger: Trigger, by: str) -> None:
    for number, step in enumerate(trigger.plan.treatment.steps, 1):
        if step.channel is Way.CALL:
            continue
        wish = template_wish(
            f"trigger-{trigger.id}-{number}-{step.channel.value}", f"{trigger.name} ({number})"[:200], step
        )
        tx.ask(
            "INSERT INTO marketing.trigger_template (trigger_id, version, step, template_id) VALUES (%s, %s, %s, %s)",
            (trigger.id, trigger.version, number, save_template(tx, wish, by=by).id),
        )


def _check_everywhere(principal: Principal) -> None:
    if principal.places is not None:
        raise CompanyOnly("Triggers reach members of every store: only somebody who acts everywhere may change them")
