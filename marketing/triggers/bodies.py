"""The shapes of triggers over HTTP, and the way between them and plans. The treatment is that of campaigns."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validate

from foundation.errors import FieldError
from foundation.http import PageArguments, Schema
from foundation.http.fields import Code, Rate
from foundation.http.fields import Words as Line
from marketing.campaigns.bodies import (
    VERSION_WORDS,
    CouponSchema,
    CurrencySchema,
    MultiplierSchema,
    Share,
    StepSchema,
    currency_body,
    days,
    treatment_from,
)
from marketing.campaigns.plans import STEPS_MAX, PlanIncomplete, Treatment
from marketing.campaigns.rules import Arm
from marketing.experiments.assignment import BASIS_POINTS
from marketing.experiments.standing import StandingControl
from marketing.target_lists.models import filter_of
from marketing.triggers.results import TriggerResults
from marketing.triggers.rules import COOL_DOWN_MAX, USUAL_COOL_DOWN, Occasion, TriggerPlan, TriggerState
from marketing.triggers.storage import Trigger

PARAMETERS_MAX = 10


class Parameters(fields.Dict):
    """The numbers of a ready-made filter."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            keys=fields.String(validate=validate.Length(1, 40)),
            values=fields.Integer(strict=True),
            validate=validate.Length(max=PARAMETERS_MAX),
            **options,
        )


class FilterField(fields.Field[Any]):
    """A filter as JSON; read by the filter language itself."""

    def _deserialize(self, value: Any, *arguments: Any, **options: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError("must be an object")
        return value


class TriggerIn(Schema):
    """Whom it watches for: a filter, or a ready-made one (model) with its numbers."""

    name = Line(required=True)
    model = Code(load_default=None, allow_none=True)
    parameters = Parameters(load_default=dict)
    filter = FilterField(load_default=None, allow_none=True)
    occasion = fields.Enum(Occasion, by_value=True, required=True)
    cool_down_days = days(
        COOL_DOWN_MAX,
        0,
        load_default=None,
        allow_none=True,
        metadata={"description": "Left out: 180 for yearly, 20 for monthly, else 0"},
    )
    control_share = Share(load_default=Decimal("0.1"))
    coupon = fields.Nested(CouponSchema, load_default=None, allow_none=True)
    multiplier = fields.Nested(MultiplierSchema, load_default=None, allow_none=True)
    steps = fields.List(fields.Nested(StepSchema), load_default=list, validate=validate.Length(max=STEPS_MAX))


class TriggerPatch(Schema):
    """What is not named stays as it is; steps are replaced together, a filter with its numbers."""

    version = fields.Integer(strict=True, metadata={"description": VERSION_WORDS})
    name = Line()
    model = Code(allow_none=True)
    parameters = Parameters()
    filter = FilterField(allow_none=True)
    occasion = fields.Enum(Occasion, by_value=True)
    cool_down_days = days(COOL_DOWN_MAX, 0)
    control_share = Share()
    coupon = fields.Nested(CouponSchema, allow_none=True)
    multiplier = fields.Nested(MultiplierSchema, allow_none=True)
    steps = fields.List(fields.Nested(StepSchema), validate=validate.Length(max=STEPS_MAX))


class TriggerOut(Schema):
    """A trigger with its plan as it stands."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    state = fields.Enum(TriggerState, by_value=True, required=True)
    version = fields.Integer(required=True)
    model = fields.String(required=True, allow_none=True)
    parameters = fields.Dict(required=True)
    filter = fields.Dict(required=True)
    occasion = fields.Enum(Occasion, by_value=True, required=True)
    cool_down_days = fields.Integer(required=True)
    control_share = Rate(required=True)
    coupon = fields.Nested(CouponSchema, required=True, allow_none=True)
    multiplier = fields.Nested(MultiplierSchema, required=True, allow_none=True)
    steps = fields.List(fields.Nested(StepSchema), required=True)
    created_by = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
    edited_by = fields.String(required=True)
    submitted_by = fields.String(required=True, allow_none=True)
    decided_by = fields.String(required=True, allow_none=True)
    decision_note = fields.String(required=True, allow_none=True)
    evaluated_on = fields.Date(required=True, allow_none=True)
    evaluated_at = fields.AwareDateTime(required=True, allow_none=True)
    fired = fields.Integer(required=True)
    failure = fields.String(required=True, allow_none=True)


class TriggerQuery(PageArguments):
    state = fields.Enum(TriggerState, by_value=True, load_default=None)


class FiringOut(Schema):
    member = fields.String(required=True)
    occasion = fields.String(required=True)
    fired_on = fields.Date(required=True)
    arm = fields.Enum(Arm, by_value=True, required=True)
    why = fields.String(required=True, allow_none=True)


class TriggerResultsAwaitedOut(Schema):
    """The results of a trigger that fired for many are worked out for the first time; `Retry-After` says when to ask
    again."""

    trigger = fields.String(required=True)
    state = fields.String(required=True, validate=validate.Equal("working"))


class TriggerResultsOut(Schema):
    """Each member's days from the first firing on, by intention to treat. Those of a trigger that fired for many are
    kept: `worked_out_at` says when they were worked out; newer ones are on their way."""

    trigger = fields.String(required=True)
    worked_out_at = fields.AwareDateTime(required=True)
    days = fields.Integer(required=True)
    last_day = fields.Date(required=True)
    position = fields.Integer(required=True)
    groups = fields.Dict(required=True)
    currencies = fields.List(fields.Nested(CurrencySchema), required=True)


class StandingControlIn(Schema):
    """Who is held out from everything from a day on; another salt holds out other members."""

    valid_from = fields.Date(required=True)
    share = Share(required=True)
    salt = Code(required=True)


class StandingControlOut(Schema):
    valid_from = fields.Date(required=True)
    share = Rate(required=True)
    salt = fields.String(required=True)
    set_by = fields.String(required=True)


def plan_from(body: Mapping[str, Any], before: TriggerPlan | None = None) -> TriggerPlan:
    """The plan that a body asks for; what a patch does not name stays as it was.

    Raises PlanIncomplete without a filter, FilterModelUnknown, ParametersUnreadable.
    """
    was = before or TriggerPlan({}, Occasion.ONCE)
    model, parameters, filter_ = _filter(body, was)
    return TriggerPlan(
        filter=filter_,
        occasion=body.get("occasion", was.occasion),
        model=model,
        parameters=parameters,
        cool_down_days=_cool_down(body, was),
        control_share=round(body["control_share"] * BASIS_POINTS) if "control_share" in body else was.control_share,
        treatment=treatment_from(body, was.treatment if before else Treatment()),
    )


def _cool_down(body: Mapping[str, Any], was: TriggerPlan) -> int:
    said = body.get("cool_down_days", was.cool_down_days)
    return USUAL_COOL_DOWN[body.get("occasion", was.occasion)] if said is None else int(said)


def _filter(body: Mapping[str, Any], was: TriggerPlan) -> tuple[str | None, Mapping[str, int], Mapping[str, Any]]:
    model, parameters = body.get("model", None), body.get("parameters") or {}
    if model is not None:
        return model, parameters, filter_of(model, parameters)
    if body.get("filter") is not None:
        return None, {}, body["filter"]
    if was.model is not None and parameters:
        return was.model, parameters, filter_of(was.model, parameters)
    if not was.filter:
        raise PlanIncomplete("Whom it watches for is not said", errors=[FieldError("/model", "a model or a filter")])
    return was.model, was.parameters, was.filter


def trigger_body(trigger: Trigger) -> dict[str, Any]:
    """A trigger as TriggerOut shows it."""
    plan = trigger.plan
    shown = {
        name: getattr(trigger, name)
        for name in (
            "name", "state", "version", "created_by", "created_at", "edited_by", "submitted_by", "decided_by",
            "decision_note", "evaluated_on", "evaluated_at", "fired", "failure",
        )
    }  # fmt: skip
    return shown | {
        "id": str(trigger.id),
        "model": plan.model,
        "parameters": dict(plan.parameters),
        "filter": dict(plan.filter),
        "occasion": plan.occasion,
        "cool_down_days": plan.cool_down_days,
        "control_share": Decimal(plan.control_share) / BASIS_POINTS,
        "coupon": plan.treatment.coupon,
        "multiplier": plan.treatment.multiplier,
        "steps": plan.treatment.steps,
    }


def results_body(results: TriggerResults, worked_out_at: datetime) -> dict[str, Any]:
    """Results as TriggerResultsOut shows them."""
    return {
        "trigger": str(results.trigger_id),
        "worked_out_at": worked_out_at,
        "days": results.days,
        "last_day": results.last_day,
        "position": results.position,
        "groups": {arm.value: count for arm, count in results.groups.items()},
        "currencies": [currency_body(each) for each in results.currencies],
    }


def standing_body(setting: StandingControl) -> dict[str, Any]:
    """A setting as StandingControlOut shows it."""
    return {
        "valid_from": setting.valid_from,
        "share": Decimal(setting.share) / BASIS_POINTS,
        "salt": setting.salt,
        "set_by": setting.set_by,
    }
