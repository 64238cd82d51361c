"""What a clerk takes off, and how much of that is allowed: pure decisions.

A clerk's discount is what a line comes to below its regular price, less what a running promotion, a member's price, a
coupon or e-coins explain. The regular price is the highest that is known: what the line says, its unit price, or the
catalogue's, so that nobody hides a discount by leaving one out. Where none is known (a typed price) there is none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from foundation.errors import FieldError, Forbidden
from pos_adapter.sales.receipts import Line
from pos_adapter.sales.rules import millionths

MILLION = 1_000_000
# What the member's own standing or property takes off; the settlement checks it.
MEMBER_KINDS = frozenset({"member_price"})


class ClerkRole(StrEnum):
    """Whose limit it is: who sells at a counter, or who sits at a desk."""

    COUNTER = "counter_staff"
    DESK = "service_desk"


class DiscountNeedsApproval(Forbidden):
    """A discount is over what the clerk may give alone: a manager must approve. `limit` in hundredths of a percent."""

    code = "discount_needs_approval"


class ApprovalRefused(Forbidden):
    """The manager's code is wrong, used, too old or of another store; after five wrong ones it is dead."""

    code = "approval_refused"


@dataclass(frozen=True, slots=True)
class DiscountLimit:
    """The discount that one may give alone, in hundredths of a percent (None: any). Store and role None: all."""

    store: int | None
    role: ClerkRole | None
    percent: int | None
    valid_from: date


@dataclass(frozen=True, slots=True)
class Approval:
    """A manager's number and the code that their page shows."""

    staff: str
    code: str


def limit_on(limits: Sequence[DiscountLimit], store: int, role: ClerkRole, day: date) -> int | None:
    """The limit in force: the store's before the general one, the role's before any; of each the latest.

    None: no limit; nothing said at all: 0, every discount is approved.
    """
    valid = [
        (limit.store is not None, limit.role is not None, limit.valid_from, n, limit.percent)
        for n, limit in enumerate(limits)
        if limit.valid_from <= day and limit.store in (None, store) and limit.role in (None, role)
    ]
    return max(valid, key=lambda each: each[:4])[4] if valid else 0


def regular_of(line: Line, catalogue: Mapping[str, int]) -> int:
    """What a line would come to without any discount, in minor units; 0 where no price is known."""
    quantity = millionths(line.quantity)
    prices = [line.unit_price or 0, catalogue.get(line.product, 0) if line.product is not None else 0]
    return max(line.regular_amount or 0, max(prices) * quantity // MILLION)


def clerks_part(line: Line, regular: int, runs: Callable[[str], bool], *, is_member: bool) -> int:
    """What of a line's discount nobody but the clerk gave. `runs`: whether a promotion runs here today."""
    off = regular - line.amount
    if off <= 0:
        return 0
    explained = sum(
        discount.amount
        for discount in line.discounts
        if (discount.promotion is not None and runs(discount.promotion))
        or (is_member and discount.kind in MEMBER_KINDS)
    )
    if not line.discounts and line.promotion is not None and runs(line.promotion):
        explained = off
    return max(off - max(explained, 0), 0)


def over_the_limit(
    lines: Sequence[Line], catalogue: Mapping[str, int], limit: int | None, runs: Callable[[str], bool], *,
    is_member: bool,
) -> list[FieldError]:  # fmt: skip
    """The lines on which more is taken off than the limit allows."""
    if limit is None:
        return []
    faults = []
    for n, line in enumerate(lines):
        regular = regular_of(line, catalogue)
        part = clerks_part(line, regular, runs, is_member=is_member)
        if part * 10_000 > limit * regular:
            percent = part * 100 / regular
            faults.append(FieldError(f"/lines/{n}", f"{percent:.2f} % is taken off, {limit / 100:.2f} % are allowed"))
    return faults
