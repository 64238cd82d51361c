"""What the lake's files hold.

Amounts are integers in the minor unit of the row's `currency`, timestamps microseconds in UTC. Rows are signed and
additive: a return's rows are negative on the return's business date, a void's rows are the original's negated on the
void's business date. So what a date says never changes because of what came after it, and sums need no cases.

Of each receipt there is one version: a correction (member attached later, product mended, discarded) replaces its
rows. There is no personal data here; `member_id` is the member's number.
"""

from enum import StrEnum
from typing import Any

import pyarrow as pa

WORD = pa.dictionary(pa.int32(), pa.string())
MOMENT = pa.timestamp("us", tz="UTC")


class FileKind(StrEnum):
    """What a file of the lake holds; also the name of the view that readers see."""

    LINES = "lines"
    MEMBER_DAY = "member_day"
    MEMBER_CATEGORY_MONTH = "member_category_month"


def _fields(*fields: tuple[str, Any] | tuple[str, Any, bool]) -> Any:
    return pa.schema([pa.field(field[0], field[1], nullable=len(field) > 2) for field in fields])


MAYBE = True

# One row a line of a receipt.
#   receipt          the low 8 bytes of the sale's id, signed; with `line` it names the row within its business date
#   type             sale | return | void;  receipt_sign +1, 0, -1: what the receipt adds to a count of receipts
#   kind             goods, gift_card, topup, deposit, freight, service: only goods are sales
#   counter_mode     own | concession | consignment | leased on the business date
#   category_id, brand_id   the product's, or else the counter's
#   quantity_milli   thousandths of a unit
#   amount           what the line came to = money + benefit; `money` was paid in money or stored value
#   regular_amount   what it would have come to at regular prices, None if the till did not say
#   tax_rate         hundredths of a percent: 1300 is 13 %
#   cost             unit cost as posted x quantity, rounded half up; None unknown
#   profit           gross profit without tax (rules.py); 0 at a leased counter, None unknown
#   promoted         a promotion, or a discount of a kind other than member_price, e-coin or points
#   points           points that this line earned; of a return, taken back
#   position         the event position up to which this version is true
LINES = _fields(
    ("business_date", pa.date32()),
    ("store_id", pa.int32()),
    ("format", WORD),
    ("currency", WORD),
    ("receipt", pa.int64()),
    ("line", pa.int32()),
    ("type", WORD),
    ("receipt_sign", pa.int8()),
    ("occurred_at", MOMENT),
    ("member_id", pa.int64(), MAYBE),
    ("kind", WORD),
    ("product_id", pa.int64(), MAYBE),
    ("counter_id", pa.int32(), MAYBE),
    ("counter_mode", WORD, MAYBE),
    ("category_id", pa.int32(), MAYBE),
    ("brand_id", pa.int32(), MAYBE),
    ("promotion_id", pa.int32(), MAYBE),
    ("quantity_milli", pa.int64()),
    ("amount", pa.int64()),
    ("regular_amount", pa.int64(), MAYBE),
    ("money", pa.int64()),
    ("benefit", pa.int64()),
    ("tax_rate", pa.int32(), MAYBE),
    ("cost", pa.int64(), MAYBE),
    ("profit", pa.int64(), MAYBE),
    ("promoted", pa.bool_()),
    ("points", pa.int64()),
    ("position", pa.int64()),
)

# One row a member x business date x format x currency, of goods lines. A visit is a row with receipts > 0.
#   regular_money        the part of `money` that paid for what was not promoted
#   known_profit_spend   the part of `spend` whose profit is known: what `profit` stands for
MEMBER_DAY = _fields(
    ("member_id", pa.int64()),
    ("business_date", pa.date32()),
    ("format", WORD),
    ("currency", WORD),
    ("receipts", pa.int32()),
    ("spend", pa.int64()),
    ("money", pa.int64()),
    ("regular_spend", pa.int64()),
    ("promoted_spend", pa.int64()),
    ("regular_money", pa.int64()),
    ("profit", pa.int64()),
    ("known_profit_spend", pa.int64()),
    ("points", pa.int64()),
    ("quantity_milli", pa.int64()),
)

# One row a member x month x category x format x currency, of goods lines.
#   month                   its first day
#   receipts                receipts that touch the category: counts of several categories do not add up
#   first_date, last_date   of sales; None in a month that has returns only
MEMBER_CATEGORY_MONTH = _fields(
    ("member_id", pa.int64()),
    ("month", pa.date32()),
    ("category_id", pa.int32(), MAYBE),
    ("format", WORD),
    ("currency", WORD),
    ("receipts", pa.int32()),
    ("spend", pa.int64()),
    ("money", pa.int64()),
    ("regular_spend", pa.int64()),
    ("promoted_spend", pa.int64()),
    ("profit", pa.int64()),
    ("quantity_milli", pa.int64()),
    ("first_date", pa.date32(), MAYBE),
    ("last_date", pa.date32(), MAYBE),
)

SCHEMAS = {
    FileKind.LINES: LINES,
    FileKind.MEMBER_DAY: MEMBER_DAY,
    FileKind.MEMBER_CATEGORY_MONTH: MEMBER_CATEGORY_MONTH,
}
