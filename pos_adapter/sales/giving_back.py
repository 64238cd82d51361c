"""Returns and voids: money by the original's tenders, stored units to their lots, and what was earned taken back."""

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.access import Principal
from foundation.database import Tx
from foundation.errors import Conflict, FieldError
from member_api.contract.coupons import give_back
from member_api.contract.purchases import (
    Buyer,
    LineReturn,
    PointsBlock,
    Reversal,
    ask_buyers,
    plan_reversal,
    record_reversal,
)
from pos_adapter.sales.incoming import (
    SERVER_NUMBERS_FROM,
    SERVER_SERIES,
    Incoming,
    Outcome,
    named_member,
    sale_id,
)
from pos_adapter.sales.originals import OriginalSale, read_original
from pos_adapter.sales.receipts import Flag, Original
from pos_adapter.sales.rules import (
    ACCOUNT_TENDERS,
    COUPON,
    LineRefund,
    OriginalClosed,
    ReceiptContradicts,
    RefundTender,
    SoldLine,
    WrongCurrency,
    check_refund,
    refund_lines,
    refund_tenders,
)
from pos_adapter.sales.selling import Catalogue, answer_of, line_rows, look_up, plain_allocation, record_sale
from pos_adapter.sales.tables import CHANGE_SALE_STATE, SaleState, TenderRow
from pos_adapter.tenders.operations import tender_roles


class EcoinsSpent(Conflict):
    """E-coins that the receipt brought are spent already: it cannot be voided, only returned."""

    code = "ecoins_spent"


def _original(tx: Tx, named: Original) -> OriginalSale | None:
    """The sale that a receipt's number names: the till's, or else a settlement's of that terminal."""
    number = (named.store, named.terminal, named.business_date, named.sequence)
    found = read_original(tx, named.business_date, sale_id(*number))
    if found is None and named.sequence >= SERVER_NUMBERS_FROM:
        found = read_original(tx, named.business_date, sale_id(*number, SERVER_SERIES))
    return found


@dataclass(frozen=True, slots=True)
class PlannedReturn:
    """What giving lines of a sale back comes to; `plan` is None where no account is touched.

    `columns` are the tenders of the refund, `matrix` what each gives back per line; `missing` is what spent e-coins
    came to beyond the money that goes back.
    """

    original: OriginalSale
    refunds: list[LineRefund]
    plan: Reversal | None
    columns: list[RefundTender]
    matrix: list[list[int]]
    missing: int


def plan_return(tx: Tx, item: Incoming, original: OriginalSale) -> PlannedReturn:
    """Decide one return of a known original; nothing is written. Locks as for the return itself.

    Raises OriginalClosed, ReturnedTooMuch, ReceiptContradicts, WrongCurrency.
    """
    _check_open(original, item)
    refunds = refund_lines(item.receipt, original.lines)
    plan = _plan(tx, item, original, refunds)
    columns, matrix, missing = refund_tenders(
        refunds, original.kinds, original.references, plan.ecoins_withheld if plan else 0, tender_roles(tx)
    )
    return PlannedReturn(original, refunds, plan, columns, matrix, missing)


def post_return(tx: Tx, principal: Principal, item: Incoming, catalogue: Catalogue) -> None:
    """Decide and record one return. Without a known original it is accepted as it stands, flagged, and waits.

    Raises OriginalClosed, ReturnedTooMuch, RefundSplitDiffers (with the split that is right), ReceiptContradicts.
    """
    look_up(tx, item)
    named = item.receipt.original
    original = _original(tx, named) if named is not None else None
    if original is None:
        _post_unlinked(tx, principal, item, catalogue)
        return
    planned = plan_return(tx, item, original)
    _flag_another_member(tx, item, original)
    plan, columns, refunds = planned.plan, planned.columns, planned.refunds
    check_refund(item.receipt, columns)
    if planned.missing:
        item.flag(Flag.BALANCE_MISSING)
    if plan and plan.graced:
        item.flag(Flag.RESTORED_WITH_GRACE)
    block = record_reversal(tx, plan, principal.id) if plan else None
    give_back(tx, original.purchase, {c.reference: c.amount for c in columns if c.kind == COUPON and c.reference})
    tenders = _refund_rows(item, columns)
    extra = len(columns) - len(original.kinds)
    units = [[*refund.units, *([0] * extra)] for refund in refunds] if any(c.units for c in columns) else None
    lines = line_rows(item, tenders, planned.matrix, catalogue, units)
    buyer = Buyer(plan.wallet.member_id, "", plan.purchase.tier) if plan else None
    answer = answer_of(item, buyer, block, plan.ecoins_withheld if plan else 0)
    record_sale(
        tx, principal, item, answer, lines, tenders, original.member_id, original.member_part, original=original.id
    )
    item.outcome = Outcome(201, answer)


def _post_unlinked(tx: Tx, principal: Principal, item: Incoming, catalogue: Catalogue) -> None:
    """The goods are back and the money is paid: it is recorded, and its account part waits for the original."""
    item.flag(Flag.UNKNOWN_ORIGINAL)
    named = item.receipt.original
    tenders, matrix = plain_allocation(tx, item)
    lines = line_rows(item, tenders, matrix, catalogue)
    answer = answer_of(item, None, None)
    original = sale_id(named.store, named.terminal, named.business_date, named.sequence) if named is not None else None
    record_sale(tx, principal, item, answer, lines, tenders, None, "waiting", original=original)
    item.outcome = Outcome(201, answer)


def _check_open(original: OriginalSale, item: Incoming) -> None:
    if original.type != "sale":
        raise ReceiptContradicts(
            "The original is not a sale", errors=[FieldError("/original", f"names a {original.type}")]
        )
    if original.state != "posted":
        raise OriginalClosed(f"The original is {original.state}")
    if original.currency != item.receipt.currency:
        raise WrongCurrency("The original was in another currency", errors=[FieldError("/currency", "differs")])


def _flag_another_member(tx: Tx, item: Incoming, original: OriginalSale) -> None:
    """What is given back is the original's member's, whoever stands at the till; a till that says otherwise is told."""
    named = named_member(item.receipt)
    if named is None or original.member_id is None:
        return
    with tx.pipeline():
        asked = ask_buyers(tx, [named], lock=False)
    found = asked.buyers()[0]
    if found is not None and found.id != original.member_id:
        item.flag(Flag.MEMBER_DIFFERS)


def _plan(tx: Tx, item: Incoming, original: OriginalSale, refunds: Sequence[LineRefund]) -> Reversal | None:
    if original.member_part != "done":
        return None
    restored = {
        k + 1: units
        for k, kind in enumerate(original.kinds)
        if kind in ACCOUNT_TENDERS and (units := sum(refund.units[k] for refund in refunds))
    }
    return plan_reversal(
        tx, item.sale_id, item.receipt.business_date, original.purchase, original.day,
        [LineReturn(refund.original_line, refund.amount) for refund in refunds], restored, item.at.code,
    )  # fmt: skip


def _refund_rows(item: Incoming, columns: Sequence[RefundTender]) -> list[TenderRow]:
    day = item.receipt.business_date
    return [
        TenderRow(day, item.sale_id, n, column.kind, column.amount, column.units, None, column.reference)
        for n, column in enumerate(columns, 1)
    ]


def post_void(tx: Tx, principal: Principal, item: Incoming) -> None:
    """Undo a whole sale. Raises OriginalClosed (returned, voided or settled), EcoinsSpent."""
    named = item.receipt.original
    assert named is not None
    original = _original(tx, named)
    if original is None:
        item.flag(Flag.UNKNOWN_ORIGINAL)
        answer = answer_of(item, None, None)
        unknown = sale_id(named.store, named.terminal, named.business_date, named.sequence)
        record_sale(tx, principal, item, answer, [], [], None, "waiting", original=unknown, amount=0)
        item.outcome = Outcome(201, answer)
        return
    _check_open(original, item)
    if original.series == SERVER_SERIES:
        raise OriginalClosed("The original was settled at a desk; return it")
    if original.returns:
        raise OriginalClosed("Part of the original was returned already; return the rest")
    plan = _plan(tx, item, original, [_whole(line) for line in original.lines.values()])
    if plan and plan.ecoins_withheld:
        raise EcoinsSpent(
            f"{plan.ecoins_withheld} e-coins that this sale brought are spent; return it, so that they come off",
            ecoins_spent=plan.ecoins_withheld,
        )
    block: PointsBlock | None = record_reversal(tx, plan, principal.id) if plan else None
    give_back(tx, original.purchase, coupons_of(original))
    buyer = Buyer(plan.wallet.member_id, "", plan.purchase.tier) if plan else None
    answer = answer_of(item, buyer, block)
    tx.rows.add(CHANGE_SALE_STATE, SaleState(original.day, original.id, "voided"))
    record_sale(
        tx, principal, item, answer, [], [], original.member_id, original.member_part, original=original.id,
        amount=original.amount,
    )  # fmt: skip
    item.outcome = Outcome(201, answer)


def coupons_of(original: OriginalSale) -> dict[str, int]:
    """What each coupon of a sale paid for, by its code."""
    return {
        reference: sum(line.allocated[k] for line in original.lines.values())
        for k, (kind, reference) in enumerate(zip(original.kinds, original.references, strict=True))
        if kind == COUPON and reference is not None
    }


def _whole(line: SoldLine) -> LineRefund:
    return LineRefund(line.line, line.line, line.amount, line.allocated, line.units)
