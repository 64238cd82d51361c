"""How baskets were paid, which the source does not say.

A household has a habit (card, phone code or cash), small sums are paid in cash more often, and no basket is split
over two ways except that makers' coupons become a voucher: see `regulars.demo.receipts`.
"""

import numpy as np

from regulars.demo.chance import fractions, weighted
from regulars.demo.source import Baskets, Integers

WAYS = ("card", "code", "cash")
HABITS = (0.62, 0.22, 0.16)
SMALL_SUM_CENTS = 1_000
FAITHFUL = 0.8
CASH_WHEN_SMALL = 0.4


def way_paid(baskets: Baskets, paid: Integers) -> Integers:
    """The position in WAYS of how each basket was paid; `paid` is in cents."""
    habit = weighted("payment habit", baskets.household, HABITS)
    other = weighted("payment", baskets.id, HABITS)
    way = np.where(fractions("faithful", baskets.id) < FAITHFUL, habit, other)
    small = (paid < SMALL_SUM_CENTS) & (fractions("small sum", baskets.id) < CASH_WHEN_SMALL)
    return np.where(small, WAYS.index("cash"), way)
