"""Triggers over HTTP, and the standing control group."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import flask

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import (
    Blueprint,
    PageArguments,
    first_page,
    id_in,
    id_of,
    idempotent,
    page_of,
    paged,
    read_cursor,
    transactional,
)
from marketing.campaigns.bodies import CampaignDecisionIn, CampaignVersionIn
from marketing.campaigns.http import ASK_AGAIN_S
from marketing.experiments.assignment import BASIS_POINTS
from marketing.experiments.standing import set_standing_control, standing_controls
from marketing.permissions import CAMPAIGNS_APPROVE, CAMPAIGNS_READ, CAMPAIGNS_WRITE
from marketing.triggers import bodies
from marketing.triggers.kept_results import results_at_hand
from marketing.triggers.operations import (
    CompanyOnly,
    approve,
    create_trigger,
    edit_trigger,
    pause,
    reject,
    resume,
    submit,
)
from marketing.triggers.rules import TriggerUnknown
from marketing.triggers.storage import firings_of, list_triggers, read_trigger

triggers_blueprint = Blueprint(
    "triggers", __name__, description="Standing rules: whoever comes to fit a filter is treated, once an occasion"
)


def trigger_id_of(text: str) -> int:
    """The id in an address. Raises TriggerUnknown for what cannot be one."""
    return id_of(text, TriggerUnknown("There is no such trigger"))


@triggers_blueprint.route("/triggers", methods=["POST"])
@allow(CAMPAIGNS_WRITE)
@idempotent
@triggers_blueprint.arguments(bodies.TriggerIn)
@triggers_blueprint.response(201, bodies.TriggerOut)
def post_trigger(tx: Tx, body: Mapping[str, Any]) -> dict[str, Any]:
    """Draft a trigger. It watches once somebody else approved it."""
    made = create_trigger(tx, current_principal(), body["name"], bodies.plan_from(body))
    return bodies.trigger_body(made)


@triggers_blueprint.route("/triggers", methods=["GET"])
@allow(CAMPAIGNS_READ)
@transactional
@triggers_blueprint.arguments(bodies.TriggerQuery, location="query")
@triggers_blueprint.response(200, page_of(bodies.TriggerOut))
def get_triggers(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Triggers, the newest first."""
    found = list_triggers(tx, query["state"], id_in(query["cursor"]), query["limit"] + 1)
    shown, more = first_page(found, query["limit"], lambda trigger: trigger.id)
    return paged([bodies.trigger_body(trigger) for trigger in shown], more)


@triggers_blueprint.route("/triggers/<trigger>", methods=["GET"])
@allow(CAMPAIGNS_READ)
@transactional
@triggers_blueprint.response(200, bodies.TriggerOut)
def get_trigger(tx: Tx, trigger: str) -> dict[str, Any]:
    """One trigger."""
    return bodies.trigger_body(read_trigger(tx, trigger_id_of(trigger)))


@triggers_blueprint.route("/triggers/<trigger>", methods=["PATCH"])
@allow(CAMPAIGNS_WRITE)
@transactional
@triggers_blueprint.arguments(bodies.TriggerPatch)
@triggers_blueprint.response(200, bodies.TriggerOut)
def patch_trigger(tx: Tx, body: Mapping[str, Any], trigger: str) -> dict[str, Any]:
    """Change it: the next version, a draft that does not fire until it is approved."""
    number = trigger_id_of(trigger)
    before = read_trigger(tx, number)
    plan, seen = bodies.plan_from(body, before.plan), body.get("version", before.version)
    return bodies.trigger_body(edit_trigger(tx, current_principal(), number, body.get("name"), plan, seen))


@triggers_blueprint.route("/triggers/<trigger>/submit", methods=["POST"])
@allow(CAMPAIGNS_WRITE)
@idempotent
@triggers_blueprint.arguments(CampaignVersionIn, required=False)
@triggers_blueprint.response(200, bodies.TriggerOut)
def post_submit(tx: Tx, body: Mapping[str, Any], trigger: str) -> dict[str, Any]:
    """Ask a second person for approval."""
    return bodies.trigger_body(submit(tx, current_principal(), trigger_id_of(trigger), body["version"]))


@triggers_blueprint.route("/triggers/<trigger>/approve", methods=["POST"])
@allow(CAMPAIGNS_APPROVE)
@idempotent
@triggers_blueprint.arguments(CampaignDecisionIn, required=False)
@triggers_blueprint.response(200, bodies.TriggerOut)
def post_approve(tx: Tx, body: Mapping[str, Any], trigger: str) -> dict[str, Any]:
    """Let it watch. Only a person who neither made, nor last edited, nor submitted it."""
    decided = approve(tx, current_principal(), trigger_id_of(trigger), body["version"], body["note"])
    return bodies.trigger_body(decided)


@triggers_blueprint.route("/triggers/<trigger>/reject", methods=["POST"])
@allow(CAMPAIGNS_APPROVE)
@idempotent
@triggers_blueprint.arguments(CampaignDecisionIn, required=False)
@triggers_blueprint.response(200, bodies.TriggerOut)
def post_reject(tx: Tx, body: Mapping[str, Any], trigger: str) -> dict[str, Any]:
    """Say no: it is a draft again."""
    decided = reject(tx, current_principal(), trigger_id_of(trigger), body["version"], body["note"])
    return bodies.trigger_body(decided)


@triggers_blueprint.route("/triggers/<trigger>/pause", methods=["POST"])
@allow(CAMPAIGNS_WRITE)
@idempotent
@triggers_blueprint.response(200, bodies.TriggerOut)
def post_pause(tx: Tx, trigger: str) -> dict[str, Any]:
    """Let it not fire for the time being."""
    return bodies.trigger_body(pause(tx, current_principal(), trigger_id_of(trigger)))


@triggers_blueprint.route("/triggers/<trigger>/resume", methods=["POST"])
@allow(CAMPAIGNS_WRITE)
@idempotent
@triggers_blueprint.response(200, bodies.TriggerOut)
def post_resume(tx: Tx, trigger: str) -> dict[str, Any]:
    """Let it fire again, as it was approved."""
    return bodies.trigger_body(resume(tx, current_principal(), trigger_id_of(trigger)))


@triggers_blueprint.route("/triggers/<trigger>/firings", methods=["GET"])
@allow(CAMPAIGNS_READ)
@transactional
@triggers_blueprint.arguments(PageArguments, location="query")
@triggers_blueprint.response(200, page_of(bodies.FiringOut))
def get_firings(tx: Tx, query: Mapping[str, Any], trigger: str) -> Any:
    """For whom it fired, the latest first; those of its control group got nothing. Of members of every store: only
    for whoever acts everywhere."""
    current_principal().require_everywhere()
    number = trigger_id_of(trigger)
    read_trigger(tx, number)
    before = read_cursor(query["cursor"], date, int) if query["cursor"] else None
    found = firings_of(tx, number, before, query["limit"] + 1)  # type: ignore[arg-type]
    shown, more = first_page(found, query["limit"], lambda firing: (firing.fired_on, firing.member_id))
    items = [
        {"member": str(f.member_id), "occasion": f.occasion, "fired_on": f.fired_on, "arm": f.arm, "why": f.why}
        for f in shown
    ]
    return paged(items, more)


@triggers_blueprint.route("/triggers/<trigger>/results", methods=["GET"])
@allow(CAMPAIGNS_READ)
@transactional
@triggers_blueprint.response(200, bodies.TriggerResultsOut)
@triggers_blueprint.alt_response(
    202, schema=bodies.TriggerResultsAwaitedOut, description="It fired for many and is worked out first: ask again"
)
def get_results(tx: Tx, trigger: str) -> Any:
    """What the treated bought beyond those held out, in 30 days from each one's first firing on. In every store: only
    for whoever acts everywhere."""
    current_principal().require_everywhere()
    found = read_trigger(tx, trigger_id_of(trigger))
    kept = results_at_hand(tx, found)
    if kept is None:
        return flask.Response(
            json.dumps({"trigger": str(found.id), "state": "working"}),
            202,
            {"Retry-After": str(ASK_AGAIN_S)},
            mimetype="application/json",
        )
    return bodies.results_body(kept.results, kept.worked_out_at)


# ------------------------------------------------------------------------------------------------ the standing control
@triggers_blueprint.route("/standing-control", methods=["GET"])
@allow(CAMPAIGNS_READ)
@transactional
@triggers_blueprint.response(200, page_of(bodies.StandingControlOut))
def get_standing_control(tx: Tx) -> Any:
    """Every setting of the company-wide control group, the newest first."""
    return paged([bodies.standing_body(setting) for setting in standing_controls(tx)], None)


@triggers_blueprint.route("/standing-control", methods=["POST"])
@allow(CAMPAIGNS_APPROVE)
@idempotent
@triggers_blueprint.arguments(bodies.StandingControlIn)
@triggers_blueprint.response(201, bodies.StandingControlOut)
def post_standing_control(tx: Tx, body: Mapping[str, Any]) -> dict[str, Any]:
    """Hold out another share, or with another salt other members, from a day on."""
    principal = current_principal()
    if principal.places is not None:
        raise CompanyOnly("The control group is the company's: only somebody who acts everywhere may change it")
    share = round(body["share"] * BASIS_POINTS)
    made = set_standing_control(tx, body["valid_from"], share, body["salt"], principal.actor)
    return bodies.standing_body(made)
