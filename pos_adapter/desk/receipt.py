"""The receipt of a settlement, as it stands on 80 mm of paper: sales by legal unit, lines by counter, what paid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from foundation.database import Tx
from member_api.contract.ledger import Kind, accounts_of
from member_api.contract.members import masked_names
from organisation.contract import CounterFacts, counters_by_code
from pos_adapter.sales.receipts import Line, Points
from pos_adapter.sales.searching import product_names
from pos_adapter.settlements.reading import SettlementRecord

LOTS_LOOKED_AT_MAX = 200
ACCOUNT_DIGITS = 4


@dataclass(frozen=True, slots=True)
class PaperLine:
    """One line: what people call it, how many (empty: one), what it came to, what it regularly costs if more."""

    name: str
    quantity: str
    amount: int
    regular_amount: int | None


@dataclass(frozen=True, slots=True)
class PaperCounter:
    """The lines of one counter; `code` is empty for loose goods of the desk."""

    code: str
    name: str
    lines: tuple[PaperLine, ...]


@dataclass(frozen=True, slots=True)
class PaperSale:
    """One legal unit's sale: the number that a return names, and its counters."""

    legal_unit: str
    sequence: int | None
    amount: int
    counters: tuple[PaperCounter, ...]


@dataclass(frozen=True, slots=True)
class PaperTender:
    """How a part was paid; `detail` is a masked account or a reference."""

    kind: str
    amount: int
    units: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class PaperMember:
    """What the member reads: points and e-coins of this receipt, what there is now, and what expires next."""

    name: str | None
    points: Points | None
    ecoins_earned: int
    ecoins: int
    ecoins_expire: tuple[int, date] | None
    stored: int


@dataclass(frozen=True, slots=True)
class Paper:
    """Everything that is printed."""

    record: SettlementRecord
    sales: tuple[PaperSale, ...]
    tenders: tuple[PaperTender, ...]
    coupons: int
    member: PaperMember | None


def paper_of(tx: Tx, record: SettlementRecord) -> Paper:
    """The receipt of a settlement; balances are those of now, not of then."""
    lines = record.content.lines
    counters = counters_by_code(tx, record.store.id, {line.counter for line in lines if line.counter is not None})
    names = product_names(tx, {line.product for line in lines if line.product is not None})
    return Paper(
        record,
        _sales(record, counters, names),
        _tenders(record),
        sum(coupon.amount for coupon in record.content.coupons),
        _member(tx, record),
    )


def _sales(
    record: SettlementRecord, counters: Mapping[str, CounterFacts], names: Mapping[str, str]
) -> tuple[PaperSale, ...]:
    by_unit: dict[str, dict[str, list[Line]]] = {}
    for line in record.content.lines:
        counter = counters.get(line.counter or "")
        unit = counter.legal_unit if counter is not None else record.store.legal_unit
        by_unit.setdefault(unit, {}).setdefault(line.counter or "", []).append(line)
    posted = {sale.legal_unit: sale.sequence for sale in record.answer.sales}
    return tuple(
        PaperSale(
            unit,
            posted.get(unit),
            sum(line.amount for lines in of_unit.values() for line in lines),
            tuple(
                PaperCounter(
                    code,
                    counters[code].name if code in counters else code,
                    tuple(_line(line, names) for line in lines),
                )
                for code, lines in of_unit.items()
            ),
        )
        for unit, of_unit in by_unit.items()
    )


def _line(line: Line, names: Mapping[str, str]) -> PaperLine:
    quantity = Decimal(line.quantity)
    regular = line.regular_amount if line.regular_amount is not None and line.regular_amount > line.amount else None
    return PaperLine(
        names.get(line.product or "", line.product or ""),
        "" if quantity == 1 else f"{quantity.normalize():f}",
        line.amount,
        regular,
    )


def _tenders(record: SettlementRecord) -> tuple[PaperTender, ...]:
    taken = {payment.n: payment for payment in record.payments}
    return tuple(
        PaperTender(
            tender.kind,
            tender.amount,
            tender.units if tender.kind == "points" else None,
            (taken[n].account or taken[n].reference or "") if n in taken else _last_digits(tender.reference),
        )
        for n, tender in enumerate(record.content.tenders, 1)
    )


def _last_digits(reference: str | None) -> str:
    return f"…{reference[-ACCOUNT_DIGITS:]}" if reference else ""


def _member(tx: Tx, record: SettlementRecord) -> PaperMember | None:
    if record.member_id is None:
        return None
    accounts = accounts_of(tx, record.member_id, LOTS_LOOKED_AT_MAX)
    ecoins = [each for each in accounts if each.kind == Kind.ECOIN and each.currency == record.currency]
    expiring = sorted(
        (lot.expires_on, lot.amount)
        for account in ecoins
        for lot in account.lots
        if lot.expires_on is not None and lot.amount > 0
    )
    return PaperMember(
        masked_names(tx, [record.member_id]).get(record.member_id),
        record.answer.points,
        record.answer.ecoins.earned if record.answer.ecoins is not None else 0,
        sum(each.available for each in ecoins),
        _soonest(expiring),
        sum(each.available for each in accounts if each.kind == Kind.CASH and each.currency == record.currency),
    )


def _soonest(expiring: Sequence[tuple[date, int]]) -> tuple[int, date] | None:
    if not expiring:
        return None
    first = expiring[0][0]
    return sum(amount for day, amount in expiring if day == first), first
