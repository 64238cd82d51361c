"""A receipt on its way through posting: its id, its digest, whether it is new, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec

from foundation.access import Principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import DomainError, FieldError, Forbidden, problem
from foundation.identifiers import dated_id
from foundation.settings import get_settings
from member_api.contract.coupons import Accepted
from member_api.contract.purchases import Buyer, Named
from organisation.contract import CounterFacts, StoreFacts, fix_currency, place_of
from pos_adapter.catalogue.lookups import PromotionFacts
from pos_adapter.permissions import POST
from pos_adapter.sales.receipts import Flag, MemberRef, Receipt, SaleAnswer, SaleType
from pos_adapter.sales.rules import (
    ACCOUNT_TENDERS,
    ReceiptNumberTaken,
    StoreUnknown,
    WrongCurrency,
    check_receipt,
)

TILL_SERIES = 0
SERVER_SERIES = 1
# The server's numbers begin where no till's do, so that a return can name a settlement's sale by its number alone.
SERVER_NUMBERS_FROM = 1_000_000_001

_encode = msgspec.json.Encoder().encode


class NotThisTill(Forbidden):
    """The till's token is bound to another store or terminal."""

    code = "not_this_till"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one receipt: 201 posted, 200 posted before, or the problem that refused it."""

    status: int
    answer: SaleAnswer | Mapping[str, Any] | None = None
    error: DomainError | None = None

    @property
    def body(self) -> Any:
        return problem(self.error) if self.error is not None else self.answer

    @staticmethod
    def refused(error: DomainError) -> "Outcome":
        return Outcome(error.treatment.status, error=error)


@dataclass(frozen=True, slots=True)
class PartOfSale:
    """What one legal unit sold of a settlement, in minor units. `purchase` is the ref that all parts share."""

    id: UUID
    sequence: int
    legal_unit: str
    amount: int
    purchase: UUID


@dataclass(slots=True)
class Incoming:
    """A receipt with what was looked up for it. `twin` is an earlier one of the same batch with the same number.

    `series` says who numbers it: the till, or the server for a settlement, which becomes a sale for each legal unit.
    `parked_claim` is the claim under which the member of a receipt that was parked still waits: it is posted without
    the identifier, which rests sealed.
    """

    receipt: Receipt
    sale_id: UUID
    content_hash: bytes
    store: StoreFacts | None = None
    counters: dict[str, CounterFacts] = field(default_factory=dict)
    promotions: dict[str, PromotionFacts] = field(default_factory=dict)
    buyer: Buyer | None = None
    coupons: list[Accepted] = field(default_factory=list)
    parked_claim: int | None = None
    series: int = TILL_SERIES
    sales: list[PartOfSale] = field(default_factory=list)
    claim: int | None = None
    flags: list[str] = field(default_factory=list)
    twin: "Incoming | None" = None
    outcome: Outcome | None = None

    def flag(self, flag: Flag) -> None:
        if flag.value not in self.flags:
            self.flags.append(flag.value)

    def start_over(self) -> None:
        """Forget what an attempt that was rolled back had found."""
        self.outcome = self.twin = self.buyer = self.claim = None
        self.flags = []
        self.coupons = []
        self.sales = []

    @property
    def at(self) -> StoreFacts:
        """The store, once admitted."""
        assert self.store is not None
        return self.store

    @property
    def is_plain(self) -> bool:
        """Whether posting it neither spends what the member owns nor gives anything back."""
        receipt = self.receipt
        return (
            receipt.type is SaleType.SALE
            and not receipt.coupons
            and all(t.kind not in ACCOUNT_TENDERS for t in receipt.tenders)
        )


def named_member(receipt: Receipt) -> Named | None:
    """The member that a receipt names, as the accounts ask for one."""
    member = receipt.member
    if member is None:
        return None
    if isinstance(member, MemberRef):
        return Named(receipt.occurred_at, kind=member.kind, value=member.value)
    return Named(receipt.occurred_at, id=int(member))


def content_hash(receipt: Receipt) -> bytes:
    """The digest by which a receipt sent again is known to be the same; keyed, for it covers a phone number too."""
    return blake2b(_encode(receipt), digest_size=32, key=get_settings().blind_index_key).digest()


def sale_id(store: str, terminal: str, day: date, sequence: int, series: int = TILL_SERIES) -> UUID:
    """The id that the receipt with this number has, wherever and whenever it is posted."""
    return dated_id(day, "sale", store, terminal, series, sequence)


def incoming(receipt: Receipt) -> Incoming:
    return Incoming(
        receipt,
        sale_id(receipt.store, receipt.terminal, receipt.business_date, receipt.sequence),
        content_hash(receipt),
    )


def authorise(principal: Principal, store: str, terminal: str) -> None:
    """A bound till posts for its own store and terminal; anybody else where the permission reaches.

    Raises NotThisTill, PlaceForbidden.
    """
    bound = principal.bindings
    if bound.get("store", store) != store or bound.get("terminal", terminal) != terminal:
        raise NotThisTill("This token belongs to another store or terminal")
    principal.require(POST, place_of(store))


def authorise_deed(principal: Principal, receipt: Receipt) -> None:
    """What reaches beyond the own till: a handheld sells for its own counter, a sale is voided where it was made.

    Goods may come back to any store. Raises NotThisTill, PlaceForbidden.
    """
    counter = principal.bindings.get("counter")
    if counter is not None and any(line.counter not in (None, counter) for line in receipt.lines):
        raise NotThisTill("This token belongs to another counter")
    if receipt.type is SaleType.VOID and receipt.original is not None:
        principal.require(POST, place_of(receipt.original.store))


def admit(
    tx: Tx,
    principal: Principal,
    item: Incoming,
    stores: Mapping[str, StoreFacts],
    posted_before: Mapping[UUID, Any],
    seen: Mapping[UUID, Incoming],
) -> None:
    """May this principal post it, is it new, and does it agree with itself? One posted before gets its outcome here.

    Raises NotThisTill, PlaceForbidden, StoreUnknown, ReceiptNumberTaken, WrongCurrency, ReceiptContradicts.
    """
    receipt = item.receipt
    authorise(principal, receipt.store, receipt.terminal)
    authorise_deed(principal, receipt)
    store = item.store = stores.get(receipt.store)
    if store is None:
        raise StoreUnknown(f"There is no store {receipt.store}", errors=[FieldError("/store", "unknown store")])
    if (before := posted_before.get(item.sale_id)) is not None:
        if before.content_hash != item.content_hash.hex():
            raise _taken(receipt)
        item.outcome = Outcome(200, before.answer)
        return
    if (twin := seen.get(item.sale_id)) is not None:
        if twin.content_hash != item.content_hash:
            raise _taken(receipt)
        item.twin = twin
        return
    if receipt.currency != store.currency:
        raise WrongCurrency(
            f"{receipt.store} sells in {store.currency}", errors=[FieldError("/currency", f"must be {store.currency}")]
        )
    check_receipt(receipt, local_date(tx.now, store.timezone))
    fix_currency(tx, store)


def _taken(receipt: Receipt) -> ReceiptNumberTaken:
    return ReceiptNumberTaken(
        f"Receipt {receipt.sequence} of {receipt.store}/{receipt.terminal} on {receipt.business_date} was posted with "
        "other content"
    )
