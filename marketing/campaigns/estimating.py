"""What to expect of a plan before it is launched: how many it reaches, what it may cost, what its result can show."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from analytics.contract.outcomes import outcomes_of
from foundation.access import Principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.settings import get_settings
from marketing.campaigns.costs import SAMPLED_MAX, CostsAhead, costs_ahead, is_over_budget
from marketing.campaigns.operations import expected_treated, usable_list
from marketing.campaigns.plans import Plan
from marketing.campaigns.results import BEFORE_DAYS
from marketing.experiments.assignment import BASIS_POINTS
from marketing.experiments.rules import smallest_visible
from marketing.experiments.standing import standing_control_on
from marketing.target_lists.operations import members_of


@dataclass(frozen=True, slots=True)
class Estimate:
    """Counts are expected, the dice of the launch are not thrown yet.

    `smallest_visible` is the effect on the sales of one member, in minor units of `currency`, that the groups would
    show in four of five campaigns; None if they are too small to show any. `mean_sales` is what a member of the list
    spent in as many days until today.
    """

    members: int
    treated: int
    held_out: int
    company_control: int
    costs: CostsAhead
    over_budget: bool
    currency: str
    mean_sales: int | None
    smallest_visible: int | None


def estimate(tx: Tx, principal: Principal, plan: Plan) -> Estimate:
    """What to expect of a plan. Raises ListNotUsable, LakeDamaged."""
    members = usable_list(tx, principal, plan.list_id).count
    company = members * standing_control_on(tx).share // BASIS_POINTS
    treated = expected_treated(tx, plan, members)
    costs = costs_ahead(tx, plan, treated)
    mean, visible = _visible(tx, plan, local_date(tx.now, get_settings().company_timezone), members)
    return Estimate(
        members=members,
        treated=costs.treated,
        held_out=members - company - treated,
        company_control=company,
        costs=costs,
        over_budget=is_over_budget(plan, costs.at_most),
        currency=costs.currency,
        mean_sales=mean,
        smallest_visible=visible,
    )


def _visible(tx: Tx, plan: Plan, today: date, members: int) -> tuple[int | None, int | None]:
    """Mean spend and smallest visible effect, by what up to 50,000 of the list spent in a window just before."""
    cohort = members_of(tx, plan.list_id, 0, SAMPLED_MAX)
    first = today - timedelta(days=plan.measure_days)
    yesterday = today - timedelta(days=1)
    outcomes = outcomes_of(tx, cohort, first, yesterday, first - timedelta(days=BEFORE_DAYS))
    totals = outcomes.by_currency.get(get_settings().company_currency)
    if totals is None or not cohort:
        return None, None
    effect = smallest_visible(totals.sales, totals.sales_before, plan.control_share)
    if effect is None:
        return round(float(totals.sales.mean())), None
    # A larger list than was looked at shows smaller effects, by the square root.
    return round(float(totals.sales.mean())), round(effect * float(np.sqrt(len(cohort) / members)))
