"""What a receipt must agree with, and who paid for which line: pure decisions on values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from foundation.errors import Conflict, FieldError, Invalid
from pos_adapter.sales.receipts import LineKind, Receipt, SaleType, Tender
from pos_adapter.tenders.rules import TenderRole


class ReceiptContradicts(Invalid):
    """The receipt contradicts itself: sums, numbers, dates, or what its type allows."""

    code = "receipt_contradicts_itself"


class StoreUnknown(Invalid):
    """No such store."""

    code = "store_unknown"


class WrongCurrency(Invalid):
    """The store sells in another currency."""

    code = "wrong_currency"


class ReceiptNumberTaken(Conflict):
    """Another receipt was posted under this number."""

    code = "receipt_number_taken"


class ReturnedTooMuch(Invalid):
    """More is given back than the original sold."""

    code = "returned_too_much"


class RefundSplitDiffers(Invalid):
    """The refund does not go back the way the money came; `expected` says how it must."""

    code = "refund_split_differs"


class OriginalClosed(Conflict):
    """The original was voided, partly returned or settled: it cannot be voided, or given back, any more."""

    code = "original_closed"


# Tenders that take from the member's accounts, and the kind of account.
ACCOUNT_TENDERS = {"points": "points", "ecoin": "ecoin", "stored_value": "cash"}
COUPON = "coupon"
EARLIEST_DAY = date(1970, 1, 1)
# A return may be dated a day before its sale, where another store's date lags behind; no more than that. So what was
# given back of a sale is looked for from there on, and not in every month there is.
RETURN_AHEAD_MAX = timedelta(days=1)
WITHHELD = "ecoin_clawback"


def check_receipt(receipt: Receipt, today: date) -> None:
    """Refuse what contradicts itself. `today` is the store's date. Raises ReceiptContradicts with every fault found."""
    faults: list[FieldError] = []
    if not EARLIEST_DAY <= receipt.business_date <= today + timedelta(days=1):
        faults.append(FieldError("/business_date", f"must lie between {EARLIEST_DAY} and tomorrow"))
    if receipt.occurred_at.date() > today + timedelta(days=2):
        # Which rules it earns by follows from the moment: nobody picks those of next year.
        faults.append(FieldError("/occurred_at", "lies in the future"))
    if receipt.type is SaleType.VOID:
        faults += _void_faults(receipt)
    else:
        faults += _line_faults(receipt)
    if receipt.original is not None:
        if receipt.type is SaleType.SALE:
            faults.append(FieldError("/original", "a sale has no original"))
        elif receipt.original.business_date - receipt.business_date > RETURN_AHEAD_MAX:
            faults.append(FieldError("/original/business_date", "lies after the day on which it is given back"))
    if faults:
        raise ReceiptContradicts(faults[0].detail, errors=faults)


def returns_from(sold_on: date) -> date:
    """The earliest business date of a return or void of what was sold on this one."""
    return sold_on - RETURN_AHEAD_MAX


def _void_faults(receipt: Receipt) -> list[FieldError]:
    faults = []
    if receipt.original is None:
        faults.append(FieldError("/original", "a void names the receipt it voids"))
    carried = [name for name in ("lines", "tenders", "coupons") if getattr(receipt, name)]
    return faults + [FieldError(f"/{name}", "a void carries none") for name in carried]


def _line_faults(receipt: Receipt) -> list[FieldError]:
    faults = []
    lines = receipt.lines
    if not lines:
        faults.append(FieldError("/lines", "at least one line is needed"))
    if len({line.line for line in lines}) < len(lines):
        faults.append(FieldError("/lines", "line numbers must differ"))
    total = sum([line.amount for line in lines]) - sum([coupon.amount for coupon in receipt.coupons])
    paid = sum([tender.amount for tender in receipt.tenders])
    if total != paid:
        faults.append(FieldError("/tenders", f"tenders come to {paid}, lines less coupons to {total}"))
    for n, tender in enumerate(receipt.tenders):
        if tender.kind in ("ecoin", "stored_value") and tender.units not in (None, tender.amount):
            faults.append(FieldError(f"/tenders/{n}/units", "one unit is one minor unit of money"))
        if tender.kind in ACCOUNT_TENDERS and tender.amount < 0:
            faults.append(FieldError(f"/tenders/{n}/amount", "must not be negative"))
    if receipt.type is SaleType.RETURN:
        for n, line in enumerate(lines):
            if line.amount < 0 or line.quantity.startswith("-"):
                faults.append(FieldError(f"/lines/{n}", "a return states what goes back as positive"))
    return faults


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """`total` shared pro rata to `weights`, by largest remainder, ties by position; sums to `total` exactly.

    Weights of either sign; where they sum to zero, the first position takes everything.
    """
    whole = sum(weights)
    if not whole:
        return [total if n == 0 else 0 for n in range(len(weights))]
    if whole < 0:
        whole, weights = -whole, [-weight for weight in weights]
    shares = [total * weight // whole for weight in weights]
    rest = total - sum(shares)
    if rest:
        order = sorted(range(len(weights)), key=lambda n: -(total * weights[n] % whole))
        for n in order[:rest]:
            shares[n] += 1
    return shares


def allocate_tenders(
    amounts: Sequence[int], tenders: Sequence[int], eligible: Sequence[Sequence[bool] | None]
) -> tuple[list[list[int]], bool]:
    """Which part of which tender paid for which line: rows are lines, columns tenders.

    Every tender is shared pro rata to what is still unpaid of the lines that it may pay for (`eligible`, None for
    all), tenders with limits first, then in the order given; the last one pays what is left. So each row sums to the
    line's amount and each column to the tender's. The second result says that a limit had to be ignored, because the
    eligible lines came to less than the tender.
    """
    if len(tenders) == 1 and (eligible[0] is None or all(eligible[0])):
        return [[amount] for amount in amounts], False
    matrix = [[0] * len(tenders) for _ in amounts]
    unpaid = list(amounts)
    stretched = False
    order = sorted(range(len(tenders)), key=lambda n: eligible[n] is None)
    for position, n in enumerate(order):
        limit = eligible[n]
        weights = unpaid if limit is None else [w if ok else 0 for w, ok in zip(unpaid, limit, strict=True)]
        if limit is not None and sum(weights) < tenders[n]:
            weights, stretched = unpaid, True
        last = position == len(order) - 1
        shares = list(unpaid) if last else allocate(tenders[n], weights)
        for line, share in enumerate(shares):
            matrix[line][n] = share
            unpaid[line] -= share
    return matrix, stretched


def allocate_units(units: int, shares: Sequence[int]) -> list[int]:
    """The units of a tender over the lines it paid for."""
    return allocate(units, shares) if any(shares) else [units, *([0] * (len(shares) - 1))]


def may_pay(kind: str, line_kind: LineKind, counter: Any) -> bool:
    """Whether a benefit may pay for a line: goods only, and the counter takes part (no counter: it does).

    What a coupon's own offer says comes on top.
    """
    if line_kind is not LineKind.GOODS:
        return False
    if counter is None:
        return True
    takes = {"points": "takes_points", "ecoin": "takes_ecoins", "coupon": "takes_coupons"}[kind]
    return bool(getattr(counter, takes))


LIMITED = frozenset({"points", "ecoin", "coupon"})


@dataclass(frozen=True, slots=True)
class SoldLine:
    """A line of an original, with what returns have given back of it so far.

    `allocated` and `units` are per tender of the original; `given_back` and `units_back` likewise.
    """

    line: int
    kind: str
    amount: int
    quantity_millionths: int
    allocated: tuple[int, ...]
    units: tuple[int, ...]
    returned: int
    returned_quantity_millionths: int
    given_back: tuple[int, ...]
    units_back: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LineRefund:
    """What one return line gives back: money and units per tender of the original."""

    line: int
    original_line: int
    amount: int
    shares: tuple[int, ...]
    units: tuple[int, ...]


def millionths(quantity: str) -> int:
    """A decimal quantity as a whole number of millionths."""
    whole, _, fraction = quantity.partition(".")
    sign = -1 if whole.startswith("-") else 1
    return int(whole) * 1_000_000 + sign * int(fraction.ljust(6, "0") or 0)


def refund_lines(receipt: Receipt, sold: dict[int, SoldLine]) -> list[LineRefund]:
    """How each return line goes back over the original's tenders: pro rata to what is left of its allocation.

    Pro rata to what is *left*, so that several partial returns of a line add up to its allocation exactly.
    Raises ReturnedTooMuch, ReceiptContradicts.
    """
    refunds: list[LineRefund] = []
    back: dict[int, tuple[int, int, list[int], list[int]]] = {}
    for n, line in enumerate(receipt.lines):
        original = sold.get(line.original_line or 0)
        if original is None:
            raise ReceiptContradicts(
                "The original has no such line",
                errors=[FieldError(f"/lines/{n}/original_line", "names no line of the original")],
            )
        amount, quantity, shares, units = back.get(
            original.line,
            (
                original.returned,
                original.returned_quantity_millionths,
                list(original.given_back),
                list(original.units_back),
            ),
        )
        amount += line.amount
        quantity += millionths(line.quantity)
        if amount > max(original.amount, 0) or quantity > max(original.quantity_millionths, 0):
            raise ReturnedTooMuch(
                "More is given back than was sold",
                errors=[
                    FieldError(f"/lines/{n}", f"line {original.line} sold {original.amount}, {amount} would be back")
                ],
            )
        left = [a - b for a, b in zip(original.allocated, shares, strict=True)]
        part = allocate(line.amount, left) if line.amount else [0] * len(left)
        unit_part = [
            0 if not u else (u - ub if share == rest else (u - ub) * share // rest if rest else 0)
            for u, ub, share, rest in zip(original.units, units, part, left, strict=True)
        ]
        back[original.line] = (
            amount,
            quantity,
            [a + b for a, b in zip(shares, part, strict=True)],
            [a + b for a, b in zip(units, unit_part, strict=True)],
        )
        refunds.append(LineRefund(line.line, original.line, line.amount, tuple(part), tuple(unit_part)))
    return refunds


@dataclass(frozen=True, slots=True)
class RefundTender:
    """One tender of a refund. `of` is the tender of the original that it answers (1, 2 ...)."""

    of: int
    kind: str
    amount: int
    units: int | None
    reference: str | None


def refund_tenders(
    refunds: Sequence[LineRefund],
    kinds: Sequence[str],
    references: Sequence[str | None],
    withheld: int,
    roles: Mapping[str, TenderRole],
) -> tuple[list[RefundTender], list[list[int]], int]:
    """The tenders of a refund, and per line what each gives back (columns as the tenders).

    `withheld` (e-coins of the purchase that are spent already, at face value) comes off the money, tender by tender;
    the third result is what the money did not cover.
    """
    columns: list[RefundTender] = []
    matrix: list[list[int]] = [[] for _ in refunds]
    taken: list[tuple[int, list[int]]] = []
    for k, kind in enumerate(kinds):
        shares = [refund.shares[k] for refund in refunds]
        if withheld and roles.get(kind, TenderRole.MONEY) is TenderRole.MONEY and sum(shares) > 0:
            off = min(withheld, sum(shares))
            withheld -= off
            parts = allocate(off, shares)
            shares = [share - part for share, part in zip(shares, parts, strict=True)]
            taken.append((k, parts))
        units = sum(refund.units[k] for refund in refunds)
        columns.append(RefundTender(k + 1, kind, sum(shares), units or None, references[k]))
        for row, share in zip(matrix, shares, strict=True):
            row.append(share)
    for k, parts in taken:
        columns.append(RefundTender(k + 1, WITHHELD, sum(parts), None, f"tender/{k + 1}"))
        for row, part in zip(matrix, parts, strict=True):
            row.append(part)
    return columns, matrix, withheld


def check_refund(receipt: Receipt, expected: Sequence[RefundTender]) -> None:
    """The refund must go back the way the money came, kind by kind. Raises RefundSplitDiffers with the split."""
    asked: dict[str, int] = {}
    for tender in receipt.tenders:
        asked[tender.kind] = asked.get(tender.kind, 0) + tender.amount
    for coupon in receipt.coupons:
        asked["coupon"] = asked.get("coupon", 0) + coupon.amount
    right: dict[str, int] = {}
    for tender_ in expected:
        right[tender_.kind] = right.get(tender_.kind, 0) + tender_.amount
    if {k: v for k, v in asked.items() if v} != {k: v for k, v in right.items() if v}:
        split = [
            {"kind": t.kind, "amount": t.amount} | ({"units": t.units} if t.units else {})
            for t in expected
            if t.amount and t.kind != "coupon"
        ]
        coupons = [{"code": t.reference, "amount": t.amount} for t in expected if t.amount and t.kind == "coupon"]
        raise RefundSplitDiffers(
            "The refund must go back by the original's tenders in their allocated shares",
            errors=[FieldError("/tenders", "see expected")],
            expected={"tenders": split, "coupons": coupons},
        )


def looks_like_card_number(reference: str) -> bool:
    """Whether a text holds 13 to 19 digits that pass the Luhn check (ISO/IEC 7812-1): never to be stored."""
    digits = "".join(c for c in reference if c.isdigit())
    if (
        not 13 <= len(digits) <= 19
        or digits[0] not in "3456"
        or len(digits) < len(reference.replace(" ", "").replace("-", ""))
    ):
        return False
    total = 0
    for n, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + n % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def masked_card_number(reference: str) -> str:
    """What is kept of it: the last four digits."""
    return f"****{reference.strip()[-4:]}"


def tender_units(tender: Tender, points_per_minor_unit: tuple[int, int]) -> tuple[int | None, bool]:
    """The units that a tender takes from an account, and whether a stated number differs from the rate in force.

    `points_per_minor_unit` is a fraction (points, money): (10, 1) says ten points are one minor unit.
    """
    if tender.kind in ("ecoin", "stored_value"):
        return tender.amount, False
    if tender.kind != "points":
        return tender.units, False
    points, money = points_per_minor_unit
    by_rate = -(-tender.amount * points // money)
    return (by_rate, False) if tender.units is None else (tender.units, tender.units != by_rate)
