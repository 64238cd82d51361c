"""What came of a campaign, read from the lake as it stands now: returns, late and corrected sales are in it.

The headline is by intention: everybody who was to be treated against everybody who was held out, whether or not a
message arrived, because only these two groups are alike. What those did who were reached is told beside it.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from analytics.contract.outcomes import Outcomes, Totals, outcomes_of
from foundation.clock import local_date
from foundation.database import Tx
from foundation.settings import get_settings
from marketing.campaigns.costs import Costs, costs_of, multiplied, redeemed
from marketing.campaigns.plans import MEASURE_OF, Measured, Way
from marketing.campaigns.rules import Arm, CampaignStateWrong
from marketing.campaigns.storage import Campaign
from marketing.experiments.rules import Lift, Verdict, lifts
from marketing.messages.operations import StateCount, sending_state
from marketing.messages.rules import REACHED
from marketing.tasks.operations import TaskOutcomes, task_outcomes
from member_api.contract.coupons import CouponTotals, MultiplierTotals

KEPT_MAX = 200  # lifts of three measures: some kilobytes each
BEFORE_DAYS = 91  # thirteen whole weeks before the start tell who buys how much
MEASURES = (Measured.SALES, Measured.PROFIT, Measured.VISITS)
HELD = {Arm.TREATED: 0, Arm.HELD_OUT: 1, Arm.COMPANY_CONTROL: 2}

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Reached:
    """Those of the treated whom a message or a call reached, told as they were; they are not like the others.

    `per_reached` spreads the effect by intention over them alone (Bloom, Evaluation Review 8, 1984): right if whoever
    was not reached was not moved either. Outcome units; None where there is no effect to spread.
    """

    count: int
    mean: float
    mean_of_others: float
    per_reached: float | None


@dataclass(frozen=True, slots=True)
class Effect:
    """One measure in one currency: against this campaign's control group, and against the company's standing one."""

    measure: Measured
    lift: Lift
    against_company: Lift
    reached: Reached


@dataclass(frozen=True, slots=True)
class CurrencyEffects:
    """The effects in one currency. `profit_known` is the share of sales whose profit is known, None without sales."""

    currency: str
    effects: tuple[Effect, ...]
    profit_known: float | None

    def of(self, measure: Measured) -> Effect:
        return next(effect for effect in self.effects if effect.measure is measure)


@dataclass(frozen=True, slots=True)
class Return:
    """Incremental profit less what it cost, in the company's currency; None where the profit cannot be told."""

    profit: int | None
    costs: int
    left: int | None
    left_low: int | None
    left_high: int | None


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that can be said about a campaign so far. Days are both included."""

    campaign_id: int
    goal_measure: Measured
    first_day: date
    last_day: date
    days_planned: int
    is_over: bool
    position: int
    complete_until: datetime | None
    groups: dict[Arm, int]
    left_out: dict[str, int]
    currencies: tuple[CurrencyEffects, ...]
    verdict: Verdict
    coupons: CouponTotals | None
    multiplier: MultiplierTotals | None
    messages: tuple[StateCount, ...]
    calls: TaskOutcomes | None
    costs: Costs
    returned: Return

    @property
    def headline(self) -> CurrencyEffects | None:
        """The company's currency, or else the first there is."""
        company = get_settings().company_currency
        mine = [each for each in self.currencies if each.currency == company]
        return next(iter(mine or self.currencies), None)


def results_of(tx: Tx, campaign: Campaign) -> Results:
    """The results so far. Raises CampaignStateWrong before the launch, LakeDamaged."""
    if campaign.started_on is None or campaign.ends_on is None:
        raise CampaignStateWrong("This campaign was never launched: nothing came of it", state=campaign.state.value)
    today = local_date(tx.now, get_settings().company_timezone)
    last = min(campaign.ends_on, today)
    cohort = _cohort(tx, campaign)
    before = campaign.started_on - timedelta(days=BEFORE_DAYS)
    outcomes = outcomes_of(tx, cohort.members, campaign.started_on, last, before)
    reached = cohort.reached_flags(_reached(tx, campaign))
    currencies = currency_effects(campaign.id, cohort.held, outcomes, reached)
    costs = costs_of(tx, campaign)
    treatment = campaign.plan.treatment
    results = Results(
        campaign_id=campaign.id,
        goal_measure=MEASURE_OF[campaign.plan.goal],
        first_day=campaign.started_on,
        last_day=last,
        days_planned=campaign.plan.measure_days,
        is_over=today > campaign.ends_on,
        position=outcomes.position,
        complete_until=outcomes.complete_until,
        groups=cohort.counts,
        left_out=cohort.left_out,
        currencies=currencies,
        verdict=Verdict.TOO_FEW,
        coupons=redeemed(tx, campaign) if treatment.coupon is not None else None,
        multiplier=multiplied(tx, campaign) if treatment.multiplier is not None else None,
        messages=tuple(sending_state(tx, campaign.id)),
        calls=task_outcomes(tx, campaign.id) if any(s.channel is Way.CALL for s in treatment.steps) else None,
        costs=costs,
        returned=_return(None, costs),
    )
    headline = results.headline
    if headline is None:
        return results
    company = headline.currency == costs.currency
    profit = headline.of(Measured.PROFIT).lift if company else None
    verdict = headline.of(results.goal_measure).lift.verdict
    return replace(results, verdict=verdict, returned=_return(profit, costs))


def _return(profit: Lift | None, costs: Costs) -> Return:
    def left(amount: int | None) -> int | None:
        return None if amount is None else amount - costs.beside_profit

    if profit is None:
        return Return(None, costs.beside_profit, None, None, None)
    return Return(
        profit.total, costs.beside_profit, left(profit.total), left(profit.total_low), left(profit.total_high)
    )


# ------------------------------------------------------------------------------------------------ who was in it
@dataclass(frozen=True, slots=True)
class _Cohort:
    """Everybody who is counted, by id; `held` says which group (0 treated, 1 held out, 2 of the company's control)."""

    members: list[int]
    held: NDArray[np.int8]
    counts: dict[Arm, int]
    left_out: dict[str, int]

    def reached_flags(self, reached: Sequence[int] | None) -> Flags:
        """Who of the treated was reached; None: everybody, there was nothing to deliver."""
        treated: Flags = self.held == 0
        if reached is None:
            return treated
        return treated & np.isin(np.asarray(self.members, dtype=np.int64), np.asarray(reached, dtype=np.int64))


def _cohort(tx: Tx, campaign: Campaign) -> _Cohort:
    rows = tx.ask(
        "SELECT member_id, arm FROM marketing.campaign_member WHERE campaign_id = %s AND arm <> 'left_out'"
        " ORDER BY member_id",
        (campaign.id,),
    ).fetchall()
    held = np.fromiter((HELD[Arm(arm)] for _, arm in rows), dtype=np.int8, count=len(rows))
    left_out = tx.ask(
        "SELECT why, count(*) FROM marketing.campaign_member WHERE campaign_id = %s AND arm = 'left_out'"
        " GROUP BY why ORDER BY why",
        (campaign.id,),
    ).fetchall()
    counts = {arm: int((held == number).sum()) for arm, number in HELD.items()}
    counts[Arm.LEFT_OUT] = sum(count for _, count in left_out)
    return _Cohort([member for member, _ in rows], held, counts, dict(left_out))


def _reached(tx: Tx, campaign: Campaign) -> list[int] | None:
    """Members whom a message reached or who were spoken to; None if the plan had nothing of the kind."""
    if not campaign.plan.treatment.steps:
        return None
    rows = tx.ask(
        "SELECT member_id FROM marketing.message WHERE campaign_id = %s AND state = ANY(%s)"
        " UNION SELECT member_id FROM marketing.task WHERE origin = %s AND state IN ('done', 'called_back')",
        (campaign.id, [state.value for state in REACHED], campaign.reference),
    )
    return [member for (member,) in rows]


# ------------------------------------------------------------------------------------------------ effects
def currency_effects(
    seed: int, held: NDArray[np.int8], outcomes: Outcomes, reached: Flags
) -> tuple[CurrencyEffects, ...]:
    """The effects in every currency that the cohort spent in; `held` says 0 treated, 1 held out, 2 company control."""
    return tuple(
        CurrencyEffects(
            currency,
            _effects(seed, held, totals, reached),
            totals.known_profit_spend / totals.spend if totals.spend else None,
        )
        for currency, totals in outcomes.by_currency.items()
    )


def _effects(seed: int, held: NDArray[np.int8], totals: Totals, reached: Flags) -> tuple[Effect, ...]:
    after = np.column_stack([totals.sales, totals.profit, totals.visits])
    before = np.column_stack([totals.sales_before, totals.profit_before, totals.visits_before])

    def against(group: int) -> list[Lift]:
        inside = (held == 0) | (held == group)
        return _lifts(held[inside] == 0, after[inside], before[inside], seed)

    return tuple(
        Effect(measure, lift, company, _as_reached(after[:, column], held == 0, reached, lift))
        for column, (measure, lift, company) in enumerate(zip(MEASURES, against(1), against(2), strict=True))
    )


_kept: OrderedDict[bytes, list[Lift]] = OrderedDict()


def _lifts(treated: Flags, after: NDArray[np.float64], before: NDArray[np.float64], seed: int) -> list[Lift]:
    """`lifts`, worked out once for the same facts in this process: 200,000 members take some seconds."""
    digest = blake2b(f"{seed}".encode(), digest_size=16)
    for facts in (treated, after, before):
        digest.update(np.ascontiguousarray(facts).data)
    key = digest.digest()
    found = _kept.get(key)
    if found is None:
        found = _kept[key] = lifts(treated, after, before, seed)
        if len(_kept) > KEPT_MAX:
            _kept.popitem(last=False)
    return found


def _as_reached(outcome: NDArray[np.float64], treated: Flags, reached: Flags, lift: Lift) -> Reached:
    count, others = int(reached.sum()), treated & ~reached
    spread = lift.per_member * lift.treated / count if lift.per_member is not None and count else None
    return Reached(
        count,
        float(outcome[reached].mean()) if count else 0.0,
        float(outcome[others].mean()) if others.any() else 0.0,
        spread,
    )
