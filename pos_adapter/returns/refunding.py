"""What a return comes to before anybody confirms it, and the receipt by which it is posted.

`preview` decides what posting decides, by the same code and under the same locks, and records nothing of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid4

import msgspec

from foundation.database import Tx
from member_api.contract.purchases import Kind, points_block
from organisation.contract import StoreFacts
from pos_adapter.returns.rules import RedLine
from pos_adapter.sales.giving_back import PlannedReturn, plan_return
from pos_adapter.sales.incoming import SERVER_SERIES, Incoming, content_hash, sale_id
from pos_adapter.sales.originals import OriginalSale
from pos_adapter.sales.reading import RecordedLine, RecordedSale
from pos_adapter.sales.receipts import Coupon, Line, LineKind, Original, Receipt, SaleType, Tender
from pos_adapter.sales.rules import COUPON, WITHHELD, millionths
from pos_adapter.sales.selling import look_up
from pos_adapter.tenders.operations import tender_roles
from pos_adapter.tenders.rules import TenderRole


class BackTender(msgspec.Struct, frozen=True):
    """One part of a refund. `ours`: we took it through a rail and give it back there; else the desk does."""

    kind: str
    amount: int
    units: int | None
    role: str
    of: int
    ours: bool = False
    reference: str | None = None


class BackPoints(msgspec.Struct, frozen=True):
    """Points that had been spent and come back, points that are taken back, and how the account stands then."""

    back: int
    taken_back: int
    balance_after: int


class BackEcoins(msgspec.Struct, frozen=True):
    """E-coins likewise, in minor units; `withheld` had been spent and comes off the money at face value."""

    back: int
    taken_back: int
    withheld: int


class ReturnPreview(msgspec.Struct, frozen=True):
    """What will go back, and how. `money` is what the customer gets in money, over all tenders of that kind.

    `missing`: spent e-coins that the money does not cover; `graced`: units that go back into a lot whose day has
    passed, which lives on for some days.
    """

    currency: str
    amount: int
    money: int
    stored_value: int
    tenders: list[BackTender]
    coupons: list[Coupon]
    points: BackPoints | None
    ecoins: BackEcoins | None
    missing: int
    graced: int
    lines: list[RedLine]

    def before_withheld(self, tender: BackTender) -> int:
        """What would go back by this tender if nothing were withheld."""
        off = [each.amount for each in self.tenders if each.kind == WITHHELD and each.of == tender.of]
        return tender.amount + sum(off)


@dataclass(frozen=True, slots=True)
class Posting:
    """Where and under which number a return is posted."""

    store: StoreFacts
    terminal: str
    business_date: date
    sequence: int


def preview(
    tx: Tx, store: StoreFacts, day: date, sale: RecordedSale, original: OriginalSale, lines: Sequence[RedLine],
    paid_by_us: frozenset[int] = frozenset(),
) -> ReturnPreview:  # fmt: skip
    """What giving these lines back will do. `paid_by_us` are tenders of the original that a rail took for us.

    Raises OriginalClosed, ReturnedTooMuch.
    """
    receipt = _receipt(tx, Posting(store, "preview", day, 0), sale, lines, (), ())
    item = Incoming(receipt, uuid4(), b"", store)
    look_up(tx, item)
    return _shown(tx, plan_return(tx, item, original), sale.currency, lines, paid_by_us)


def _shown(
    tx: Tx, planned: PlannedReturn, currency: str, lines: Sequence[RedLine], paid_by_us: frozenset[int]
) -> ReturnPreview:
    roles = tender_roles(tx)
    # A tender of which nothing is left after what was withheld is shown too: 0.
    reduced = {column.of for column in planned.columns if column.kind == WITHHELD}
    tenders = [
        BackTender(
            column.kind, column.amount, column.units, roles.get(column.kind, TenderRole.MONEY).value, column.of,
            column.kind != WITHHELD and column.of in paid_by_us, column.reference,
        )
        for column in planned.columns
        if (column.amount or column.of in reduced) and column.kind != COUPON
    ]  # fmt: skip
    plan = planned.plan
    points = ecoins = None
    graced = 0
    if plan is not None:
        block = points_block(plan.wallet, -plan.points_taken_back, 0)
        points = BackPoints(plan.restored.get(Kind.POINTS, 0), plan.points_taken_back, block.balance)
        ecoins = BackEcoins(plan.restored.get(Kind.ECOIN, 0), plan.ecoins_taken_back, plan.ecoins_withheld)
        graced = sum(lot.remaining for lot in plan.graced)
    return ReturnPreview(
        currency,
        sum(line.amount for line in lines),
        sum(t.amount for t in tenders if t.role == TenderRole.MONEY and t.kind != WITHHELD),
        sum(t.amount for t in tenders if t.role == TenderRole.STORED),
        tenders,
        [Coupon(c.reference, c.amount) for c in planned.columns if c.kind == COUPON and c.amount and c.reference],
        points,
        ecoins,
        planned.missing,
        graced,
        list(lines),
    )


def posted_as(tx: Tx, at: Posting, sale: RecordedSale, lines: Sequence[RedLine], shown: ReturnPreview) -> Incoming:
    """The return as a till would send it, under a number of the server's."""
    tenders = [
        Tender(each.kind, each.amount, each.units, None, each.reference) for each in shown.tenders if each.amount
    ]
    receipt = _receipt(tx, at, sale, lines, tenders, shown.coupons)
    id = sale_id(at.store.code, at.terminal, at.business_date, at.sequence, SERVER_SERIES)
    return Incoming(receipt, id, content_hash(receipt), series=SERVER_SERIES)


def _receipt(
    tx: Tx, at: Posting, sale: RecordedSale, lines: Sequence[RedLine], tenders: Sequence[Tender],
    coupons: Sequence[Coupon],
) -> Receipt:  # fmt: skip
    sold = {line.line: line for line in sale.lines}
    return Receipt(
        store=at.store.code,
        terminal=at.terminal,
        business_date=at.business_date,
        sequence=at.sequence,
        type=SaleType.RETURN,
        occurred_at=tx.now,
        currency=sale.currency,
        lines=tuple([_line(n, line, sold[line.line]) for n, line in enumerate(lines, 1)]),
        tenders=tuple(tenders),
        coupons=tuple(coupons),
        original=Original(sale.store, sale.terminal, sale.business_date, sale.sequence),
    )


def _line(n: int, back: RedLine, sold: RecordedLine) -> Line:
    """A line of the return: what was sold, in the part that comes back."""
    whole = millionths(sold.quantity)
    regular = None
    if sold.regular_amount is not None and whole > 0:
        regular = sold.regular_amount * millionths(back.quantity) // whole
    return Line(
        line=n,
        quantity=back.quantity,
        amount=back.amount,
        kind=LineKind(sold.kind),
        product=sold.product,
        counter=sold.counter,
        unit_price=sold.unit_price,
        regular_amount=regular,
        tax_rate=sold.tax_rate,
        salesperson=sold.salesperson,
        promotion=sold.promotion,
        original_line=back.line,
    )


def same_split(shown: ReturnPreview, confirmed: Sequence[tuple[str, int]]) -> bool:
    """Whether what the desk confirms is what it would be now, kind by kind."""
    now: dict[str, int] = {}
    for each in shown.tenders:
        now[each.kind] = now.get(each.kind, 0) + each.amount
    said: dict[str, int] = {}
    for kind, amount in confirmed:
        said[kind] = said.get(kind, 0) + amount
    return {k: v for k, v in now.items() if v} == {k: v for k, v in said.items() if v}


def refund_number(red_ticket: UUID, tender: int) -> str:
    """The number under which a rail knows a refund, however often it is asked."""
    return f"{red_ticket.hex}-{tender}"
