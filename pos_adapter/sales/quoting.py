"""What a sale would do, before it happens: shown at the counter, written nowhere."""

from datetime import date
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from foundation.access import Principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import FieldError, Invalid
from member_api.contract.coupons import Basket as CouponBasket
from member_api.contract.coupons import multiplied_by, quoted
from member_api.contract.members import masked_names, scanned_member
from member_api.contract.purchases import (
    Buyer,
    EarnLine,
    Kind,
    LineFacts,
    Lot,
    Named,
    Programme,
    Wallet,
    ask_buyers,
    earn,
    earn_base,
    read_wallet,
    rules_at,
    usable_at,
)
from organisation.contract import StoreFacts, counters_by_code, place_of, stores_by_code
from pos_adapter.catalogue.lookups import ask_products, brand_code, category_path
from pos_adapter.permissions import POST
from pos_adapter.sales.receipts import Basket, LineKind, MemberId, MemberRef
from pos_adapter.sales.rules import StoreUnknown, WrongCurrency, may_pay
from pos_adapter.sales.selling import coupon_line, tax_rate

SCAN_KINDS = ("card", "phone")


class Quote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A basket and who buys it: `member` as on a receipt, or `scan`, what the scanner read."""

    basket: Basket
    member: MemberRef | MemberId | None = None
    scan: Annotated[str, Meta(min_length=1, max_length=256)] | None = None


class QuotedMember(msgspec.Struct, frozen=True):
    id: str
    name: str | None
    tier: str | None
    may_spend: bool


class QuotedPoints(msgspec.Struct, frozen=True):
    """Points to come with this basket; usable ones, and the most money they can pay of it."""

    to_come: int
    usable: int
    money_value: int


class QuotedEcoins(msgspec.Struct, frozen=True):
    """One lot of e-coins; `why_not` is empty where it can pay for this basket."""

    amount: int
    expires_on: Any
    source: str
    usable: bool
    why_not: str


class QuotedCoupon(msgspec.Struct, frozen=True):
    """One coupon of the member's: what it takes off this basket; `why_not` is empty where it can."""

    code: str
    name: str
    amount: int
    ends_on: Any
    usable: bool
    why_not: str


class QuotedStored(msgspec.Struct, frozen=True):
    """Stored cash in the store's currency: `usable` minor units; `why_not` is empty where it can pay."""

    usable: int
    why_not: str


class QuoteAnswer(msgspec.Struct, frozen=True):
    """`ecoins_to_come` by offer; `ecoins_usable` is the most that e-coins can pay of this basket.

    What points, e-coins, coupons and stored cash would pay is not taken off each other.
    """

    member: QuotedMember | None
    points: QuotedPoints | None
    ecoins: list[QuotedEcoins]
    ecoins_to_come: dict[str, int]
    coupons: list[QuotedCoupon]
    ecoins_usable: int = 0
    stored_value: QuotedStored | None = None


class MemberNotFound(Invalid):
    """Nobody is known by that name."""

    code = "member_unknown"


def quote(tx: Tx, principal: Principal, asked: Quote) -> QuoteAnswer:
    """What this basket would earn and what could pay for it. Raises StoreUnknown, WrongCurrency, MemberNotFound."""
    basket = asked.basket
    store = _store(tx, principal, basket)
    buyer = _buyer(tx, asked, store)
    at = basket.occurred_at or tx.now
    version = rules_at(tx, at)
    facts, payable = _lines(tx, basket, store)
    base = version.programme.base
    lines = [
        EarnLine(f.line, f.amount, earn_base(f.amount, f.tax_rate, (), base), f.category, f.brand, f.counter, f.amount)
        for f in facts
    ]
    wallet = read_wallet(tx, buyer.id) if buyer is not None else None
    day = local_date(at, store.timezone)
    earned = earn(
        version.programme, lines, format=store.format, tier=buyer.tier if buyer else None, currency=store.currency,
        day=day, remainder_before=_remainder(wallet, version.programme, store),
        percent=multiplied_by(tx, buyer.id, day, store.code, store.format) if buyer else 100,
    )  # fmt: skip
    if wallet is None or buyer is None:
        return QuoteAnswer(None, None, [], {offer.name: amount for offer, amount in earned.ecoins}, [])
    usable = min(
        max(wallet.balance(Kind.POINTS)[1], 0),
        sum(lot.free for lot in wallet.spendable(Kind.POINTS, None) if usable_at(lot, store.code, store.format, facts)),
    )
    programme = version.programme
    worth = min(usable * programme.redeem_money // programme.redeem_points, payable["points"])
    ecoins = [
        _ecoins(lot, buyer, store, facts, payable["ecoin"]) for lot in wallet.spendable(Kind.ECOIN, store.currency)
    ]
    return QuoteAnswer(
        QuotedMember(str(buyer.id), masked_names(tx, [buyer.id]).get(buyer.id), buyer.tier, buyer.spends),
        QuotedPoints(earned.points if buyer.earns else 0, usable if buyer.spends else 0, worth if buyer.spends else 0),
        ecoins,
        {offer.name: amount for offer, amount in earned.ecoins} if buyer.earns else {},
        _coupons(tx, basket, buyer, store, day),
        min(sum(lot.amount for lot in ecoins if lot.usable), max(payable["ecoin"], 0)),
        _stored(wallet, buyer, store),
    )


def _stored(wallet: Wallet, buyer: Buyer, store: StoreFacts) -> QuotedStored:
    if not buyer.spends:
        return QuotedStored(0, "member_frozen")
    usable = sum(lot.free for lot in wallet.spendable(Kind.CASH, store.currency))
    return QuotedStored(usable, "" if usable else "nothing_stored")


def _coupons(tx: Tx, basket: Basket, buyer: Buyer, store: StoreFacts, day: date) -> list[QuotedCoupon]:
    codes = {line.product for line in basket.lines if line.product is not None}
    products = {row[0]: row for row in ask_products(tx, codes)} if codes else {}
    counters = counters_by_code(tx, store.id, {line.counter for line in basket.lines if line.counter is not None})
    lines = [
        coupon_line(tx, line, products.get(line.product or ""), counters.get(line.counter or ""))
        for line in basket.lines
    ]
    place = CouponBasket(buyer.id, buyer.spends, day, store.code, store.format, store.currency)
    return [
        QuotedCoupon(
            each.coupon.code,
            each.coupon.offer.terms.name,
            each.amount,
            each.coupon.offer.terms.ends_on,
            each.why_not is None,
            each.why_not.value if each.why_not is not None else "",
        )
        for each in quoted(tx, place, lines)
    ]


def _remainder(wallet: Wallet | None, programme: Programme, store: StoreFacts) -> int:
    """What the account that would earn has kept from earlier roundings, in millionths of a point."""
    format = store.format if programme.split_points_by_format else None
    account = wallet.accounts.get((Kind.POINTS, format, None)) if wallet is not None else None
    return account.remainder if account is not None else 0


def _store(tx: Tx, principal: Principal, basket: Basket) -> StoreFacts:
    code = basket.store or principal.bindings.get("store", "")
    if code:
        principal.require(POST, place_of(code))
    store = stores_by_code(tx, [code]).get(code)
    if store is None:
        raise StoreUnknown(f"There is no store {code}", errors=[FieldError("/basket/store", "unknown store")])
    if basket.currency not in (None, store.currency):
        raise WrongCurrency(f"{store.code} sells in {store.currency}")
    return store


def _buyer(tx: Tx, asked: Quote, store: StoreFacts) -> Buyer | None:
    at = asked.basket.occurred_at or tx.now
    if asked.scan is not None:
        shown = scanned_member(tx, asked.scan, store.code)
        named: list[Named | None] = [Named(at, kind=kind, value=asked.scan) for kind in SCAN_KINDS]
        if shown is not None:
            named = [Named(at, id=shown)]
    elif isinstance(asked.member, MemberRef):
        named = [Named(at, kind=asked.member.kind, value=asked.member.value)]
    elif asked.member is not None:
        named = [Named(at, id=int(asked.member))]
    else:
        return None
    with tx.pipeline():
        buyers = ask_buyers(tx, named, lock=False)
    found = next((buyer for buyer in buyers.buyers() if buyer is not None), None)
    if found is None:
        pointer = "/scan" if asked.scan is not None else "/member"
        raise MemberNotFound("Nobody is known by that name", errors=[FieldError(pointer, "unknown member")])
    return found


def _lines(tx: Tx, basket: Basket, store: StoreFacts) -> tuple[list[LineFacts], dict[str, int]]:
    codes = {line.product for line in basket.lines if line.product is not None}
    products = {row[0]: row for row in ask_products(tx, codes)} if codes else {}
    counters = counters_by_code(tx, store.id, {line.counter for line in basket.lines if line.counter is not None})
    facts, payable = [], {"points": 0, "ecoin": 0}
    for line in basket.lines:
        counter = counters.get(line.counter) if line.counter is not None else None
        for kind in payable:
            if may_pay(kind, line.kind, counter):
                payable[kind] += line.amount
        if line.kind is not LineKind.GOODS:
            continue
        product = products.get(line.product) if line.product is not None else None
        category = category_path(tx, product[2]) if product else ()
        brand = brand_code(tx, product[3]) if product else None
        facts.append(
            LineFacts(
                line.line, line.amount, tax_rate(line.tax_rate) if line.tax_rate is not None else 0,
                category or (counter.category if counter else ()), brand or (counter.brand if counter else None),
                line.counter,
            )
        )  # fmt: skip
    return facts, payable


def _ecoins(lot: Lot, buyer: Buyer, store: StoreFacts, facts: list[LineFacts], payable: int) -> QuotedEcoins:
    why = ""
    if not buyer.spends:
        why = "member_frozen"
    elif not usable_at(lot, store.code, store.format, facts):
        why = "conditions_not_met"
    elif payable <= 0:
        why = "no_eligible_lines"
    return QuotedEcoins(lot.free, lot.expires_on, lot.source, not why, why)
