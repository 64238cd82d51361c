"""What a campaign costs: at most, before it is launched; as it was, afterwards. In the company's currency."""

from dataclasses import dataclass
from datetime import timedelta

from analytics.contract.outcomes import expected_cost_of_points, points_earned
from foundation.clock import local_date
from foundation.database import Tx
from foundation.settings import get_settings
from marketing.campaigns.plans import Plan, StepPlan, Way
from marketing.campaigns.storage import Campaign
from marketing.campaigns.treating import template_wish
from marketing.messages.contents import preview_text
from marketing.messages.operations import sending_state
from marketing.messages.policy import Policy, policy_in_force
from marketing.messages.rules import Language
from marketing.target_lists.operations import members_of
from marketing.tasks.kinds import kinds_by_code, settings_now
from marketing.tasks.operations import task_outcomes
from member_api.contract.coupons import CouponTotals, MultiplierTotals, coupon_totals, multiplier_totals

MILLI = 1_000
USUAL_PERCENT = 100
SAMPLED_MAX = 50_000


@dataclass(frozen=True, slots=True)
class CostsAhead:
    """What may be spent if every treated member is reached. `coupons_at_most`: every coupon used in full.

    A percentage without a limit has no most: None; nor have, in the company's currency, messages whose gateway is paid
    in another one. Texts are counted by a made-up member. `points_expected` is what a multiplier's points beyond the
    usual are expected to cost if members earn as they did in as many days until yesterday: it has no most either, and
    is what a budget can be held against.
    """

    treated: int
    messages: int | None
    calls: int
    call_minutes: int
    coupons_at_most: int | None
    points_expected: int
    currency: str

    @property
    def at_most(self) -> int | None:
        """Everything together, as far as it has a most."""
        if self.messages is None or self.coupons_at_most is None:
            return None
        return self.messages + self.calls + self.coupons_at_most + self.points_expected


@dataclass(frozen=True, slots=True)
class Costs:
    """What was spent. The coupons' amount is in the profit already, which counts money received only; it is shown, not
    taken off again. `points` is what the points beyond the usual are expected to cost."""

    messages: int
    calls: int
    points: int
    coupons: int
    coupon_currency: str | None
    currency: str

    @property
    def beside_profit(self) -> int:
        """What profit does not know of yet."""
        return self.messages + self.calls + self.points


def costs_ahead(tx: Tx, plan: Plan, treated: int) -> CostsAhead:
    """What treating so many members may cost at most."""
    currency = get_settings().company_currency
    policy = policy_in_force(tx)
    steps = plan.treatment.steps
    messages = sum(_message_milli(policy, step) for step in steps if step.channel is Way.SMS)
    minutes = _call_minutes(tx, steps)
    return CostsAhead(
        treated=treated,
        messages=_up(messages * treated) if policy.cost_currency == currency or not messages else None,
        calls=settings_now(tx).cost(minutes * treated),
        call_minutes=minutes * treated,
        coupons_at_most=_coupons_at_most(plan, treated, currency),
        points_expected=_points_expected(tx, plan, treated, currency),
        currency=currency,
    )


def is_over_budget(plan: Plan, at_most: int | None) -> bool:
    """Whether a plan may cost more than its budget; what has no most may."""
    return plan.budget is not None and (at_most is None or at_most > plan.budget)


def _message_milli(policy: Policy, step: StepPlan) -> int:
    """The dearest language of a step; 0 while it has no text."""
    wish = template_wish("estimate", "estimate", step)
    return max((preview_text(policy, wish, Language(each)).cost_milli for each in step.texts), default=0)


def _call_minutes(tx: Tx, steps: tuple[StepPlan, ...]) -> int:
    kinds = kinds_by_code(tx, {step.task_kind for step in steps if step.task_kind})
    return sum(kinds[step.task_kind].template.standard_minutes for step in steps if step.task_kind in kinds)


def _coupons_at_most(plan: Plan, treated: int, currency: str) -> int | None:
    coupon = plan.treatment.coupon
    if coupon is None:
        return 0
    worth = coupon.amount if coupon.amount is not None else coupon.amount_max
    return None if worth is None or coupon.currency != currency else worth * treated


def _points_expected(tx: Tx, plan: Plan, treated: int, currency: str) -> int:
    """By what up to 50,000 of the list earned in as many days until yesterday as the multiplier is to count."""
    multiplier = plan.treatment.multiplier
    members = members_of(tx, plan.list_id, 0, SAMPLED_MAX) if multiplier is not None else []
    if multiplier is None or not members:
        return 0
    today = local_date(tx.now, get_settings().company_timezone)
    first, last = today - timedelta(days=multiplier.days), today - timedelta(days=1)
    usual = max(points_earned(tx, members, first, last, multiplier.formats), 0) * treated // len(members)
    extra = usual * max(multiplier.percent - USUAL_PERCENT, 0) // USUAL_PERCENT
    return expected_cost_of_points(tx, extra, today, currency)


def costs_of(tx: Tx, campaign: Campaign) -> Costs:
    """What a campaign has cost so far."""
    currency = get_settings().company_currency
    sent = sending_state(tx, campaign.id)
    coupon = campaign.plan.treatment.coupon
    return Costs(
        messages=_up(sum(part.cost_milli for part in sent if part.cost_currency in (None, currency))),
        calls=task_outcomes(tx, campaign.id).cost,
        points=_points(tx, campaign, currency),
        coupons=redeemed(tx, campaign).amount if coupon is not None else 0,
        coupon_currency=coupon.currency if coupon is not None else None,
        currency=currency,
    )


def redeemed(tx: Tx, campaign: Campaign) -> CouponTotals:
    """What became of the campaign's coupons."""
    return coupon_totals(tx, campaign.reference)


def multiplied(tx: Tx, campaign: Campaign) -> MultiplierTotals:
    """What came of the campaign's multiplier."""
    return multiplier_totals(tx, campaign.reference)


def _points(tx: Tx, campaign: Campaign, currency: str) -> int:
    if campaign.plan.treatment.multiplier is None or campaign.started_on is None:
        return 0
    return expected_cost_of_points(tx, multiplied(tx, campaign).extra_points, campaign.started_on, currency)


def _up(milli: int) -> int:
    """Thousandths as minor units, rounded up: what is to be paid."""
    return -(-milli // MILLI)
