"""Tiers over HTTP: which there are, who holds one, how one is earned."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Blueprint, Schema, idempotent, page_of, paged, transactional
from foundation.http.fields import Code, Words
from foundation.money import is_currency
from member_api.fields import Moment, Reason, member_id_of
from member_api.members.bodies import TierOut, tier_body
from member_api.members.lookup import resolve_member
from member_api.members.rules import StatusForbids
from member_api.permissions import MEMBERS_PERSONAL
from member_api.tiers.operations import (
    TIERS_MAX,
    TierEntry,
    publish_rule,
    put_tiers,
    rules,
    set_by_hand,
    tier_history,
    tiers,
)
from member_api.tiers.rules import SpendBasis, Threshold, Tier, TierRule
from member_api.vault.operations import open_keys

tiers_blueprint = Blueprint("tiers", __name__, description="A member's standing: given, imported or earned")

RANK_MAX = 30_000
AMOUNT_MAX = 10**15


class TierSchema(Schema):
    """A tier: of two, the one with the greater rank is the better."""

    code = Code(required=True)
    name = Words(required=True)
    rank = fields.Integer(strict=True, required=True, validate=validate.Range(0, RANK_MAX))
    retired_at = fields.AwareDateTime(dump_only=True, allow_none=True)


class TiersIn(Schema):
    """All tiers that shall be; those left out are retired."""

    tiers = fields.List(fields.Nested(TierSchema), required=True, validate=validate.Length(0, TIERS_MAX))


class SetTierIn(Schema):
    """A tier given by hand. Better tiers end; without `valid_to` it holds until it is changed."""

    tier = Code(required=True)
    valid_to = Moment(allow_none=True, load_default=None)
    reason = Reason(required=True)


class SetTierOut(Schema):
    id = fields.String(required=True)
    tier = fields.Nested(TierOut, required=True)


class TierEntryOut(Schema):
    """One assignment of the history."""

    tier = fields.String(required=True)
    source = fields.String(required=True)
    valid_from = fields.AwareDateTime(required=True)
    valid_to = fields.AwareDateTime(required=True, allow_none=True)
    ended_at = fields.AwareDateTime(required=True, allow_none=True)
    assigned_by = fields.String(required=True)
    assigned_at = fields.AwareDateTime(required=True)
    rule_version = fields.Integer(required=True, allow_none=True)
    evidence = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Spend or points that earned it"}
    )
    reason = fields.String(required=True, allow_none=True)


class ThresholdSchema(Schema):
    """Spend in minor units, or points, from which a tier is earned."""

    tier = Code(required=True)
    amount = fields.Integer(strict=True, required=True, validate=validate.Range(1, AMOUNT_MAX))


class TierRuleSchema(Schema):
    """Earning a tier: reach the amount within `window_days`, hold the tier for `valid_months`."""

    version = fields.Integer(dump_only=True)
    valid_from = Moment(metadata={"description": "Now, if it is left out"})
    basis = fields.Enum(SpendBasis, by_value=True, load_default=SpendBasis.NET_AMOUNT)
    currency = fields.String(allow_none=True, load_default=None, metadata={"description": "For the basis net_amount"})
    window_days = fields.Integer(strict=True, required=True, validate=validate.Range(1, 1096))
    valid_months = fields.Integer(strict=True, required=True, validate=validate.Range(1, 120))
    thresholds = fields.List(fields.Nested(ThresholdSchema), required=True, validate=validate.Length(0, TIERS_MAX))
    note = fields.String(load_default="", validate=validate.Length(0, 500))

    @validates_schema
    def _money_has_a_currency(self, data: Mapping[str, Any], **_: Any) -> None:
        currency, counted = data.get("currency"), data.get("basis")
        if counted == SpendBasis.NET_AMOUNT and (not currency or not is_currency(currency)):
            raise ValidationError("must be an ISO 4217 code when money is counted", "currency")
        if counted == SpendBasis.POINTS and currency is not None:
            raise ValidationError("points have none", "currency")


@tiers_blueprint.route("/tiers", methods=["GET"])
@allow("members.read")
@transactional
@tiers_blueprint.response(200, page_of(TierSchema))
def get_tiers(tx: Tx) -> Any:
    """Every tier, the lowest first; retired ones too."""
    return paged(tiers(tx), None)


@tiers_blueprint.route("/tiers", methods=["PUT"])
@allow("rules.write")
@transactional
@tiers_blueprint.arguments(TiersIn)
@tiers_blueprint.response(200, page_of(TierSchema))
def put_all_tiers(tx: Tx, body: Mapping[str, Sequence[Mapping[str, Any]]]) -> Any:
    """Make the tiers these. Those left out are retired: who holds one keeps it to its end, nobody gets it any more."""
    current_principal().require_everywhere()
    return paged(put_tiers(tx, [Tier(each["code"], each["name"], each["rank"]) for each in body["tiers"]]), None)


@tiers_blueprint.route("/members/<member>/tier", methods=["POST"])
@allow("members.write")
@idempotent
@tiers_blueprint.arguments(SetTierIn)
@tiers_blueprint.response(200, SetTierOut)
def set_tier(tx: Tx, body: Mapping[str, Any], member: str) -> dict[str, Any]:
    """Give a member a tier by hand, with a reason. Better tiers end, and spending counts afresh if one did."""
    facts = resolve_member(tx, member_id_of(member), lock="exclusive")
    if not facts.may_earn:
        raise StatusForbids("A member of this status holds no tier", status=facts.status)
    held = set_by_hand(
        tx,
        open_keys(tx, [facts.id])[facts.id],
        body["tier"],
        valid_to=body["valid_to"],
        reason=body["reason"],
        by=current_principal().actor,
    )
    return {"id": str(facts.id), "tier": tier_body(held)}


@tiers_blueprint.route("/members/<member>/tiers", methods=["GET"])
@allow("members.read")
@transactional
@tiers_blueprint.response(200, page_of(TierEntryOut))
def get_tier_history(tx: Tx, member: str) -> Any:
    """Every tier a member was given, newest first; reasons for whoever sees members unmasked."""
    facts = resolve_member(tx, member_id_of(member))
    key = open_keys(tx, [facts.id]).get(facts.id) if current_principal().may(MEMBERS_PERSONAL) else None
    return paged([_entry(entry) for entry in tier_history(tx, facts.id, key)], None)


def _entry(entry: TierEntry) -> dict[str, Any]:
    return {
        "tier": entry.assignment.tier,
        "source": entry.assignment.source,
        "valid_from": entry.assignment.valid_from,
        "valid_to": entry.valid_to,
        "ended_at": entry.ended_at,
        "assigned_by": entry.assigned_by,
        "assigned_at": entry.assigned_at,
        "rule_version": entry.rule_version,
        "evidence": entry.evidence,
        "reason": entry.reason,
    }


@tiers_blueprint.route("/tier-rules", methods=["GET"])
@allow("rules.read")
@transactional
@tiers_blueprint.response(200, page_of(TierRuleSchema))
def get_tier_rules(tx: Tx) -> Any:
    """Every version of how tiers are earned, newest first."""
    return paged(rules(tx), None)


@tiers_blueprint.route("/tier-rules", methods=["POST"])
@allow("rules.write")
@idempotent
@tiers_blueprint.arguments(TierRuleSchema)
@tiers_blueprint.response(201, TierRuleSchema)
def post_tier_rule(tx: Tx, body: Mapping[str, Any]) -> TierRule:
    """Publish how tiers are earned from a date on. No thresholds: none is earned any more."""
    current_principal().require_everywhere()
    rule = TierRule(
        version=0,
        valid_from=body.get("valid_from") or tx.now,
        basis=body["basis"],
        currency=body["currency"],
        window_days=body["window_days"],
        valid_months=body["valid_months"],
        thresholds=tuple(Threshold(each["tier"], each["amount"]) for each in body["thresholds"]),
        note=body["note"],
    )
    return publish_rule(tx, rule, by=current_principal().actor)
