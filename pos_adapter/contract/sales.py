"""Receipts as analytics reads them: set-based, by their ids or page by page. Nothing is locked or changed.

Which events tell that a receipt says something new: `SAY_SOMETHING_NEW`, each with the receipts in `facts`.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pos_adapter.sales.benefits import Benefits, benefits_of
from pos_adapter.sales.facts import (
    LINE_FACTS,
    RECEIPTS_AT_ONCE_MAX,
    DayTotals,
    ReturnFacts,
    business_days,
    families,
    read_lines,
    receipts_between,
    returns_of,
    totals_between,
)

__all__ = [
    "LINE_FACTS",
    "RECEIPTS_AT_ONCE_MAX",
    "SAY_SOMETHING_NEW",
    "Benefits",
    "DayTotals",
    "ReturnFacts",
    "benefits_of",
    "business_days",
    "families",
    "read_lines",
    "receipts_between",
    "receipts_named",
    "returns_of",
    "totals_between",
]

# recorded: posted. attached, given: the member is another. settled: a return or void found its original.
# linked: products, counters, promotions, tenders or the original were found. discarded: it counts no longer.
SAY_SOMETHING_NEW = frozenset(
    {"sale.recorded", "sale.attached", "sale.given", "sale.settled", "sale.discarded", "sales.linked"}
)


def receipts_named(topic: str, facts: Mapping[str, Any]) -> list[UUID]:
    """The receipts that an event of these topics is about."""
    return [UUID(sale) for sale in facts["sales"]] if topic == "sales.linked" else [UUID(facts["sale"])]
