"""Measures of sales: each written once, over lines and over the day roll-up of members alike.

The words of the relation are in facts.py. What only lines can say (turnover, revenue, stores) reads lines only.
"""

import ibis
import ibis.expr.types as ir

from analytics.measures.measure import Measure, Source, Unit
from foundation.pages import lazy

HUNDRED_PERCENT = 10_000  # of a tax rate: hundredths of a percent


def ratio(part: ir.NumericValue, whole: ir.NumericValue) -> ir.NumericValue:
    """part / whole as a float, null where the whole is 0."""
    return part.cast("float64") / whole.cast("float64").nullif(0.0) + 0.0  # -0.0 is 0.0


def whole(value: ir.NumericValue) -> ir.NumericValue:
    """A sum as a plain integer; DuckDB sums bigints into 128 bits."""
    return value.cast("int64")


def _knows_lines(t: ir.Table) -> bool:
    return "receipt" in t.columns


def _owned(t: ir.Table) -> ir.BooleanValue | None:
    """Leased counters' sales are not the store's. The roll-up cannot tell; null takes everything."""
    return ~t.leased if _knows_lines(t) else None


def net_sales(t: ir.Table) -> ir.NumericValue:
    return whole(t.spend.sum(where=_owned(t)).fill_null(0))


def turnover(t: ir.Table) -> ir.NumericValue:
    return whole(t.spend.sum().fill_null(0))


def money_received(t: ir.Table) -> ir.NumericValue:
    return whole(t.money.sum().fill_null(0))


def without_tax(amount: ir.NumericValue, tax_rate: ir.NumericValue) -> ir.NumericValue:
    """An amount with tax as one without, rounded half up as it was sold; a rate that was not stated is no tax."""
    base = tax_rate.fill_null(0).cast("int64") + HUNDRED_PERCENT
    return amount.sign().cast("int64") * ((amount.abs() * (2 * HUNDRED_PERCENT) + base) // (2 * base))


def revenue(t: ir.Table) -> ir.NumericValue:
    own = (t.counter_mode == "own") | t.counter_mode.isnull()
    agent = t.counter_mode.isin(["concession", "consignment"])
    line = ibis.cases((own, without_tax(t.money, t.tax_rate)), (agent, t.profit), else_=ibis.literal(0, "int64"))
    return whole(line.sum())


def gross_profit(t: ir.Table) -> ir.NumericValue:
    return whole(t.profit.sum(where=_known(t)))


def _known(t: ir.Table) -> ir.BooleanValue | None:
    # Lines have null where nothing is known, which a sum passes over; the roll-up has 0 of some spend.
    return None if _knows_lines(t) else (t.known_profit_spend != 0) | (t.profit != 0) | (t.spend == 0)


def profit_coverage(t: ir.Table) -> ir.NumericValue:
    return ratio(t.known_profit_spend.sum(where=_owned(t)), t.spend.sum(where=_owned(t)))


def receipts(t: ir.Table) -> ir.NumericValue:
    if not _knows_lines(t):
        return whole(t.receipts.sum().fill_null(0))
    return t.receipt.nunique(where=t.receipt_sign == 1) - t.receipt.nunique(where=t.receipt_sign == -1)


def visits(t: ir.Table) -> ir.NumericValue:
    if not _knows_lines(t):
        return (t.receipts > 0).sum().fill_null(0).cast("int64")
    visit = ibis.struct({"member": t.member_id, "store": t.store_id, "day": t.business_date})
    return visit.nunique(where=t.member_id.notnull() & (t.receipt_sign == 1))


def tickets(t: ir.Table) -> ir.NumericValue:
    # No e-ticket has reached the lake yet; a column of that name is counted as soon as there is one.
    return t.ticket.nunique() if "ticket" in t.columns else ibis.null("int64")


def average_ticket(t: ir.Table) -> ir.NumericValue:
    return whole(ratio(net_sales(t), receipts(t)).round())


def units(t: ir.Table) -> ir.NumericValue:
    return t.quantity_milli.sum().fill_null(0).cast("float64") / 1000


def regular_sales(t: ir.Table) -> ir.NumericValue:
    return whole(t.regular_spend.sum(where=_owned(t)).fill_null(0))


def promoted_sales(t: ir.Table) -> ir.NumericValue:
    return whole(t.promoted_spend.sum(where=_owned(t)).fill_null(0))


def regular_share(t: ir.Table) -> ir.NumericValue:
    return ratio(t.regular_spend.sum(), t.spend.sum())


def promotion_share(t: ir.Table) -> ir.NumericValue:
    return ratio(t.promoted_spend.sum(), t.spend.sum())


def member_sales(t: ir.Table) -> ir.NumericValue:
    named = t.member_id.notnull()
    owned = _owned(t)
    return whole(t.spend.sum(where=named if owned is None else named & owned).fill_null(0))


def member_share(t: ir.Table) -> ir.NumericValue:
    return ratio(member_sales(t), net_sales(t))


def buyers(t: ir.Table) -> ir.NumericValue:
    bought = t.receipt_sign == 1 if _knows_lines(t) else t.receipts > 0
    return t.member_id.nunique(where=bought)


def points_issued(t: ir.Table) -> ir.NumericValue:
    return whole(t.points.sum().fill_null(0))


def benefits_used(t: ir.Table) -> ir.NumericValue:
    return whole((t.spend - t.money).sum().fill_null(0))


def discount(t: ir.Table) -> ir.NumericValue:
    return whole((t.regular_amount - t.amount).sum())


def returned(t: ir.Table) -> ir.NumericValue:
    return whole((-t.spend).sum(where=t.type == "return").fill_null(0))


def return_rate(t: ir.Table) -> ir.NumericValue:
    return ratio(returned(t), t.spend.sum(where=t.type != "return"))


SALES_MEASURES = (
    Measure(
        "turnover",
        lazy("Turnover"),
        lazy("What goods came to on the receipts, tax included, less discounts and returns; leased counters included."),
        Unit.MONEY,
        Source.SALES,
        turnover,
        adds_up=True,
    ),
    Measure(
        "net_sales",
        lazy("Net sales"),
        lazy(
            "Goods sold, tax included, less discounts and returns. Only goods are sales: gift cards, top-ups, "
            "deposits, freight and services are not, nor is what leased counters sell."
        ),
        Unit.MONEY,
        Source.SALES,
        net_sales,
        adds_up=True,
    ),
    Measure(
        "money_received",
        lazy("Paid in money"),
        lazy(
            "The part of goods sold that was paid in money or stored value; points, e-coins and coupons are left out."
        ),
        Unit.MONEY,
        Source.SALES,
        money_received,
        adds_up=True,
    ),
    Measure(
        "benefits_used",
        lazy("Paid with benefits"),
        lazy("The part of goods sold that was paid with points, e-coins, coupons or vouchers."),
        Unit.MONEY,
        Source.SALES,
        benefits_used,
        adds_up=True,
    ),
    Measure(
        "revenue",
        lazy("Revenue"),
        lazy(
            "Without tax: of own goods the money received; of concession and consignment only the store's part, which "
            "is the gross profit; of leased counters nothing. Where the till states no tax rate, there is no tax."
        ),
        Unit.MONEY,
        Source.SALES,
        revenue,
        adds_up=True,
    ),
    Measure(
        "gross_profit",
        lazy("Gross profit"),
        lazy(
            "Money received without tax less cost of own goods; the store's part of concession and consignment; "
            "nothing of leased counters. Lines whose cost is unknown are not counted: see the coverage."
        ),
        Unit.MONEY,
        Source.SALES,
        gross_profit,
        adds_up=True,
    ),
    Measure(
        "profit_coverage",
        lazy("Coverage of gross profit"),
        lazy("The share of net sales whose gross profit is known."),
        Unit.SHARE,
        Source.SALES,
        profit_coverage,
    ),
    Measure(
        "receipts",
        lazy("Paid receipts"),
        lazy(
            "Paid receipts with goods, each counted once, voided ones not; a return is no receipt. A receipt over "
            "three counters is one in the store and one in each counter, so the parts do not add up to the whole."
        ),
        Unit.COUNT,
        Source.SALES,
        receipts,
    ),
    Measure(
        "tickets",
        lazy("Tickets"),
        lazy("E-tickets issued at counters, paid or not. Unknown where none have been recorded."),
        Unit.COUNT,
        Source.SALES,
        tickets,
    ),
    Measure(
        "visits",
        lazy("Visits"),
        lazy(
            "Business days on which a member bought in a store, each member, store and day once. In the roll-up of "
            "members, which has no stores: each member, format and day once."
        ),
        Unit.COUNT,
        Source.SALES,
        visits,
    ),
    Measure(
        "average_ticket",
        lazy("Average ticket"),
        lazy("Net sales divided by receipts; returns make it smaller."),
        Unit.MONEY,
        Source.SALES,
        average_ticket,
    ),
    Measure(
        "units",
        lazy("Units sold"),
        lazy("How much was sold, as the till counts it (pieces, kilograms), less what came back."),
        Unit.UNITS,
        Source.SALES,
        units,
        adds_up=True,
    ),
    Measure(
        "regular_sales",
        lazy("Sales at regular prices"),
        lazy("The part of net sales without a promotion. A member price alone is regular."),
        Unit.MONEY,
        Source.SALES,
        regular_sales,
        adds_up=True,
    ),
    Measure(
        "promoted_sales",
        lazy("Sales on promotion"),
        lazy(
            "The part of net sales under a promotion or a discount other than a member price, e-coins or points; "
            "with the sales at regular prices it makes up net sales."
        ),
        Unit.MONEY,
        Source.SALES,
        promoted_sales,
        adds_up=True,
    ),
    Measure(
        "regular_share",
        lazy("Regular-price share"),
        lazy(
            "The share of sales without a promotion. A member price alone is regular, and so is paying with benefits."
        ),
        Unit.SHARE,
        Source.SALES,
        regular_share,
    ),
    Measure(
        "promotion_share",
        lazy("Promotion share"),
        lazy("The share of sales under a promotion or a discount other than a member price, e-coins or points."),
        Unit.SHARE,
        Source.SALES,
        promotion_share,
    ),
    Measure(
        "discount",
        lazy("Discount given"),
        lazy("What the goods would have come to at regular prices, less what they came to, where the till says both."),
        Unit.MONEY,
        Source.SALES,
        discount,
        adds_up=True,
    ),
    Measure(
        "returned",
        lazy("Returned"),
        lazy("What came back, on the date of the return; voids are not returns."),
        Unit.MONEY,
        Source.SALES,
        returned,
        adds_up=True,
    ),
    Measure(
        "return_rate",
        lazy("Return rate"),
        lazy("What came back in the period, divided by what was sold in it."),
        Unit.SHARE,
        Source.SALES,
        return_rate,
    ),
    Measure(
        "member_sales",
        lazy("Member sales"),
        lazy("Net sales on receipts of a known member."),
        Unit.MONEY,
        Source.SALES,
        member_sales,
        adds_up=True,
    ),
    Measure(
        "member_share",
        lazy("Member share of sales"),
        lazy("Member sales divided by net sales."),
        Unit.SHARE,
        Source.SALES,
        member_share,
    ),
    Measure(
        "buyers",
        lazy("Buying members"),
        lazy("Members with at least one purchase in the period, each counted once."),
        Unit.COUNT,
        Source.SALES,
        buyers,
    ),
    Measure(
        "points_issued",
        lazy("Points issued"),
        lazy("Points earned with purchases, less those taken back by returns. Points granted by hand are not counted."),
        Unit.POINTS,
        Source.SALES,
        points_issued,
        adds_up=True,
    ),
)
