"""The shapes of campaigns over HTTP, and the way between them and plans. Triggers share what is about the treatment."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validate

from foundation.http import ID_DIGITS_MAX, PageArguments, Schema
from foundation.http.fields import CategoryPath, Code, Currency, Rate, is_text
from foundation.http.fields import Words as Line
from marketing.campaigns.costs import Costs
from marketing.campaigns.estimating import Estimate
from marketing.campaigns.plans import (
    AFTER_DAYS_MAX,
    AMOUNT_MAX,
    CONTROL_MAX,
    MEASURE_DAYS_MAX,
    OFFER_DAYS_MAX,
    STEPS_MAX,
    CouponPlan,
    Goal,
    MultiplierPlan,
    Plan,
    StepPlan,
    Treatment,
    Way,
    Words,
)
from marketing.campaigns.results import CurrencyEffects, Effect, Reached, Results
from marketing.campaigns.rules import Arm, CampaignState
from marketing.campaigns.storage import Campaign
from marketing.experiments.assignment import BASIS_POINTS
from marketing.experiments.rules import Lift, Verdict
from marketing.messages.rendering import SOURCE_MAX
from marketing.messages.rules import Language

NOTE_MAX = 500
NAMES_MAX = 200
VERSION_WORDS = "The version that you read; refused with 412 if somebody edited it meanwhile"


def _check_text(text: str) -> None:
    if not text.strip() or not is_text(text.replace("\n", " ").replace("\r", " ")):
        raise ValidationError("must have visible characters only")


class Prose(fields.String):
    """A text of several lines."""

    def __init__(self, length_max: int, **options: Any) -> None:
        super().__init__(validate=[validate.Length(1, length_max), _check_text], **options)


class ListId(fields.String):
    """The id of a target list."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Regexp(rf"[0-9]{{1,{ID_DIGITS_MAX}}}\Z", error="is no id"), **options)


class Share(Rate):
    """A share from 0 to a half."""

    def _deserialize(self, *arguments: Any, **options: Any) -> Any:
        share = super()._deserialize(*arguments, **options)
        if share > Decimal(CONTROL_MAX) / BASIS_POINTS:
            raise ValidationError("must be at most 0.5")
        return share


def names(**options: Any) -> Any:
    """A list of codes; left out or empty: all."""
    return fields.List(Code(), validate=validate.Length(max=NAMES_MAX), load_default=list, **options)


def amount_field(**options: Any) -> Any:
    """Minor units."""
    return fields.Integer(strict=True, validate=validate.Range(0, AMOUNT_MAX), **options)


def days(highest: int, lowest: int = 1, **options: Any) -> Any:
    """A number of days."""
    return fields.Integer(strict=True, validate=validate.Range(lowest, highest), **options)


# ------------------------------------------------------------------------------------------------ the plan
class TextSchema(Schema):
    subject = Line(load_default=None, allow_none=True, metadata={"description": "Only in the inbox"})
    body = Prose(SOURCE_MAX, required=True, metadata={"description": "May show {{ name }}, {{ coupon }} ..."})


class StepSchema(Schema):
    """One thing that happens to every treated member."""

    channel = fields.Enum(Way, by_value=True, required=True)
    after_days = days(AFTER_DAYS_MAX, 0, load_default=0)
    texts = fields.Dict(
        keys=fields.String(validate=validate.OneOf([each.value for each in Language])),
        values=fields.Nested(TextSchema),
        load_default=dict,
        metadata={"description": "By language: en, zh"},
    )
    task_kind = Code(load_default=None, allow_none=True, metadata={"description": "Of a call"})
    due_in_days = days(AFTER_DAYS_MAX, 0, load_default=None, allow_none=True, metadata={"description": "Of a call"})
    note = Prose(NOTE_MAX, load_default=None, allow_none=True, metadata={"description": "For the clerk who calls"})
    unless_redeemed = fields.Boolean(
        load_default=False, metadata={"description": "Pass over whoever has used the coupon by then"}
    )


class CouponSchema(Schema):
    """A coupon for each treated member: an amount, or a percentage up to amount_max."""

    name = Line(required=True)
    currency = Currency(required=True)
    days = days(OFFER_DAYS_MAX, load_default=30)
    amount = amount_field(load_default=None, allow_none=True)
    percent = fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 10_000),
        metadata={"description": "Hundredths of a percent: 1000 is 10 %"},
    )
    amount_max = amount_field(load_default=None, allow_none=True)
    minimum_spend = amount_field(load_default=0)
    stores = names()
    formats = names()
    categories = fields.List(CategoryPath(), validate=validate.Length(max=NAMES_MAX), load_default=list)
    brands = names()
    funder = Code(load_default="company")


class MultiplierSchema(Schema):
    """Points times percent / 100 for each treated member."""

    name = Line(required=True)
    percent = fields.Integer(strict=True, required=True, validate=validate.Range(101, 10_000))
    days = days(OFFER_DAYS_MAX, load_default=30)
    stores = names()
    formats = names()
    funder = Code(load_default="company")


class CampaignIn(Schema):
    name = Line(required=True)
    target_list = ListId(required=True)
    goal = fields.Enum(Goal, by_value=True, load_default=Goal.SALES)
    control_share = Share(load_default=Decimal("0.1"))
    measure_days = days(MEASURE_DAYS_MAX, load_default=30)
    coupon = fields.Nested(CouponSchema, load_default=None, allow_none=True)
    multiplier = fields.Nested(MultiplierSchema, load_default=None, allow_none=True)
    steps = fields.List(fields.Nested(StepSchema), load_default=list, validate=validate.Length(max=STEPS_MAX))
    budget = amount_field(load_default=None, allow_none=True, metadata={"description": "In the company's currency"})


class CampaignPatch(Schema):
    """What is not named stays as it is; steps are replaced together."""

    version = fields.Integer(strict=True, metadata={"description": VERSION_WORDS})
    name = Line()
    target_list = ListId()
    goal = fields.Enum(Goal, by_value=True)
    control_share = Share()
    measure_days = days(MEASURE_DAYS_MAX)
    coupon = fields.Nested(CouponSchema, allow_none=True)
    multiplier = fields.Nested(MultiplierSchema, allow_none=True)
    steps = fields.List(fields.Nested(StepSchema), validate=validate.Length(max=STEPS_MAX))
    budget = amount_field(allow_none=True)


class TextPreviewIn(Schema):
    """A text as it stands in the editor, with the offer beside it."""

    channel = fields.Enum(Way, by_value=True, required=True)
    language = fields.Enum(Language, by_value=True, required=True)
    subject = Line(load_default=None, allow_none=True)
    body = Prose(SOURCE_MAX, required=True)
    coupon = fields.Nested(CouponSchema, load_default=None, allow_none=True)
    multiplier = fields.Nested(MultiplierSchema, load_default=None, allow_none=True)


class TextPreviewOut(Schema):
    subject = fields.String(required=True, allow_none=True)
    body = fields.String(required=True)
    letters = fields.Integer(required=True, allow_none=True)
    parts = fields.Integer(required=True, allow_none=True, metadata={"description": "Of a text message: what is paid"})


class CampaignVersionIn(Schema):
    body_optional = True
    version = fields.Integer(strict=True, load_default=None, metadata={"description": VERSION_WORDS})


class CampaignDecisionIn(CampaignVersionIn):
    note = Prose(NOTE_MAX, load_default=None, allow_none=True)


class CampaignStopIn(Schema):
    body_optional = True
    reason = Prose(NOTE_MAX, load_default="stopped")
    take_back = fields.Boolean(
        load_default=False, metadata={"description": "Revoke unused coupons, and end the multiplier today"}
    )


def plan_from(body: Mapping[str, Any], before: Plan | None = None) -> Plan:
    """The plan that a body asks for; what a patch does not name stays as it was."""
    was = before or Plan(list_id=0)
    treatment = was.treatment
    return Plan(
        list_id=int(body["target_list"]) if "target_list" in body else was.list_id,
        goal=body.get("goal", was.goal),
        control_share=round(body["control_share"] * BASIS_POINTS) if "control_share" in body else was.control_share,
        measure_days=body.get("measure_days", was.measure_days),
        treatment=treatment_from(body, treatment),
        budget=body.get("budget", was.budget),
    )


def treatment_from(body: Mapping[str, Any], before: Treatment) -> Treatment:
    """The treatment that a body asks for."""
    return Treatment(
        coupon=_coupon(body["coupon"]) if "coupon" in body else before.coupon,
        multiplier=_multiplier(body["multiplier"]) if "multiplier" in body else before.multiplier,
        steps=tuple(map(_step, body["steps"])) if "steps" in body else before.steps,
    )


def _coupon(body: Mapping[str, Any] | None) -> CouponPlan | None:
    if body is None:
        return None
    lists = {name: tuple(body[name]) for name in ("stores", "formats", "brands")}
    return CouponPlan(**{**body, **lists, "categories": tuple(tuple(path) for path in body["categories"])})


def _multiplier(body: Mapping[str, Any] | None) -> MultiplierPlan | None:
    if body is None:
        return None
    return MultiplierPlan(**{**body, **{name: tuple(body[name]) for name in ("stores", "formats")}})


def _step(body: Mapping[str, Any]) -> StepPlan:
    texts = {language: Words(**text) for language, text in body["texts"].items()}
    return StepPlan(**{**body, "texts": texts})


# ------------------------------------------------------------------------------------------------ campaigns
class ProgressSchema(Schema):
    members = fields.Integer(required=True, allow_none=True)
    assigned = fields.Integer(required=True)
    failure = fields.String(required=True, allow_none=True)


class CampaignOut(Schema):
    """A campaign with its plan as it stands."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    state = fields.Enum(CampaignState, by_value=True, required=True)
    version = fields.Integer(required=True)
    target_list = fields.String(required=True)
    goal = fields.Enum(Goal, by_value=True, required=True)
    control_share = Rate(required=True)
    measure_days = fields.Integer(required=True)
    coupon = fields.Nested(CouponSchema, required=True, allow_none=True)
    multiplier = fields.Nested(MultiplierSchema, required=True, allow_none=True)
    steps = fields.List(fields.Nested(StepSchema), required=True)
    budget = fields.Integer(required=True, allow_none=True)
    created_by = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
    edited_by = fields.String(required=True)
    edited_at = fields.AwareDateTime(required=True)
    submitted_by = fields.String(required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)
    decided_at = fields.AwareDateTime(required=True, allow_none=True)
    decision_note = fields.String(required=True, allow_none=True)
    launched_by = fields.String(required=True, allow_none=True)
    launched_at = fields.AwareDateTime(required=True, allow_none=True)
    started_on = fields.Date(required=True, allow_none=True)
    ends_on = fields.Date(required=True, allow_none=True)
    stopped_by = fields.String(required=True, allow_none=True)
    stopped_at = fields.AwareDateTime(required=True, allow_none=True)
    stop_reason = fields.String(required=True, allow_none=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)
    progress = fields.Nested(ProgressSchema, required=True)


def campaign_body(campaign: Campaign) -> dict[str, Any]:
    """A campaign as CampaignOut shows it."""
    plan = campaign.plan
    shown = {
        name: getattr(campaign, name)
        for name in (
            "name", "state", "version", "created_by", "created_at", "edited_by", "edited_at", "submitted_by",
            "decided_by", "decided_at", "decision_note", "launched_by", "launched_at", "started_on", "ends_on",
            "stopped_by", "stopped_at", "stop_reason", "finished_at",
        )
    }  # fmt: skip
    return shown | {
        "id": str(campaign.id),
        "target_list": str(plan.list_id),
        "goal": plan.goal,
        "control_share": Decimal(plan.control_share) / BASIS_POINTS,
        "measure_days": plan.measure_days,
        "coupon": plan.treatment.coupon,
        "multiplier": plan.treatment.multiplier,
        "steps": plan.treatment.steps,
        "budget": plan.budget,
        "progress": {"members": campaign.members_max, "assigned": campaign.assigned, "failure": campaign.failure},
    }


class CampaignQuery(PageArguments):
    state = fields.Enum(CampaignState, by_value=True, load_default=None)


class MemberQuery(PageArguments):
    arm = fields.Enum(Arm, by_value=True, load_default=None)


# ------------------------------------------------------------------------------------------------ estimates
class EstimateOut(Schema):
    """What to expect; money in minor units of `currency`."""

    members = fields.Integer(required=True)
    treated = fields.Integer(required=True)
    held_out = fields.Integer(required=True)
    company_control = fields.Integer(required=True)
    currency = fields.String(required=True)
    messages_cost = fields.Integer(
        required=True, allow_none=True, metadata={"description": "null: paid in another currency"}
    )
    calls_cost = fields.Integer(required=True)
    call_minutes = fields.Integer(required=True)
    coupons_at_most = fields.Integer(
        required=True, allow_none=True, metadata={"description": "null: a percentage without a limit"}
    )
    points_expected = fields.Integer(
        required=True,
        metadata={"description": "What a multiplier's points beyond the usual will cost if members earn as before"},
    )
    at_most = fields.Integer(required=True, allow_none=True)
    over_budget = fields.Boolean(required=True)
    mean_sales = fields.Integer(required=True, allow_none=True)
    smallest_visible = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Effect on a member's sales that four of five such campaigns would show"},
    )


def estimate_body(found: Estimate) -> dict[str, Any]:
    """An estimate as EstimateOut shows it."""
    costs = found.costs
    return {
        "members": found.members,
        "treated": found.treated,
        "held_out": found.held_out,
        "company_control": found.company_control,
        "currency": found.currency,
        "messages_cost": costs.messages,
        "calls_cost": costs.calls,
        "call_minutes": costs.call_minutes,
        "coupons_at_most": costs.coupons_at_most,
        "points_expected": costs.points_expected,
        "at_most": costs.at_most,
        "over_budget": found.over_budget,
        "mean_sales": found.mean_sales,
        "smallest_visible": found.smallest_visible,
    }


# ------------------------------------------------------------------------------------------------ results
class LiftOut(Schema):
    """The effect on one treated member and on all of them, with 95 % confidence between low and high; null: too few."""

    treated = fields.Integer(required=True)
    control = fields.Integer(required=True)
    treated_mean = fields.Float(required=True)
    control_mean = fields.Float(required=True)
    per_member = fields.Float(required=True, allow_none=True)
    low = fields.Float(required=True, allow_none=True)
    high = fields.Float(required=True, allow_none=True)
    total = fields.Integer(required=True, allow_none=True)
    total_low = fields.Integer(required=True, allow_none=True)
    total_high = fields.Integer(required=True, allow_none=True)
    smallest_visible = fields.Float(required=True, allow_none=True)
    verdict = fields.Enum(Verdict, by_value=True, required=True)


class ReachedSchema(Schema):
    """Those whom a message or a call reached, as they were: not to be compared with the control group."""

    count = fields.Integer(required=True)
    mean = fields.Float(required=True)
    mean_of_others = fields.Float(required=True)
    per_reached = fields.Float(required=True, allow_none=True)


class EffectSchema(LiftOut):
    against_company = fields.Nested(LiftOut, required=True)
    as_treated = fields.Nested(ReachedSchema, required=True)


class CurrencySchema(Schema):
    currency = fields.String(required=True)
    profit_known = fields.Float(required=True, allow_none=True)
    sales = fields.Nested(EffectSchema, required=True)
    profit = fields.Nested(EffectSchema, required=True)
    visits = fields.Nested(EffectSchema, required=True)


class CostsSchema(Schema):
    """In minor units of `currency`; `coupons` in `coupon_currency` and in the profit already."""

    messages = fields.Integer(required=True)
    calls = fields.Integer(required=True)
    points = fields.Integer(required=True)
    coupons = fields.Integer(required=True)
    coupon_currency = fields.String(required=True, allow_none=True)
    beside_profit = fields.Integer(required=True)
    currency = fields.String(required=True)


class ReturnSchema(Schema):
    profit = fields.Integer(required=True, allow_none=True)
    costs = fields.Integer(required=True)
    left = fields.Integer(required=True, allow_none=True)
    left_low = fields.Integer(required=True, allow_none=True)
    left_high = fields.Integer(required=True, allow_none=True)


class ResultsAwaitedOut(Schema):
    """The results of a large campaign are worked out for the first time; `Retry-After` says when to ask again."""

    campaign = fields.String(required=True)
    state = fields.String(required=True, validate=validate.Equal("working"))


class ResultsOut(Schema):
    """What came of a campaign, by intention to treat. Those of a large campaign are kept: `worked_out_at` says when
    they were worked out; newer ones are on their way."""

    campaign = fields.String(required=True)
    worked_out_at = fields.AwareDateTime(required=True)
    verdict = fields.Enum(Verdict, by_value=True, required=True)
    words = fields.String(required=True, metadata={"description": "The verdict on the goal in a sentence"})
    goal_measure = fields.String(required=True)
    first_day = fields.Date(required=True)
    last_day = fields.Date(required=True)
    days_planned = fields.Integer(required=True)
    is_over = fields.Boolean(required=True)
    position = fields.Integer(required=True)
    complete_until = fields.AwareDateTime(required=True, allow_none=True)
    groups = fields.Dict(required=True)
    left_out = fields.Dict(required=True)
    currencies = fields.List(fields.Nested(CurrencySchema), required=True)
    redemptions = fields.Dict(required=True, allow_none=True)
    multiplier = fields.Dict(required=True, allow_none=True)
    messages = fields.List(fields.Dict(), required=True)
    calls = fields.Dict(required=True, allow_none=True)
    costs = fields.Nested(CostsSchema, required=True)
    returned = fields.Nested(ReturnSchema, required=True, data_key="return")


VERDICT_WORDS: Mapping[Verdict, str] = {
    Verdict.TOO_FEW: "not enough members to tell",
    Verdict.UNCLEAR: "no effect that chance could not explain",
    Verdict.GAIN: "it brought more than would have come without",
    Verdict.LOSS: "it brought less than would have come without",
}


def results_body(results: Results, worked_out_at: datetime) -> dict[str, Any]:
    """Results as ResultsOut shows them."""
    coupons, multiplier, calls = results.coupons, results.multiplier, results.calls
    return {
        "campaign": str(results.campaign_id),
        "worked_out_at": worked_out_at,
        "verdict": results.verdict,
        "words": VERDICT_WORDS[results.verdict],
        "goal_measure": results.goal_measure.value,
        "first_day": results.first_day,
        "last_day": results.last_day,
        "days_planned": results.days_planned,
        "is_over": results.is_over,
        "position": results.position,
        "complete_until": results.complete_until,
        "groups": {arm.value: count for arm, count in results.groups.items()},
        "left_out": results.left_out,
        "currencies": [currency_body(each) for each in results.currencies],
        "redemptions": None if coupons is None else {
            "issued": coupons.issued, "redeemed": coupons.redeemed, "revoked": coupons.revoked,
            "amount": coupons.amount, "currency": results.costs.coupon_currency,
        },
        "multiplier": None if multiplier is None else {
            "members": multiplier.members, "purchases": multiplier.purchases, "extra_points": multiplier.extra_points,
        },
        "messages": [
            {"state": part.state.value, "reason": part.reason.value if part.reason else None, "count": part.count}
            for part in results.messages
        ],
        "calls": None if calls is None else {
            "total": calls.total, "by_state": {state.value: n for state, n in calls.by_state.items()},
            "by_outcome": dict(calls.by_outcome), "successes": calls.successes, "minutes": calls.minutes,
        },
        "costs": _costs_body(results.costs),
        "returned": results.returned,
    }  # fmt: skip


def currency_body(found: CurrencyEffects) -> dict[str, Any]:
    """The effects in a currency as CurrencySchema shows them."""
    return {
        "currency": found.currency,
        "profit_known": found.profit_known,
        **{effect.measure.value: _effect_body(effect) for effect in found.effects},
    }


def _effect_body(effect: Effect) -> dict[str, Any]:
    return lift_body(effect.lift) | {
        "against_company": lift_body(effect.against_company),
        "as_treated": _reached_body(effect.reached),
    }


def lift_body(lift: Lift) -> dict[str, Any]:
    """A lift as LiftOut shows it; means and effects to a hundredth of the unit."""
    rounded = {
        name: None if (value := getattr(lift, name)) is None else round(value, 2)
        for name in ("treated_mean", "control_mean", "per_member", "low", "high", "smallest_visible")
    }
    whole = {
        name: getattr(lift, name) for name in ("treated", "control", "total", "total_low", "total_high", "verdict")
    }
    return rounded | whole


def _reached_body(reached: Reached) -> dict[str, Any]:
    spread = reached.per_reached
    return {
        "count": reached.count,
        "mean": round(reached.mean, 2),
        "mean_of_others": round(reached.mean_of_others, 2),
        "per_reached": None if spread is None else round(spread, 2),
    }


def _costs_body(costs: Costs) -> dict[str, Any]:
    return {
        "messages": costs.messages,
        "calls": costs.calls,
        "points": costs.points,
        "coupons": costs.coupons,
        "coupon_currency": costs.coupon_currency,
        "beside_profit": costs.beside_profit,
        "currency": costs.currency,
    }


# ------------------------------------------------------------------------------------------------ members
class SendSchema(Schema):
    step = fields.String(required=True)
    channel = fields.String(required=True)
    state = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    at = fields.AwareDateTime(required=True, allow_none=True)


class CampaignMemberOut(Schema):
    """A member of the list: the group and why; what was sent, or why not."""

    member = fields.String(required=True)
    arm = fields.Enum(Arm, by_value=True, required=True)
    why = fields.String(required=True, allow_none=True)
    assigned_at = fields.AwareDateTime(required=True)
    redeemed = fields.Boolean(required=True)
    sends = fields.List(fields.Nested(SendSchema), required=True)
