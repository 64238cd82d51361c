"""What a campaign or a trigger is to do: its plan, and what is wrong with one. Pure.

A plan is edited as a whole; every edit is a version of its own, and what was approved is a version.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from foundation.errors import FieldError, Invalid
from member_api.contract.coupons import CouponOffer, Multiplier, check_multiplier, check_offer

STEPS_MAX = 5
CONTROL_MAX = 5_000  # half
MEASURE_DAYS_MAX = 365
AFTER_DAYS_MAX = 90
OFFER_DAYS_MAX = 365
AMOUNT_MAX = 10**12
SOME_DAY = date(2026, 1, 1)


class Goal(StrEnum):
    """What a campaign is for; each is told by one measure."""

    SALES = "sales"
    PROFIT = "profit"
    VISITS = "visits"
    WIN_BACK = "win_back"


class Measured(StrEnum):
    """What is measured of everybody: money paid for goods, gross profit, days with a receipt."""

    SALES = "sales"
    PROFIT = "profit"
    VISITS = "visits"


MEASURE_OF: Mapping[Goal, Measured] = {
    Goal.SALES: Measured.SALES,
    Goal.PROFIT: Measured.PROFIT,
    Goal.VISITS: Measured.VISITS,
    Goal.WIN_BACK: Measured.VISITS,
}


class Way(StrEnum):
    """How a step reaches the member; a call is a follow-up task for a clerk."""

    SMS = "sms"
    INBOX = "inbox"
    CALL = "call"


class PlanIncomplete(Invalid):
    """The plan cannot be carried out as it stands; `errors` say what is missing."""

    code = "plan_incomplete"


@dataclass(frozen=True, slots=True)
class Words:
    """A text in one language; a text message has no subject."""

    body: str
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One thing that happens to every treated member, `after_days` days after the start (0: at once).

    A message has `texts` by language; a call has the code of a kind of task, and days until it is due.
    With `unless_redeemed` those who have used their coupon by then are passed over.
    """

    channel: Way
    after_days: int = 0
    texts: Mapping[str, Words] = field(default_factory=dict)
    task_kind: str | None = None
    due_in_days: int | None = None
    note: str | None = None
    unless_redeemed: bool = False


@dataclass(frozen=True, slots=True)
class CouponPlan:
    """A coupon for every treated member, good for `days` days from the start on. Amounts in minor units."""

    name: str
    currency: str
    days: int
    amount: int | None = None
    percent: int | None = None
    amount_max: int | None = None
    minimum_spend: int = 0
    stores: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()
    brands: tuple[str, ...] = ()
    funder: str = "company"

    def offer(self, first_day: date) -> CouponOffer:
        """The terms from a first day on."""
        return CouponOffer(
            name=self.name, currency=self.currency, starts_on=first_day,
            ends_on=first_day + timedelta(days=self.days - 1), amount=self.amount, percent=self.percent,
            amount_max=self.amount_max, minimum_spend=self.minimum_spend, stores=self.stores, formats=self.formats,
            categories=self.categories, brands=self.brands, funder=self.funder,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class MultiplierPlan:
    """Points times `percent` / 100 for every treated member, for `days` days from the start on."""

    name: str
    percent: int
    days: int
    stores: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    funder: str = "company"

    def terms(self, first_day: date) -> Multiplier:
        """The terms from a first day on."""
        last = first_day + timedelta(days=self.days - 1)
        return Multiplier(self.name, self.percent, first_day, last, self.stores, self.formats, self.funder)


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a treated member gets: a coupon or a multiplier or neither, and steps."""

    coupon: CouponPlan | None = None
    multiplier: MultiplierPlan | None = None
    steps: tuple[StepPlan, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign as planned. `control_share` in basis points of the list; `budget` in minor units of the company."""

    list_id: int
    goal: Goal = Goal.SALES
    control_share: int = 1_000
    measure_days: int = 30
    treatment: Treatment = field(default_factory=Treatment)
    budget: int | None = None


def check_treatment(treatment: Treatment, pointer: str = "") -> list[FieldError]:
    """What is missing or contradicts itself before it may be approved."""
    faults = []
    if treatment.coupon is None and treatment.multiplier is None and not treatment.steps:
        faults.append(FieldError(f"{pointer}/steps", "nothing would happen: plan a step, a coupon or a multiplier"))
    faults += _offer_faults(treatment, pointer)
    for place, step in enumerate(treatment.steps):
        faults += _step_faults(step, treatment, f"{pointer}/steps/{place}")
    return faults


def _offer_faults(treatment: Treatment, pointer: str) -> Iterator[FieldError]:
    if treatment.coupon is not None and treatment.multiplier is not None:
        words = "a coupon or a multiplier, not both: one effect could not be told from the other"
        yield FieldError(f"{pointer}/multiplier", words)
    try:
        if treatment.coupon is not None:
            check_offer(treatment.coupon.offer(SOME_DAY))
        if treatment.multiplier is not None:
            check_multiplier(treatment.multiplier.terms(SOME_DAY))
    except Invalid as error:
        part = "coupon" if treatment.coupon is not None else "multiplier"
        yield from (FieldError(f"{pointer}/{part}{fault.pointer}", fault.detail) for fault in error.errors)


def _step_faults(step: StepPlan, treatment: Treatment, pointer: str) -> Iterator[FieldError]:
    if step.channel is Way.CALL:
        if not step.task_kind:
            yield FieldError(f"{pointer}/task_kind", "a call needs a kind of task")
        if step.texts:
            yield FieldError(f"{pointer}/texts", "a call has no text: what to say stands in its kind of task")
    else:
        if not step.texts:
            yield FieldError(f"{pointer}/texts", "a message needs a text, in one language at least")
        if step.task_kind is not None:
            yield FieldError(f"{pointer}/task_kind", "only a call is a task")
    if step.unless_redeemed and treatment.coupon is None:
        yield FieldError(f"{pointer}/unless_redeemed", "there is no coupon that could be redeemed")
