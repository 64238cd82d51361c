"""A small shop with a year of purchases: enough members to be ranked, some rising, some fading."""

import random
from collections.abc import Iterator
from datetime import date, timedelta

from tests.analytics.lake_factory import LineFacts

AS_OF = date(2026, 1, 5)
MEMBERS = 130
WEEKS = 52
TURN_WEEKS = 26


def purchases(members: int = MEMBERS, currency: str = "CNY", until: date = AS_OF) -> Iterator[LineFacts]:
    """Each member comes on some days of each week before `until`; the first come oftener than the last.

    In the last half year every tenth member comes oftener each week and spends more, and every tenth from the fifth on
    less and less.
    """
    chance = random.Random(20260105)
    for week in range(WEEKS, 0, -1):
        for member in range(1, members + 1):
            turn = (1 if member % 10 == 0 else -1 if member % 10 == 5 else 0) * max(0, TURN_WEEKS - week) / TURN_WEEKS
            if chance.random() > (0.9 - 0.6 * member / members if not turn else 0.5 + 0.45 * turn):
                continue
            amount = int(2_000 * (1 + 0.9 * turn) * chance.uniform(0.9, 1.1))
            yield LineFacts(
                until - timedelta(days=7 * week - chance.randrange(7)),
                amount,
                member,
                format="supermarket" if member % 3 else "department",
                currency=currency,
                category_id=1 + member % 4,
                promoted=chance.random() < 0.3,
                profit=amount // 5,
                points=amount // 100,
            )
