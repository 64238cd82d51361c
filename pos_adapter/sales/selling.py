"""A sale: who paid for which line, what the accounts are told, what is stored, what is answered."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from msgspec import structs

from foundation.access import Principal
from foundation.database import Tx
from foundation.errors import Invalid
from foundation.events import announce
from member_api.contract.coupons import Basket, BasketLine, accept, use
from member_api.contract.purchases import (
    Buyer,
    Kind,
    LineFacts,
    PointsBlock,
    Purchase,
    Spend,
    Wallet,
    post_purchase,
    rules_at,
)
from organisation.contract import CounterFacts, counters_by_code
from pos_adapter.catalogue.lookups import (
    brand_code,
    brand_codes,
    category_path,
    category_paths,
    promotions_by_code,
)
from pos_adapter.sales.incoming import TILL_SERIES, Incoming, Outcome, PartOfSale, sale_id
from pos_adapter.sales.receipts import (
    ECoins,
    Flag,
    Line,
    NextExpiry,
    Points,
    ReceiptMember,
    SaleAnswer,
    SaleId,
    Tender,
)
from pos_adapter.sales.rules import (
    ACCOUNT_TENDERS,
    LIMITED,
    allocate_tenders,
    allocate_units,
    looks_like_card_number,
    masked_card_number,
    may_pay,
    tender_units,
)
from pos_adapter.sales.tables import WRITE_LINE, WRITE_SALE, WRITE_TENDER, LineRow, SaleRow, TenderRow
from pos_adapter.tenders.operations import tender_roles
from pos_adapter.tenders.rules import TenderRole

Catalogue = Mapping[str, Sequence[Any]]


class MemberCannotSpend(Invalid):
    """The member is frozen or closed: points, e-coins and stored value cannot pay."""

    code = "member_cannot_spend"


def post_sale(
    tx: Tx, principal: Principal, item: Incoming, wallets: Mapping[int, Wallet], catalogue: Catalogue
) -> None:
    """Decide and record one sale; its wallet is recorded by the caller, once for all sales of the member.

    Raises InsufficientBalance, MemberCannotSpend: then nothing of the transaction may be committed.
    """
    look_up(tx, item)
    if item.receipt.coupons:
        accept_coupons(tx, item, catalogue)
    tenders, matrix = plain_allocation(tx, item)
    lines = line_rows(item, tenders, matrix, catalogue)
    buyer = item.buyer if item.buyer is not None and item.buyer.earns else None
    block = None
    if buyer is not None:
        spends = _spends(tenders)
        if spends and not buyer.spends:
            raise MemberCannotSpend("This member's account is frozen")
        purchase = _purchase(tx, item, lines, tenders, spends)
        block = post_purchase(tx, wallets[buyer.id], purchase, buyer.tier)
    use(tx, item.coupons, item.sale_id, item.receipt.business_date)
    waiting = buyer is None and (item.receipt.member is not None or item.claim is not None or not item.is_plain)
    answer = answer_of(item, buyer, block)
    part = "done" if buyer else "waiting" if waiting else "none"
    record = record_sale if item.series == TILL_SERIES else record_settled
    record(tx, principal, item, answer, lines, tenders, buyer.id if buyer else None, part)
    item.outcome = Outcome(201, answer)


def look_up(tx: Tx, item: Incoming) -> None:
    """Counters and promotions that the lines name; unknown ones are flagged."""
    counters = {line.counter for line in item.receipt.lines if line.counter is not None}
    if counters:
        item.counters = counters_by_code(tx, item.at.id, counters)
        if len(item.counters) < len(counters):
            item.flag(Flag.UNKNOWN_COUNTER)
    promotions = {line.promotion for line in item.receipt.lines if line.promotion is not None}
    if promotions:
        item.promotions = promotions_by_code(tx, promotions)
        if len(item.promotions) < len(promotions):
            item.flag(Flag.UNKNOWN_PROMOTION)


def accept_coupons(tx: Tx, item: Incoming, catalogue: Catalogue) -> None:
    """Check the receipt's coupons and lock them. Raises CouponUnknown, CouponUsed, CouponNotUsable, CouponTooMuch."""
    buyer, receipt, store = item.buyer, item.receipt, item.at
    basket = Basket(
        buyer.id if buyer is not None else None, buyer is not None and buyer.spends, receipt.business_date, store.code,
        store.format, receipt.currency,
    )  # fmt: skip
    products = [catalogue.get(line.product) if line.product is not None else None for line in receipt.lines]
    lines = [
        coupon_line(tx, line, product, item.counters.get(line.counter or ""))
        for line, product in zip(receipt.lines, products, strict=True)
    ]
    item.coupons = accept(tx, [(coupon.code, coupon.amount) for coupon in receipt.coupons], basket, lines)


def coupon_line(tx: Tx, line: Line, product: Sequence[Any] | None, counter: CounterFacts | None) -> BasketLine:
    """A line as a coupon's offer looks at it: category and brand of the product, or else of the counter."""
    category = category_path(tx, product[2]) if product is not None and product[2] is not None else ()
    brand = brand_code(tx, product[3]) if product is not None and product[3] is not None else None
    if counter is not None:
        category, brand = category or counter.category, brand or counter.brand
    return BasketLine(line.amount, category, brand, may_pay("coupon", line.kind, counter))


def plain_allocation(tx: Tx, item: Incoming) -> tuple[list[TenderRow], list[list[int]]]:
    """The tenders as they are stored, and per line what each of them paid."""
    tenders = _tender_rows(tx, item)
    return tenders, _allocate(item, tenders)


def _tender_rows(tx: Tx, item: Incoming) -> list[TenderRow]:
    """The tenders as they are stored, coupons last."""
    receipt = item.receipt
    day = receipt.business_date
    roles = tender_roles(tx)
    rows = []
    for n, tender in enumerate(receipt.tenders, 1):
        if tender.kind not in roles:
            item.flag(Flag.UNKNOWN_TENDER)
        units = tender.units
        if tender.kind in ACCOUNT_TENDERS:
            programme = rules_at(tx, receipt.occurred_at).programme
            units, differs = tender_units(tender, (programme.redeem_points, programme.redeem_money))
            if differs:
                item.flag(Flag.POINTS_RATE_DIFFERS)
        reference = _reference(item, tender) if tender.reference is not None else None
        rows.append(TenderRow(day, item.sale_id, n, tender.kind, tender.amount, units, tender.face, reference))
    for n, coupon in enumerate(receipt.coupons, len(rows) + 1):
        rows.append(TenderRow(day, item.sale_id, n, "coupon", coupon.amount, None, None, coupon.code))
    return rows


def _reference(item: Incoming, tender: Tender) -> str:
    reference = tender.reference or ""
    if looks_like_card_number(reference):
        item.flag(Flag.CARD_NUMBER_MASKED)
        return masked_card_number(reference)
    return reference


def _allocate(item: Incoming, tenders: Sequence[TenderRow]) -> list[list[int]]:
    """Per line what each tender paid of it."""
    lines = item.receipt.lines
    # Coupons stand last among the tenders, in the order of the receipt.
    first_coupon = len(tenders) - len(item.coupons)
    limits = [
        item.coupons[n - first_coupon].lines
        if n >= first_coupon
        else [may_pay(tender.kind, line.kind, item.counters.get(line.counter or "")) for line in lines]
        if tender.kind in LIMITED
        else None
        for n, tender in enumerate(tenders)
    ]
    matrix, stretched = allocate_tenders([line.amount for line in lines], [t.amount for t in tenders], limits)
    if stretched:
        item.flag(Flag.NOT_ELIGIBLE)
    return matrix


@lru_cache(maxsize=4096)
def tax_rate(text: str) -> int:
    """A fraction as text in hundredths of a percent: "0.13" is 1300."""
    whole, _, fraction = text.partition(".")
    return int(whole) * 10_000 + int(fraction.ljust(4, "0") or 0)


def line_rows(
    item: Incoming,
    tenders: Sequence[TenderRow],
    matrix: Sequence[list[int]],
    catalogue: Catalogue,
    units: Sequence[list[int]] | None = None,
) -> list[LineRow]:
    """The lines as they are stored, with the cost of the moment and what each tender paid.

    A cost in another currency than the receipt's is not known here.
    """
    receipt = item.receipt
    if units is None:
        units = _units_by_line(tenders, matrix)
    rows = []
    for n, line in enumerate(receipt.lines):
        product = catalogue.get(line.product) if line.product is not None else None
        if product is None and line.product is not None:
            item.flag(Flag.UNKNOWN_PRODUCT)
        counter = item.counters.get(line.counter) if line.counter is not None else None
        promotion = item.promotions.get(line.promotion) if line.promotion is not None else None
        rows.append(
            LineRow(
                receipt.business_date,
                item.sale_id,
                line.line,
                line.kind.value,
                product[1] if product else None,
                line.product,
                counter.id if counter else None,
                line.counter,
                product[2] if product else None,
                product[3] if product else None,
                line.quantity,
                line.unit_price,
                line.amount,
                line.regular_amount,
                tax_rate(line.tax_rate) if line.tax_rate is not None else None,
                product[4] if product and product[5] in (None, receipt.currency) else None,
                promotion.id if promotion else None,
                line.promotion,
                line.salesperson,
                line.original_line,
                line.discounts or None,
                matrix[n],
                units[n] if units else None,
            )
        )
    return rows


def _units_by_line(tenders: Sequence[TenderRow], matrix: Sequence[list[int]]) -> list[list[int]] | None:
    if not any(tender.units for tender in tenders):
        return None
    columns = [
        allocate_units(tender.units, [row[k] for row in matrix]) if tender.units else [0] * len(matrix)
        for k, tender in enumerate(tenders)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def _spends(tenders: Sequence[TenderRow]) -> list[Spend]:
    return [
        Spend(tender.n, Kind(ACCOUNT_TENDERS[tender.kind]), tender.units)
        for tender in tenders
        if tender.units and tender.kind in ACCOUNT_TENDERS
    ]


def _purchase(
    tx: Tx, item: Incoming, lines: Sequence[LineRow], tenders: Sequence[TenderRow], spends: Sequence[Spend]
) -> Purchase:
    roles = tender_roles(tx)
    benefits = [
        (k, tender.kind)
        for k, tender in enumerate(tenders)
        if roles.get(tender.kind, TenderRole.MONEY) is not TenderRole.MONEY
    ]
    paths = category_paths.get(tx, {row.category_id for row in lines if row.category_id is not None})
    brands = brand_codes.get(tx, {row.brand_id for row in lines if row.brand_id is not None})
    facts = [
        LineFacts(
            row.line,
            row.amount,
            row.tax_rate or 0,
            _category(item, row, paths),
            _brand(item, row, brands),
            row.counter_code,
            tuple([(kind, row.allocated[k]) for k, kind in benefits if row.allocated[k]]) if benefits else (),
        )
        for row in lines
        if row.kind == "goods"
    ]
    receipt, store = item.receipt, item.at
    return Purchase(
        item.sale_id, receipt.business_date, store.code, store.format, receipt.currency, receipt.occurred_at, facts,
        spends,
    )  # fmt: skip


def _category(item: Incoming, row: LineRow, paths: Mapping[int, tuple[str, ...]]) -> tuple[str, ...]:
    """The product's category, or else the counter's: concession lines often carry a typed price only."""
    if row.category_id is not None:
        return paths.get(row.category_id, ())
    counter = item.counters.get(row.counter_code) if row.counter_code is not None else None
    return counter.category if counter is not None else ()


def _brand(item: Incoming, row: LineRow, brands: Mapping[int, str]) -> str | None:
    """The product's brand, or else the counter's."""
    if row.brand_id is not None:
        return brands.get(row.brand_id)
    counter = item.counters.get(row.counter_code) if row.counter_code is not None else None
    return counter.brand if counter is not None else None


def answer_of(item: Incoming, buyer: Buyer | None, block: PointsBlock | None, withheld: int = 0) -> SaleAnswer:
    """What the till is told: ids and figures, never a name."""
    points = ecoins = None
    if block is not None:
        soonest = block.next_expiry
        points = Points(
            block.earned, block.redeemed, block.balance, block.available,
            NextExpiry(soonest[1], soonest[0]) if soonest else None,
        )  # fmt: skip
        if block.ecoins_earned or withheld:
            ecoins = ECoins(block.ecoins_earned, withheld)
    member = ReceiptMember(str(buyer.id), buyer.tier) if buyer is not None else None
    return SaleAnswer(SaleId(str(item.sale_id)), member, points, ecoins, item.flags)


def record_sale(
    tx: Tx, principal: Principal, item: Incoming, answer: SaleAnswer, lines: list[LineRow], tenders: list[TenderRow],
    member: int | None, member_part: str, *, original: UUID | None = None, amount: int | None = None,
    part: PartOfSale | None = None,
) -> None:  # fmt: skip
    """Leave the receipt, its lines and tenders in the transaction's rows, and announce it.

    `part`: these are the lines and tenders of one legal unit's sale out of a settlement.
    """
    receipt = item.receipt
    sale_id, sequence = (part.id, part.sequence) if part is not None else (item.sale_id, receipt.sequence)
    tx.rows.add(
        WRITE_SALE,
        SaleRow(
            receipt.business_date,
            sale_id,
            item.at.id,
            receipt.terminal,
            item.series,
            sequence,
            receipt.type.value,
            "posted",
            receipt.occurred_at,
            tx.now,
            receipt.business_date,
            receipt.currency,
            member,
            item.claim,
            member_part,
            sum([line.amount for line in lines]) if amount is None else amount,
            original,
            item.flags,
            item.flags,
            "\\x" + item.content_hash.hex(),
            answer,
            principal.id,
            part.purchase if part is not None and part.purchase != sale_id else None,
        ),
    )
    tx.rows.extend(WRITE_LINE, lines)
    tx.rows.extend(WRITE_TENDER, tenders)
    announce(
        tx,
        "sale.recorded",
        {
            "sale": str(sale_id),
            "store": item.at.id,
            "terminal": receipt.terminal,
            "series": item.series,
            "business_date": receipt.business_date.isoformat(),
            "sequence": sequence,
            "type": receipt.type.value,
            "member": str(member) if member is not None else None,
        },
    )


def record_settled(
    tx: Tx, principal: Principal, item: Incoming, answer: SaleAnswer, lines: list[LineRow], tenders: list[TenderRow],
    member: int | None, member_part: str,
) -> None:  # fmt: skip
    """Record a settlement as one sale for each legal unit; `item.sales` says which.

    The parts keep the settlement's line numbers and its tenders, each with the part's share (0 where none), so that
    what is given back of any of them is worked out on the one purchase that the accounts know. Where the member is
    waited for, each part waits for itself.
    """
    units: dict[str, list[LineRow]] = {}
    for row in lines:
        counter = item.counters.get(row.counter_code) if row.counter_code is not None else None
        units.setdefault(counter.legal_unit if counter is not None else item.at.legal_unit, []).append(row)
    receipt = item.receipt
    faces = [_faces_by_line(tender, n, lines) for n, tender in enumerate(tenders)]
    for k, (unit, rows) in enumerate(sorted(units.items(), key=lambda each: each[1][0].line)):
        sequence = receipt.sequence + k
        id = sale_id(receipt.store, receipt.terminal, receipt.business_date, sequence, item.series)
        part = PartOfSale(
            id, sequence, unit, sum(row.amount for row in rows), item.sale_id if member_part == "done" else id
        )
        shares = [_share(tender, n, id, rows, faces[n]) for n, tender in enumerate(tenders)]
        told = SaleAnswer(SaleId(str(id)), answer.member, answer.points, answer.ecoins, item.flags)
        own = [structs.replace(row, sale_id=id) for row in rows]
        record_sale(tx, principal, item, told, own, shares, member, member_part, part=part)
        item.sales.append(part)


def _faces_by_line(tender: TenderRow, n: int, lines: Sequence[LineRow]) -> Mapping[int, int]:
    """What a voucher says on its face, over the lines it paid for: never less than it paid of them."""
    if tender.face is None:
        return {}
    shares = allocate_units(tender.face, [row.allocated[n] for row in lines])
    return {row.line: share for row, share in zip(lines, shares, strict=True)}


def _share(tender: TenderRow, n: int, sale: UUID, rows: Sequence[LineRow], faces: Mapping[int, int]) -> TenderRow:
    """A settlement's tender as one of its sales has it."""
    units = sum(row.allocated_units[n] for row in rows if row.allocated_units is not None)
    return structs.replace(
        tender,
        sale_id=sale,
        amount=sum(row.allocated[n] for row in rows),
        units=units if tender.units else None,
        face=sum(faces[row.line] for row in rows) or None if faces else None,
    )
