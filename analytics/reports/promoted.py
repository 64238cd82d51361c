"""Promotions: what was sold under each, and what one of them did (the promotion coefficient K, RETAIL section 5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from analytics.lake.reading import Lake, open_lake
from analytics.measures.computing import compute
from analytics.measures.facts import Period
from analytics.promotions.coefficient import PromotionNotSold, Question, promotion_effect
from analytics.promotions.rules import Effect
from analytics.reports.asking import DAYS_MAX, ONE_DAY, Asked
from analytics.reports.kept import Kept
from foundation.database import Tx
from foundation.errors import NotFound
from pos_adapter.contract.catalogue import PromotionName, all_promotions

MEASURES = ("net_sales", "receipts", "gross_profit", "profit_coverage", "member_share")
Mark = tuple[str, int, int]


class PromotionUnknown(NotFound):
    """There is no promotion with this id."""

    code = "promotion_unknown"


@dataclass(frozen=True, slots=True)
class PromotionRow:
    """What was sold under one promotion. Money in minor units; `share` is its part of all net sales of the currency,
    None where there were none."""

    currency: str
    promotion: PromotionName
    net_sales: int
    share: float | None
    receipts: int
    gross_profit: int | None
    profit_coverage: float | None
    member_share: float | None

    @property
    def mark(self) -> Mark:
        """Where it stands: by currency, what sold most first."""
        return (self.currency, -self.net_sales, self.promotion.id)


@dataclass(frozen=True, slots=True)
class PromotionEffect:
    """What a promotion did over these days, both included, to the stores and categories that it sold in."""

    promotion: PromotionName
    currency: str
    since: date
    until: date
    cost: int
    effect: Effect


Rows = Sequence[PromotionRow]
Wanted = tuple[Asked, int, str, tuple[date, date] | None, int]
promotions_kept: Kept[Asked, Rows] = Kept()
effects_kept: Kept[Wanted, PromotionEffect] = Kept()


def promotion_rows(tx: Tx, asked: Asked) -> Rows:
    """The promotions under which anything was sold. Raises LakeDamaged."""
    return promotions_kept.ask(tx, asked, lambda: _find_rows(tx, asked))


def _find_rows(tx: Tx, asked: Asked) -> Rows:
    with open_lake(tx) as lake:
        by_promotion = compute(lake, MEASURES, asked.period, ["promotion"], asked.where).to_pylist()
        whole = compute(lake, ["net_sales"], asked.period, (), asked.where).to_pylist()
    totals = {row["currency"]: row["net_sales"] for row in whole}
    names = {each.id: each for each in all_promotions(tx)}
    rows = [_row(row, names, totals) for row in by_promotion if row["promotion"] in names]
    return sorted(rows, key=lambda row: row.mark)


def _row(found: Mapping[str, Any], names: Mapping[int, PromotionName], totals: Mapping[str, int]) -> PromotionRow:
    total = totals[found["currency"]]
    return PromotionRow(
        currency=found["currency"],
        promotion=names[found["promotion"]],
        net_sales=found["net_sales"],
        share=found["net_sales"] / total if total else None,
        receipts=found["receipts"],
        gross_profit=found["gross_profit"],
        profit_coverage=found["profit_coverage"],
        member_share=found["member_share"],
    )


def effect_of_promotion(
    tx: Tx, asked: Asked, promotion_id: int, currency: str, days: tuple[date, date] | None = None, cost: int = 0
) -> PromotionEffect:
    """What a promotion did to the stores of the question. `days`, both included: by default its own, as far as it sold.

    Raises PromotionUnknown, PromotionNotSold, LakeDamaged.
    """
    wanted = (asked, promotion_id, currency, days, cost)
    return effects_kept.ask(tx, wanted, lambda: _find_effect(tx, *wanted))


def _find_effect(
    tx: Tx, asked: Asked, promotion_id: int, currency: str, days: tuple[date, date] | None, cost: int
) -> PromotionEffect:
    promotion = next((each for each in all_promotions(tx) if each.id == promotion_id), None)
    if promotion is None:
        raise PromotionUnknown("There is no such promotion")
    with open_lake(tx) as lake:
        since, until = days or _days_of(lake, promotion, currency, asked)
        period = Period(since, until + ONE_DAY)
        question = Question(promotion_id, period, currency, stores=asked.stores, cost=cost)
        return PromotionEffect(promotion, currency, since, until, cost, promotion_effect(lake, question))


def _days_of(lake: Lake, promotion: PromotionName, currency: str, asked: Asked) -> tuple[date, date]:
    """From the first to the last day on which it sold, within its own days; of a long one the latest that are told.

    Where it sold outside of them only, those days. Raises PromotionNotSold.
    """
    own = (promotion.starts_on, promotion.ends_on)
    found = _sold_days(lake, promotion.id, currency, asked, own)
    if found is None and own != (None, None):
        found = _sold_days(lake, promotion.id, currency, asked, (None, None))
    if found is None:
        raise PromotionNotSold("nothing was sold under this promotion")
    since, until = found
    return max(since, until - timedelta(days=DAYS_MAX - 1)), until


def _sold_days(
    lake: Lake, promotion: int, currency: str, asked: Asked, within: tuple[date | None, date | None]
) -> tuple[date, date] | None:
    """The first and the last day on which it sold, among the days `within`, both included; None: open. The lake's files
    are by day: those of other days are not opened."""
    bounds = [f"AND business_date {sign} DATE '{day}'" for sign, day in zip((">=", "<="), within, strict=True) if day]
    stores = "" if asked.stores is None else "AND store_id IN (SELECT unnest($stores::INTEGER[]))"
    bound = {} if asked.stores is None else {"stores": sorted(asked.stores)}
    found = lake.sql(
        f"""SELECT min(business_date) AS since, max(business_date) AS until FROM lines
            WHERE kind = 'goods' AND promotion_id = $promotion AND currency = $currency {stores}
              {" ".join(bounds)}""",  # noqa: S608 - dates, and what stands here
        promotion=promotion,
        currency=currency,
        **bound,
    ).to_pylist()[0]
    return (found["since"], found["until"]) if found["since"] is not None else None
