"""What waited is done when what it waited for has come: the member of a sale, the original of a return.

Each sale is attached in a transaction of its own, so that no two members are ever locked out of order. What waits for
a member is found in every month (it may have waited for years), by an index that holds nothing but what waits.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, LiteralString
from uuid import UUID

import structlog

from foundation.database import Database, Tx
from foundation.database_errors import describe
from foundation.errors import DomainError
from foundation.events import announce
from foundation.identifiers import day_of
from member_api.contract.coupons import give_back
from member_api.contract.members import claimed
from member_api.contract.purchases import (
    InsufficientBalance,
    Kind,
    LineFacts,
    LineReturn,
    Named,
    Purchase,
    Spend,
    ask_buyers,
    lock_wallet,
    plan_reversal,
    post_purchase,
    record,
    record_reversal,
)
from organisation.contract import counters_by_code, stores_by_id
from pos_adapter.catalogue.lookups import brand_code, category_path
from pos_adapter.sales.giving_back import coupons_of
from pos_adapter.sales.originals import OriginalSale, column_of, read_original
from pos_adapter.sales.receipts import Flag
from pos_adapter.sales.rules import ACCOUNT_TENDERS, COUPON, returns_from
from pos_adapter.sales.tables import CHANGE_SALE_MEMBER, CHANGE_SALE_STATE, SaleMember, SaleState
from pos_adapter.tenders.operations import tender_roles
from pos_adapter.tenders.rules import TenderRole

log = structlog.get_logger(__name__)

PAGE = 500
PAGES_MAX = 20_000
EARLIEST = datetime.min.replace(tzinfo=UTC)
ACTOR = "repair"
MEMBER_FLAGS = frozenset({Flag.UNKNOWN_MEMBER, Flag.UNREADABLE_MEMBER, Flag.CLOSED_MEMBER, Flag.BALANCE_MISSING})


@dataclass(frozen=True, slots=True)
class Waiting:
    """A recorded receipt whose account part waits; its row is locked."""

    id: UUID
    day: date
    type: str
    store_id: int
    currency: str
    occurred_at: Any
    member_id: int | None
    claim_id: int | None
    original_id: UUID | None
    open_flags: list[str]
    state: str

    def mended(self, member: int | None, part: str, *flags: str) -> SaleMember:
        """The row's new state, without these open flags."""
        left = [flag for flag in self.open_flags if flag not in flags]
        return SaleMember(self.day, self.id, member, part, self.original_id, left)


WAITING = """
SELECT id, business_date, type, store_id, currency, occurred_at, member_id, claim_id, original_id, open_flags, state
FROM pos.sale WHERE business_date = %s AND id = %s AND member_part = 'waiting' FOR UPDATE
"""
WAITING_RETURNS = """
SELECT id, business_date, type, store_id, currency, occurred_at, member_id, claim_id, original_id, open_flags, state
FROM pos.sale WHERE original_id = %s AND business_date >= %s AND member_part = 'waiting'
ORDER BY received_at, sequence, id LIMIT 1000 FOR UPDATE
"""


# ---------------------------------------------------------------------------------------------- the ways in


CLAIMED = """
SELECT id, claim_id, occurred_at FROM pos.sale
WHERE claim_id = ANY(%s) AND member_part = 'waiting' AND (occurred_at, id) > (%s, %s)
ORDER BY occurred_at, id LIMIT %s
"""
WAITING_CLAIMS = """
SELECT DISTINCT claim_id FROM pos.sale WHERE member_part = 'waiting' AND claim_id > %s AND business_date >= %s
ORDER BY claim_id LIMIT %s
"""
WAITING_ORIGINALS = """
SELECT DISTINCT original_id FROM pos.sale WHERE member_part = 'waiting' AND original_id > %s AND business_date >= %s
ORDER BY original_id LIMIT %s
"""
ARRIVED = """
SELECT s.id FROM unnest(%s::date[], %s::uuid[]) AS x (day, id)
JOIN pos.sale AS s ON s.business_date = x.day AND s.id = x.id WHERE s.member_part <> 'waiting'
"""


def attach_claims(home: Database, claim_ids: Collection[int]) -> int:
    """Give sales that wait under these claims to their members, the oldest first; returns how many were attached."""
    with home.transaction(read_only=True) as tx:
        members = claimed(tx, claim_ids)
    done = 0
    after = (EARLIEST, UUID(int=0))
    for _ in range(PAGES_MAX if members else 0):
        with home.transaction(read_only=True) as tx:
            waiting = tx.ask(CLAIMED, (list(members), *after, PAGE)).fetchall()
        for sale_id, claim_id, _ in waiting:
            done += _alone(home, partial(attach_sale, sale_id=sale_id, member=members[claim_id]))
        if len(waiting) < PAGE:
            break
        after = (waiting[-1][2], waiting[-1][0])
    return done


def settle_originals(home: Database, sale_ids: Collection[UUID]) -> int:
    """Do the account part of returns and voids that came before these sales; returns for how many sales."""
    return sum(_alone(home, partial(settle_original, sale_id=sale_id)) for sale_id in sale_ids)


def sweep(home: Database, since: date = date.min) -> int:
    """Look at what waits, in case a reminder was lost or the balance has come; returns how many were done.

    Receipts of business dates from `since` on, a page of members or originals at a time: what waits for somebody who
    never comes does not stand in the way of the others.
    """
    done = claim = 0
    for _ in range(PAGES_MAX):
        claim_ids = _page(home, WAITING_CLAIMS, claim, since)
        if not claim_ids:
            break
        done += attach_claims(home, claim_ids)
        claim = claim_ids[-1]
    original = UUID(int=0)
    for _ in range(PAGES_MAX):
        originals = _page(home, WAITING_ORIGINALS, original, since)
        if not originals:
            break
        done += settle_originals(home, _arrived(home, originals))
        original = originals[-1]
    return done


def _page(home: Database, sql: LiteralString, after: Any, since: date) -> list[Any]:
    with home.transaction(read_only=True) as tx:
        return [row[0] for row in tx.ask(sql, (after, since, PAGE))]


def _arrived(home: Database, sale_ids: Sequence[UUID]) -> list[UUID]:
    """Those of these sales that are here and do not wait for their own member."""
    dated = [(day, id) for id in sale_ids if (day := day_of(id)) is not None]
    with home.transaction(read_only=True) as tx:
        return [row[0] for row in tx.ask(ARRIVED, ([day for day, _ in dated], [id for _, id in dated]))]


def _alone(home: Database, work: Callable[[Tx], bool]) -> int:
    """Run in a transaction of its own. What fails stays waiting, is told, and keeps nobody behind it from its turn."""
    try:
        with home.transaction() as tx:
            return int(work(tx))
    except DomainError as error:
        log.warning("waiting_sale_not_attached", code=error.code, cause=error.detail)
    except Exception as error:
        log.exception("waiting_sale_failed", cause=describe(error))
    return 0


# ---------------------------------------------------------------------------------------------- a sale and its member


def attach_sale(tx: Tx, sale_id: UUID, member: int) -> bool:
    """Let a waiting sale, and what was returned of it meanwhile, move the member's accounts; whether it did.

    Where the balance is missing for what it was paid with, it goes on waiting, flagged.
    """
    day = day_of(sale_id)
    row = tx.ask(WAITING, (day, sale_id)).fetchone() if day is not None else None
    if row is None:
        return False
    sale = Waiting(*row)
    if sale.state == "voided":
        return _wait_no_longer(tx, sale)
    with tx.pipeline():
        asked = ask_buyers(tx, [Named(sale.occurred_at, id=member)])
    buyer = asked.buyers()[0]
    if buyer is None or not buyer.earns:
        return False
    wallet = lock_wallet(tx, buyer.id)
    purchase = recorded_purchase(tx, sale)
    if purchase.spends and not buyer.spends:
        return _wait_for_balance(tx, sale)
    try:
        post_purchase(tx, wallet, purchase, buyer.tier)
    except InsufficientBalance:
        return _wait_for_balance(tx, sale)
    record(tx, [wallet], ACTOR)
    tx.rows.add(CHANGE_SALE_MEMBER, sale.mended(buyer.id, "done", *MEMBER_FLAGS))
    announce(tx, "sale.attached", {"sale": str(sale.id), "member": str(buyer.id)})
    tx.flush()
    settle_original(tx, sale.id)
    return True


VOIDED_WHILE_WAITING = """
UPDATE pos.sale SET member_part = 'none', open_flags = ARRAY(SELECT f FROM unnest(open_flags) AS f WHERE f <> ALL(%s))
WHERE member_part = 'waiting' AND ((business_date, id) = (%s, %s)
    OR (original_id = %s AND business_date >= %s AND type = 'void'))
"""


def _wait_no_longer(tx: Tx, sale: Waiting) -> bool:
    """A sale that was voided before its member came: neither it nor the void has anything to move."""
    tx.ask(VOIDED_WHILE_WAITING, (sorted(MEMBER_FLAGS), sale.day, sale.id, sale.id, returns_from(sale.day)))
    return True


def _wait_for_balance(tx: Tx, sale: Waiting) -> bool:
    tx.rows.discard()
    if Flag.BALANCE_MISSING not in sale.open_flags:
        sale.open_flags.append(Flag.BALANCE_MISSING.value)
    tx.rows.add(CHANGE_SALE_MEMBER, sale.mended(None, "waiting"))
    return False


LINES = """
SELECT line, amount, coalesce(tax_rate, 0), category_id, counter_code, allocated, brand_id
FROM pos.sale_line WHERE business_date = %s AND sale_id = %s AND kind = 'goods' ORDER BY line
"""
TENDERS_OF = (
    "SELECT n, kind, units, amount, reference FROM pos.tender WHERE business_date = %s AND sale_id = %s ORDER BY n"
)


def recorded_purchase(tx: Tx, sale: Waiting) -> Purchase:
    """A recorded sale as the accounts are told of it."""
    with tx.pipeline():
        lines = tx.ask(LINES, (sale.day, sale.id))
        tenders = tx.ask(TENDERS_OF, (sale.day, sale.id))
    paid = tenders.fetchall()
    rows = lines.fetchall()
    store = stores_by_id(tx, [sale.store_id])[sale.store_id]
    counters = counters_by_code(tx, store.id, {row[4] for row in rows if row[4] is not None})
    roles = tender_roles(tx)
    benefits = [(n - 1, kind) for n, kind, *_ in paid if roles.get(kind, TenderRole.MONEY) is not TenderRole.MONEY]
    facts = [
        LineFacts(
            line,
            amount,
            tax_rate,
            category_path(tx, category)
            if category is not None
            else (counters[counter].category if counter in counters else ()),
            brand_code(tx, brand) if brand is not None else (counters[counter].brand if counter in counters else None),
            counter,
            tuple((kind, allocated[k]) for k, kind in benefits if allocated[k]),
        )
        for line, amount, tax_rate, category, counter, allocated, brand in rows
    ]
    spends = [
        Spend(n, Kind(ACCOUNT_TENDERS[kind]), units) for n, kind, units, *_ in paid if kind in ACCOUNT_TENDERS and units
    ]
    return Purchase(sale.id, sale.day, store.code, store.format, sale.currency, sale.occurred_at, facts, spends)


# ------------------------------------------------------------------------------------- an original and its returns


def settle_original(tx: Tx, sale_id: UUID) -> bool:
    """Do the account part of returns and voids of this sale that wait, first come first; whether any was done.

    They were accepted before it was known what they give back. One that contradicts the sale after all (more than was
    sold, another line or currency, a second void) moves no account: it goes on waiting, flagged, for somebody to look.
    """
    day = day_of(sale_id)
    original = read_original(tx, day, sale_id) if day is not None else None
    if original is None or original.member_part == "waiting":
        return False
    waiting = [Waiting(*row) for row in tx.ask(WAITING_RETURNS, (sale_id, returns_from(original.day))).fetchall()]
    lines = {back.id: tx.ask(BACK_LINES, (back.day, back.id)).fetchall() for back in waiting}
    books = ReturnBooks(original, [row[:2] for rows in lines.values() for row in rows])
    done = 0
    for back in waiting:
        if not books.admit(back, [row[:2] for row in lines[back.id]]):
            _wait_for_somebody(tx, back)
            continue
        if original.member_part == "done":
            _reverse_later(tx, original, back)
        part = "done" if original.member_part == "done" else "none"
        mended = (Flag.UNKNOWN_ORIGINAL, Flag.CONTRADICTS_ORIGINAL, *MEMBER_FLAGS)
        tx.rows.add(CHANGE_SALE_MEMBER, back.mended(original.member_id, part, *mended))
        if back.type == "void":
            tx.rows.add(CHANGE_SALE_STATE, SaleState(original.day, original.id, "voided"))
        announce(tx, "sale.settled", {"sale": str(back.id), "original": str(sale_id)})
        tx.flush()
        done += 1
    return done > 0


class ReturnBooks:
    """What has been given back of a sale, line by line, while the returns and voids that waited are looked at.

    `unsettled` are (line, amount) of those that wait: they do not count until they are admitted.
    """

    def __init__(self, original: OriginalSale, unsettled: Sequence[Sequence[Any]]) -> None:
        self._original = original
        self._is_open = original.type == "sale" and original.state == "posted"
        self._back = {number: line.returned for number, line in original.lines.items()}
        for number, amount in unsettled:
            if number in self._back:
                self._back[number] -= amount

    def admit(self, back: Waiting, lines: Sequence[Sequence[Any]]) -> bool:
        """Whether it can still be given back, and if so, count it."""
        if not self._is_open or back.currency != self._original.currency:
            return False
        if back.type == "void":
            untouched = not any(self._back.values())
            self._is_open = not untouched
            return untouched
        after = dict(self._back)
        for number, amount in lines:
            if number not in after:
                return False
            after[number] += amount
        if any(amount > max(self._original.lines[number].amount, 0) for number, amount in after.items()):
            return False
        self._back = after
        return True


def _wait_for_somebody(tx: Tx, back: Waiting) -> None:
    if Flag.CONTRADICTS_ORIGINAL not in back.open_flags:
        back.open_flags.append(Flag.CONTRADICTS_ORIGINAL.value)
        tx.rows.add(CHANGE_SALE_MEMBER, back.mended(back.member_id, "waiting"))


BACK_LINES = """
SELECT original_line, amount, allocated_units FROM pos.sale_line WHERE business_date = %s AND sale_id = %s
"""


def _reverse_later(tx: Tx, original: OriginalSale, back: Waiting) -> None:
    """The reversal that could not be made when the goods came back. The refund is paid: nothing can come off it now."""
    store = stores_by_id(tx, [back.store_id])[back.store_id].code
    if back.type == "void":
        coupons = coupons_of(original)
        returned = [LineReturn(line.line, line.amount) for line in original.lines.values()]
        restored = {
            k + 1: sum(line.units[k] for line in original.lines.values())
            for k, kind in enumerate(original.kinds)
            if kind in ACCOUNT_TENDERS
        }
    else:
        with tx.pipeline():
            lines = tx.ask(BACK_LINES, (back.day, back.id))
            tenders = tx.ask(TENDERS_OF, (back.day, back.id))
        rows, paid = lines.fetchall(), tenders.fetchall()
        coupons = {code: amount for _, kind, _, amount, code in paid if kind == COUPON and code is not None}
        returned = [LineReturn(number, amount) for number, amount, _ in rows if number is not None]
        restored = _restored(original.kinds, paid)
    plan = plan_reversal(tx, back.id, back.day, original.purchase, original.day, returned, restored, store)
    record_reversal(tx, plan, ACTOR)
    give_back(tx, original.purchase, coupons)


def _restored(kinds: Sequence[str], tenders: Sequence[Sequence[Any]]) -> dict[int, int]:
    restored: dict[int, int] = {}
    for n, kind, units, *_ in tenders:
        if kind in ACCOUNT_TENDERS and units:
            of = column_of(kinds, n - 1, kind, None)
            restored[of + 1] = restored.get(of + 1, 0) + units
    return restored
