"""What a line of a receipt is worth to the store: pure decisions on values.

All amounts are minor units of the receipt's currency, as the line was sold: a return or a void is the same negated.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from foundation.money import half_up

MILLION = 1_000_000
WHOLE = 10_000  # hundredths of a percent


class Mode(StrEnum):
    """Whose goods a counter sells; goods of no counter are the store's own."""

    OWN = "own"
    CONCESSION = "concession"
    CONSIGNMENT = "consignment"
    LEASED = "leased"


def gross_profit(
    mode: Mode,
    money: int,
    *,
    tax_rate: int | None,
    cost: int | None = None,
    base: int = 0,
    rate: Decimal | None = None,
    suppliers_share: int = 0,
) -> int | None:
    """Gross profit of a line of goods, without tax, rounded half up; None where it is not known.

    Own goods: N / (1 + t) - cost. Concession and consignment: (N - B (1 - r) + S) / (1 + t). Leased: none, for it is
    not the store's sale. N `money` received (stored value included), t `tax_rate` in hundredths of a percent (not
    stated: no tax), B `base` of the contract, r `rate` that the store keeps, S `suppliers_share` of the benefits.
    Source: the formulas of the trade; unknown cost or rate is unknown profit and never 0.
    """
    taxed = WHOLE + (tax_rate or 0)
    if mode is Mode.LEASED:
        return 0
    if mode is Mode.OWN:
        return None if cost is None else half_up(money * WHOLE, taxed) - cost
    if rate is None:
        return None
    kept = int(rate * MILLION)
    return half_up(((money + suppliers_share) * MILLION - base * (MILLION - kept)) * WHOLE, MILLION * taxed)


def shared(total: int, weights: Sequence[int]) -> list[int]:
    """`total` shared pro rata to weights of one sign, by largest remainder, ties by position; it sums exactly."""
    whole = sum(weights)
    if not whole:
        return [total if n == 0 else 0 for n in range(len(weights))]
    shares = [total * weight // whole for weight in weights]
    rest = total - sum(shares)
    order = sorted(range(len(weights)), key=lambda n: (-(total * weights[n] % whole), n))
    for n in order[:rest]:
        shares[n] += 1
    return shares
