"""Campaigns over HTTP: draft, submit, approve, launch, stop; progress, members and results."""

import json
from collections.abc import Mapping
from typing import Any

import flask

from foundation.access import allow, current_principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import FieldError
from foundation.http import Blueprint, first_page, id_in, id_of, idempotent, page_of, paged, transactional
from foundation.settings import get_settings
from marketing.campaigns import bodies
from marketing.campaigns.estimating import estimate
from marketing.campaigns.kept_results import results_at_hand
from marketing.campaigns.members import campaign_members
from marketing.campaigns.operations import approve, create_campaign, edit_campaign, launch, reject, stop, submit
from marketing.campaigns.plans import StepPlan, Treatment, Way, Words
from marketing.campaigns.rules import CampaignUnknown
from marketing.campaigns.storage import list_campaigns, read_campaign
from marketing.campaigns.treating import preview_step
from marketing.messages.rendering import TextUnusable
from marketing.permissions import CAMPAIGNS_APPROVE, CAMPAIGNS_READ, CAMPAIGNS_WRITE

campaigns_blueprint = Blueprint(
    "campaigns", __name__, description="A target list, an offer, what is said, a control group, and what came of it"
)

ASK_AGAIN_S = 5


def campaign_id_of(text: str) -> int:
    """The id in an address. Raises CampaignUnknown for what cannot be one."""
    return id_of(text, CampaignUnknown("There is no such campaign"))


# ------------------------------------------------------------------------------------------------ drafts
@campaigns_blueprint.route("/campaigns", methods=["POST"])
@allow(CAMPAIGNS_WRITE)
@idempotent
@campaigns_blueprint.arguments(bodies.CampaignIn)
@campaigns_blueprint.response(201, bodies.CampaignOut)
def post_campaign(tx: Tx, body: Mapping[str, Any]) -> dict[str, Any]:
    """Draft a campaign for a target list. It may be incomplete until it is submitted."""
    campaign = create_campaign(tx, current_principal(), body["name"], bodies.plan_from(body))
    return bodies.campaign_body(campaign)


@campaigns_blueprint.route("/campaigns", methods=["GET"])
@allow(CAMPAIGNS_READ)
@transactional
@campaigns_blueprint.arguments(bodies.CampaignQuery, location="query")
@campaigns_blueprint.response(200, page_of(bodies.CampaignOut))
def get_campaigns(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Campaigns, the newest first."""
    found = list_campaigns(tx, current_principal(), query["state"], id_in(query["cursor"]), query["limit"] + 1)
    shown, more = first_page(found, query["limit"], lambda campaign: campaign.id)
    return paged([bodies.campaign_body(campaign) for campaign in shown], more)


@campaigns_blueprint.route("/campaigns/<campaign>", methods=["GET"])
@allow(CAMPAIGNS_READ)
@transactional
@campaigns_blueprint.response(200, bodies.CampaignOut)
def get_campaign(tx: Tx, campaign: str) -> dict[str, Any]:
    """One campaign."""
    return bodies.campaign_body(read_campaign(tx, current_principal(), campaign_id_of(campaign)))


@campaigns_blueprint.route("/campaigns/<campaign>", methods=["PATCH"])
@allow(CAMPAIGNS_WRITE)
@transactional
@campaigns_blueprint.arguments(bodies.CampaignPatch)
@campaigns_blueprint.response(200, bodies.CampaignOut)
def patch_campaign(tx: Tx, body: Mapping[str, Any], campaign: str) -> dict[str, Any]:
    """Change the plan: the next version. What was submitted or approved is a draft again."""
    principal, number = current_principal(), campaign_id_of(campaign)
    before = read_campaign(tx, principal, number)
    plan = bodies.plan_from(body, before.plan)
    # A patch is understood against the version that was read: that one must still be the present one.
    seen = body.get("version", before.version)
    return bodies.campaign_body(edit_campaign(tx, principal, number, body.get("name"), plan, seen))


@campaigns_blueprint.route("/campaigns/estimate", methods=["POST"])
@allow(CAMPAIGNS_WRITE)
@transactional
@campaigns_blueprint.arguments(bodies.CampaignIn)
@campaigns_blueprint.response(200, bodies.EstimateOut)
def post_estimate(tx: Tx, body: Mapping[str, Any]) -> dict[str, Any]:
    """What to expect of a plan: groups, cost, and the smallest effect that its result could show. Writes nothing."""
    return bodies.estimate_body(estimate(tx, current_principal(), bodies.plan_from(body)))


@campaigns_blueprint.route("/campaigns/<campaign>/estimate", methods=["GET"])
@allow(CAMPAIGNS_READ)
@transactional
@campaigns_blueprint.response(200, bodies.EstimateOut)
def get_estimate(tx: Tx, campaign: str) -> dict[str, Any]:
    """The same for a campaign as it is planned."""
    principal = current_principal()
    found = read_campaign(tx, principal, campaign_id_of(campaign))
    return bodies.estimate_body(estimate(tx, principal, found.plan))


@campaigns_blueprint.route("/campaigns/preview-text", methods=["POST"])
@allow(CAMPAIGNS_READ)
@transactional
@campaigns_blueprint.arguments(bodies.TextPreviewIn)
@campaigns_blueprint.response(200, bodies.TextPreviewOut)
def post_preview_text(tx: Tx, body: Mapping[str, Any]) -> dict[str, Any]:
    """A text as a made-up member would get it, with the real offer. Writes nothing."""
    if body["channel"] is Way.CALL:
        raise TextUnusable("a call has no text", errors=[FieldError("/channel", "a call has no text")])
    step = StepPlan(body["channel"], texts={body["language"].value: Words(body["body"], body["subject"])})
    today = local_date(tx.now, get_settings().company_timezone)
    text = preview_step(tx, bodies.treatment_from(body, Treatment()), step, body["language"], today)
    size = text.size
    return {
        "subject": text.subject,
        "body": text.body,
        "letters": len(text.body) if size else None,
        "parts": size.segments if size else None,
    }


# ------------------------------------------------------------------------------------------------ deciding
@campaigns_blueprint.route("/campaigns/<campaign>/submit", methods=["POST"])
@allow(CAMPAIGNS_WRITE)
@idempotent
@campaigns_blueprint.arguments(bodies.CampaignVersionIn, required=False)
@campaigns_blueprint.response(200, bodies.CampaignOut)
def post_submit(tx: Tx, body: Mapping[str, Any], campaign: str) -> dict[str, Any]:
    """Ask a second person for approval."""
    return bodies.campaign_body(submit(tx, current_principal(), campaign_id_of(campaign), body["version"]))


@campaigns_blueprint.route("/campaigns/<campaign>/approve", methods=["POST"])
@allow(CAMPAIGNS_APPROVE)
@idempotent
@campaigns_blueprint.arguments(bodies.CampaignDecisionIn, required=False)
@campaigns_blueprint.response(200, bodies.CampaignOut)
def post_approve(tx: Tx, body: Mapping[str, Any], campaign: str) -> dict[str, Any]:
    """Say yes. Only a person who neither made, nor last edited, nor submitted it."""
    decided = approve(tx, current_principal(), campaign_id_of(campaign), body["version"], body["note"])
    return bodies.campaign_body(decided)


@campaigns_blueprint.route("/campaigns/<campaign>/reject", methods=["POST"])
@allow(CAMPAIGNS_APPROVE)
@idempotent
@campaigns_blueprint.arguments(bodies.CampaignDecisionIn, required=False)
@campaigns_blueprint.response(200, bodies.CampaignOut)
def post_reject(tx: Tx, body: Mapping[str, Any], campaign: str) -> dict[str, Any]:
    """Say no: it is a draft again."""
    decided = reject(tx, current_principal(), campaign_id_of(campaign), body["version"], body["note"])
    return bodies.campaign_body(decided)


# ------------------------------------------------------------------------------------------------ launching, stopping
@campaigns_blueprint.route("/campaigns/<campaign>/launch", methods=["POST"])
@allow(CAMPAIGNS_WRITE)
@idempotent
@campaigns_blueprint.arguments(bodies.CampaignVersionIn, required=False)
@campaigns_blueprint.response(202, bodies.CampaignOut)
def post_launch(tx: Tx, body: Mapping[str, Any], campaign: str) -> dict[str, Any]:
    """Begin: the control group is set aside, then offers and messages go out in the background."""
    return bodies.campaign_body(launch(tx, current_principal(), campaign_id_of(campaign), body["version"]))


@campaigns_blueprint.route("/campaigns/<campaign>/stop", methods=["POST"])
@allow(CAMPAIGNS_WRITE)
@idempotent
@campaigns_blueprint.arguments(bodies.CampaignStopIn, required=False)
@campaigns_blueprint.response(200, bodies.CampaignOut)
def post_stop(tx: Tx, body: Mapping[str, Any], campaign: str) -> dict[str, Any]:
    """End it at once: what has not left does not leave, open calls are cancelled."""
    stopped = stop(
        tx, current_principal(), campaign_id_of(campaign), body["reason"], take_back=body["take_back"]
    )  # fmt: skip
    return bodies.campaign_body(stopped)


# ------------------------------------------------------------------------------------------------ what came of it
@campaigns_blueprint.route("/campaigns/<campaign>/results", methods=["GET"])
@allow(CAMPAIGNS_READ)
@transactional
@campaigns_blueprint.response(200, bodies.ResultsOut)
@campaigns_blueprint.alt_response(
    202, schema=bodies.ResultsAwaitedOut, description="A large campaign is worked out for the first time: ask again"
)
def get_results(tx: Tx, campaign: str) -> Any:
    """Incremental sales, profit and visits against the control group, what it cost, and what is left."""
    found = read_campaign(tx, current_principal(), campaign_id_of(campaign))
    kept = results_at_hand(tx, found)
    if kept is None:
        return flask.Response(
            json.dumps({"campaign": str(found.id), "state": "working"}),
            202,
            {"Retry-After": str(ASK_AGAIN_S)},
            mimetype="application/json",
        )
    return bodies.results_body(kept.results, kept.worked_out_at)


@campaigns_blueprint.route("/campaigns/<campaign>/members", methods=["GET"])
@allow(CAMPAIGNS_READ)
@transactional
@campaigns_blueprint.arguments(bodies.MemberQuery, location="query")
@campaigns_blueprint.response(200, page_of(bodies.CampaignMemberOut))
def get_members(tx: Tx, query: Mapping[str, Any], campaign: str) -> Any:
    """Who was treated and who was held out, what was sent, and why something was not."""
    found = read_campaign(tx, current_principal(), campaign_id_of(campaign))
    rows = campaign_members(tx, found, query["arm"], id_in(query["cursor"]) or 0, query["limit"] + 1)
    shown, following = first_page(rows, query["limit"], lambda row: row.member_id)
    items = [
        {
            "member": str(row.member_id), "arm": row.arm, "why": row.why, "assigned_at": row.assigned_at,
            "redeemed": row.redeemed, "sends": row.sends,
        }
        for row in shown
    ]  # fmt: skip
    return paged(items, following)
