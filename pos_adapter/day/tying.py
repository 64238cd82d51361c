"""What has to agree on a day, compared set-based: receipts, settlements, accounts, payments, refunds, top-ups.

Every question is one statement over all receipts of the day, and answers only with what does not agree, by name.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, LiteralString
from uuid import UUID

from foundation.database import Tx
from foundation.identifiers import day_of
from member_api.contract.days import (
    OF_RECEIPTS,
    JournalSum,
    journal_sums,
    journals_without_topup,
    moved_by_tenders,
    purchases_off,
    topups_named,
)
from organisation.contract import StoreFacts
from pos_adapter.day.posting import Item, Posted, What
from pos_adapter.day.rules import (
    About,
    Difference,
    DifferenceKind,
    ReceiptSums,
    moments_of,
    payment_fault,
    receipt_fault,
)
from pos_adapter.payments.rules import PaymentState, RefundState
from pos_adapter.sales.facts import ORIGINAL
from pos_adapter.sales.rules import ACCOUNT_TENDERS
from pos_adapter.settlements.rules import SettlementState

DIFFERENCES_MAX = 1_000


def compare_day(tx: Tx, store: StoreFacts, posted: Posted) -> list[Difference]:
    """Everything of a day that does not agree, receipts first; at most 1,000."""
    receipts = posted.of(What.RECEIPT)
    wrong = list(_receipts(tx, receipts))
    named = {each.receipt for each in wrong}
    wrong += [each for each in _settlements(tx, store, posted) if each.receipt not in named]
    wrong += _changed_since(tx, receipts, named)
    wrong += _accounts(tx, store, receipts, posted.of(What.JOURNAL))
    wrong += _payments(tx, store, posted)
    wrong += _refunds(tx, store, posted)
    wrong += _topups(tx, posted)
    return wrong[:DIFFERENCES_MAX]


def _columns(items: Iterable[Item]) -> dict[str, list[Any]]:
    """Receipts as two columns; a receipt's id carries its business date, by which its month is found."""
    listed = list(items)
    return {"days": [item.business_date for item in listed], "ids": [item.id for item in listed]}


# ------------------------------------------------------------------------------------------------ receipts


# What each tender paid, summed over the lines, beside the tender itself: `off` is how many of them differ.
RECEIPTS: LiteralString = """
SELECT s.id, s.amount, l.amount AS lines, t.amount AS tenders, l.off + t.off AS off
FROM unnest(%(days)s::date[], %(ids)s::uuid[]) AS x (day, id)
CROSS JOIN LATERAL (SELECT * FROM pos.sale AS s WHERE s.business_date = x.day AND s.id = x.id LIMIT 1) AS s
CROSS JOIN LATERAL (
    SELECT coalesce(sum(l.amount), 0)::bigint AS amount, count(*) FILTER (
        WHERE l.amount <> (SELECT coalesce(sum(a), 0) FROM unnest(l.allocated) AS a)) AS off
    FROM pos.sale_line AS l WHERE l.business_date = x.day AND l.sale_id = x.id) AS l
CROSS JOIN LATERAL (
    SELECT coalesce(sum(t.amount), 0)::bigint AS amount, count(*) FILTER (
        WHERE t.amount <> (SELECT coalesce(sum(l.allocated[t.n]), 0) FROM pos.sale_line AS l
                           WHERE l.business_date = x.day AND l.sale_id = x.id)) AS off
    FROM pos.tender AS t WHERE t.business_date = x.day AND t.sale_id = x.id) AS t
WHERE s.type <> 'void' AND (s.amount <> l.amount OR s.amount <> t.amount OR l.off > 0 OR t.off > 0)
ORDER BY s.id
"""


def _receipts(tx: Tx, receipts: Sequence[Item]) -> Iterator[Difference]:
    for id, amount, lines, tenders, off in tx.ask(RECEIPTS, _columns(receipts)):
        fault = receipt_fault(ReceiptSums(amount, lines, tenders, off == 0))
        if fault is not None:
            yield Difference(fault.kind, str(id), fault.expected, fault.found, fault.words, About.RECEIPT)


NOW: LiteralString = """
SELECT x.id, CASE s.type WHEN 'sale' THEN s.amount WHEN 'return' THEN -s.amount ELSE NULL END AS amount, s.type
FROM unnest(%(days)s::date[], %(ids)s::uuid[]) AS x (day, id)
LEFT JOIN LATERAL (SELECT * FROM pos.sale AS s WHERE s.business_date = x.day AND s.id = x.id LIMIT 1) AS s ON true
"""


def _changed_since(tx: Tx, receipts: Sequence[Item], named: Collection[str]) -> Iterator[Difference]:
    """Receipts that are gone, or are not what they were when they were posted."""
    was = {item.id: item.amount for item in receipts if item.effect == 1 and str(item.id) not in named}
    for id, amount, kind in tx.ask(NOW, _columns(receipts)):
        if id in was and (kind is None or (kind != "void" and amount != was[id])):
            words = "is gone" if kind is None else "is not what it was when it was posted"
            yield Difference(DifferenceKind.CLOSED, str(id), was[id], amount, f"the receipt {words}", About.RECEIPT)


# ------------------------------------------------------------------------------------------------ settlements


# The settlements of the day itself, and those of earlier days whose sales are posted here.
SETTLEMENTS: LiteralString = """
SELECT s.* FROM pos.settlement AS s
WHERE s.store_id = %(store)s AND s.business_date = ANY(%(days)s)
  AND (s.business_date = %(day)s OR EXISTS (
        SELECT FROM json_array_elements(s.sales) AS p WHERE (p ->> 'id')::uuid = ANY(%(ids)s)))
"""
PARTS: LiteralString = f"""
WITH st AS MATERIALIZED ({SETTLEMENTS})
SELECT st.id, st.amount, (p ->> 'id')::uuid AS sale, (p ->> 'amount')::bigint AS said, s.amount AS found
FROM st CROSS JOIN json_array_elements(coalesce(st.sales, '[]'::json)) AS p
LEFT JOIN LATERAL (
    SELECT * FROM pos.sale AS s WHERE s.business_date = st.business_date AND s.id = (p ->> 'id')::uuid
        AND s.state <> 'discarded' LIMIT 1) AS s ON true
WHERE st.state = 'paid' ORDER BY st.id, sale
"""  # noqa: S608 - constants of this file
TICKETS: LiteralString = f"""
WITH st AS MATERIALIZED ({SETTLEMENTS})
SELECT st.id, st.state, t.state, t.number
FROM st CROSS JOIN json_object_keys(st.content -> 'tickets') AS k (ticket)
LEFT JOIN pos.ticket AS t ON t.id = k.ticket::uuid
WHERE (st.state = 'paid' AND (t.id IS NULL OR t.settlement_id IS DISTINCT FROM st.id
                              OR t.state NOT IN ('paid', 'released')))
   OR (st.state <> 'paid' AND t.settlement_id = st.id AND t.state IN ('paid', 'released'))
ORDER BY st.id, t.number
"""  # noqa: S608 - constants of this file


def _of_settlements(store: StoreFacts, posted: Posted) -> dict[str, Any]:
    receipts = posted.of(What.RECEIPT)
    return {
        "store": store.id,
        "day": posted.day,
        "days": sorted({posted.day} | {item.business_date for item in receipts}),
        "ids": [item.id for item in receipts if item.business_date != posted.day],
    }


def _settlements(tx: Tx, store: StoreFacts, posted: Posted) -> Iterator[Difference]:
    asked = _of_settlements(store, posted)
    sums: dict[UUID, tuple[int, int]] = {}
    for settlement, amount, sale, said, found in tx.ask(PARTS, asked):
        sums[settlement] = (amount, sums.get(settlement, (amount, 0))[1] + said)
        if found != said:
            words = "the sale of a settlement is gone" if found is None else "a sale is not what its settlement says"
            yield Difference(DifferenceKind.SETTLEMENT, str(sale), said, found, words, About.RECEIPT)
    for settlement, (amount, said) in sums.items():
        if amount != said:
            words = "a settlement does not come to its sales"
            yield Difference(DifferenceKind.SETTLEMENT, str(settlement), said, amount, words, About.SETTLEMENT)
    for settlement, state, now, number in tx.ask(TICKETS, asked):
        words = f"ticket {number} is {now}, its settlement is {state}" if now else "a ticket of a settlement is gone"
        yield Difference(DifferenceKind.TICKET, str(settlement), None, None, words, About.SETTLEMENT)


# ------------------------------------------------------------------------------------------------ accounts


# What receipts took from accounts (returns and voids: gave back), by the id under which the accounts know of it.
SPENT: LiteralString = f"""
SELECT CASE WHEN s.type = 'sale' THEN coalesce(s.purchase_ref, s.id) ELSE s.id END AS ref, t.kind, s.currency,
       sum(CASE s.type WHEN 'sale' THEN -t.units ELSE t.units END)::bigint AS units
FROM unnest(%(days)s::date[], %(ids)s::uuid[]) AS x (day, id)
CROSS JOIN LATERAL (SELECT * FROM pos.sale AS s WHERE s.business_date = x.day AND s.id = x.id LIMIT 1) AS s
{ORIGINAL}
CROSS JOIN LATERAL (
    SELECT * FROM pos.tender AS t WHERE t.kind = ANY(%(kinds)s) AND t.units <> 0
        AND t.business_date = CASE WHEN s.type = 'void' THEN o.business_date ELSE x.day END
        AND t.sale_id = CASE WHEN s.type = 'void' THEN o.id ELSE x.id END OFFSET 0) AS t
WHERE s.member_part = 'done'
GROUP BY 1, 2, 3
"""  # noqa: S608 - a constant of the sales
PURCHASES: LiteralString = """
SELECT DISTINCT coalesce(s.purchase_ref, s.id) FROM unnest(%(days)s::date[], %(ids)s::uuid[]) AS x (day, id)
CROSS JOIN LATERAL (SELECT * FROM pos.sale AS s WHERE s.business_date = x.day AND s.id = x.id LIMIT 1) AS s
WHERE s.type = 'sale' AND s.member_part = 'done'
"""


def _accounts(tx: Tx, store: StoreFacts, receipts: Sequence[Item], journals: Sequence[Item]) -> Iterator[Difference]:
    sums = journal_sums(tx, [item.id for item in journals])
    wrong = list(_unbalanced(sums))
    yield from wrong
    named = {each.receipt for each in wrong}
    refs = [ref for (ref,) in tx.ask(PURCHASES, _columns(receipts))]
    yield from (each for each in _spending(tx, store, receipts, refs) if each.receipt not in named)
    yield from (each for each in _earning(tx, store, refs) if each.receipt not in named)
    yield from (each for each in _without_receipt(tx, sums) if each.receipt not in named)
    for journal, units in journals_without_topup(tx, [each.id for each in sums if each.kind == "topup"]):
        words = "stored value came in, and nobody recorded a top-up"
        yield Difference(DifferenceKind.TOPUP, str(journal), None, units, words, About.JOURNAL)


def _unbalanced(sums: Sequence[JournalSum]) -> Iterator[Difference]:
    for each in sums:
        subject, about = _subject(each)
        if not each.unit:
            words = f"a journal ({each.kind}) has no entries"
            yield Difference(DifferenceKind.JOURNAL, subject, None, None, words, about)
        elif each.moved + each.other:
            words = f"a journal ({each.kind}) does not balance"
            yield Difference(DifferenceKind.JOURNAL, subject, -each.other, each.moved, words, about, each.unit)


def _subject(each: JournalSum) -> tuple[str, About]:
    return (str(each.receipt), About.RECEIPT) if each.receipt is not None else (str(each.id), About.JOURNAL)


def _spending(tx: Tx, store: StoreFacts, receipts: Sequence[Item], refs: Sequence[UUID]) -> Iterator[Difference]:
    """Units that receipts took or gave back, beside what the ledger moved for them."""
    said = {
        (ref, _unit(kind, currency)): units
        for ref, kind, currency, units in tx.ask(SPENT, _columns(receipts) | {"kinds": list(ACCOUNT_TENDERS)})
    }
    moved = moved_by_tenders(tx, store.code, {item.id for item in receipts} | set(refs))
    for ref, unit in sorted(said.keys() | moved.keys()):
        expected, found = said.get((ref, unit)), moved.get((ref, unit))
        if (expected or 0) != (found or 0):
            words = "the ledger moved other units than the receipt says"
            yield Difference(DifferenceKind.ACCOUNTS, str(ref), expected, found, words, About.RECEIPT, unit)


def _unit(kind: str, currency: str) -> str:
    account = ACCOUNT_TENDERS[kind]
    return account if account == "points" else f"{account}:{currency}"


def _earning(tx: Tx, store: StoreFacts, refs: Sequence[UUID]) -> Iterator[Difference]:
    for each in purchases_off(tx, store.code, refs):
        if each.points is None:
            words = "the accounts have no record of this purchase"
            yield Difference(DifferenceKind.EARNED, str(each.ref), None, None, words, About.RECEIPT)
            continue
        words = "the ledger has other units than the purchase earned"
        for unit, expected, found in (
            ("points", each.points, each.points_booked),
            ("ecoin", each.ecoins, each.ecoins_booked),
        ):
            if expected != found:
                yield Difference(DifferenceKind.EARNED, str(each.ref), expected, found, words, About.RECEIPT, unit)


EXISTING: LiteralString = """
SELECT x.id FROM unnest(%(days)s::date[], %(ids)s::uuid[]) AS x (day, id)
WHERE EXISTS (SELECT FROM pos.sale AS s WHERE s.business_date = x.day AND s.id = x.id)
"""


def _without_receipt(tx: Tx, sums: Sequence[JournalSum]) -> Iterator[Difference]:
    """Journals that name a receipt which is not there, or that are of a receipt and name none."""
    named = {each.receipt for each in sums if each.kind in OF_RECEIPTS and each.receipt is not None}
    dated = [(day, id) for id in sorted(named) if (day := day_of(id)) is not None]
    columns = {"days": [day for day, _ in dated], "ids": [id for _, id in dated]}
    there = {id for (id,) in tx.ask(EXISTING, columns)}
    for each in sums:
        if each.kind in OF_RECEIPTS and each.receipt not in there:
            subject, about = _subject(each)
            words = f"a journal ({each.kind}) without a receipt"
            yield Difference(DifferenceKind.JOURNAL, subject, None, each.moved, words, about, each.unit)


# ------------------------------------------------------------------------------------------------ payments


# `ours` says which tenders we took ourselves; where it does not, whatever payment there is.
PAYMENTS: LiteralString = f"""
WITH st AS MATERIALIZED ({SETTLEMENTS}), ours AS (
    SELECT st.id, st.state, n::smallint AS n,
           (st.content -> 'tenders' -> (n::integer - 1) ->> 'amount')::bigint AS amount
    FROM st CROSS JOIN json_array_elements_text(coalesce(st.content -> 'ours', '[]'::json)) AS o (n)
    WHERE st.state <> 'pending'
)
SELECT coalesce(o.id, p.settlement_id), coalesce(o.state, (SELECT st.state FROM st WHERE st.id = p.settlement_id)),
       coalesce(o.n, p.n), o.amount, p.state, p.amount
FROM ours AS o FULL JOIN (
    SELECT p.* FROM pos.payment AS p WHERE p.settlement_id IN (SELECT st.id FROM st WHERE st.state <> 'pending')
) AS p ON p.settlement_id = o.id AND p.n = o.n
ORDER BY 1, 3
"""  # noqa: S608 - constants of this file


def _payments(tx: Tx, store: StoreFacts, posted: Posted) -> Iterator[Difference]:
    for settlement, state, n, said, payment, amount in tx.ask(PAYMENTS, _of_settlements(store, posted)):
        taken = amount if payment == PaymentState.SUCCEEDED else None
        expected = (said if said is not None else amount) if state == SettlementState.PAID else None
        if expected != taken:
            words = payment_fault(n, expected, taken, payment)
            yield Difference(DifferenceKind.PAYMENT, str(settlement), expected, taken, words, About.SETTLEMENT)


# ------------------------------------------------------------------------------------------------ refunds


# What the posted returns say we gave back by rail, beside what rails were asked for.
REFUNDED: LiteralString = """
SELECT r.return_sale_id, m.amount, f.amount, f.state, m.instead, t.amount
FROM pos.red_ticket AS r JOIN pos.red_ticket_refund AS m ON m.red_ticket_id = r.id
LEFT JOIN pos.refund AS f ON f.refund_no = m.refund_no
LEFT JOIN LATERAL (
    SELECT t.amount FROM pos.tender AS t JOIN unnest(%(days)s::date[], %(ids)s::uuid[]) AS x (day, id)
        ON t.business_date = x.day AND t.sale_id = x.id
    WHERE t.sale_id = r.return_sale_id AND t.n = m.tender) AS t ON true
WHERE r.store_id = %(store)s AND r.return_sale_id = ANY(%(ids)s)
ORDER BY r.return_sale_id, m.tender
"""
# Refunds since the last close that no return asked for; named by the return of the same payment, or by its settlement.
UNASKED: LiteralString = """
SELECT f.amount, p.settlement_id, (
    SELECT r.return_sale_id FROM pos.red_ticket_refund AS m JOIN pos.red_ticket AS r ON r.id = m.red_ticket_id
    WHERE m.payment_id = f.payment_id AND r.return_sale_id IS NOT NULL ORDER BY r.changed_at LIMIT 1)
FROM pos.refund AS f JOIN pos.payment AS p ON p.id = f.payment_id
WHERE f.store_id = %(store)s AND f.created_at >= %(begins)s AND f.created_at < %(ends)s AND f.state <> 'failed'
  AND NOT EXISTS (SELECT FROM pos.red_ticket_refund AS m WHERE m.refund_no = f.refund_no)
ORDER BY f.id
"""


def _refunds(tx: Tx, store: StoreFacts, posted: Posted) -> Iterator[Difference]:
    columns = _columns(posted.of(What.RECEIPT)) | {"store": store.id}
    for sale, asked, refunded, state, instead, tender in tx.ask(REFUNDED, columns):
        if tender != asked:
            words = "the return says another amount than the rail was asked for"
            yield Difference(DifferenceKind.REFUND, str(sale), tender, asked, words, About.RECEIPT)
        elif instead is None and (refunded != asked or state != RefundState.SUCCEEDED):
            words = f"the refund is {state}" if state is not None else "the refund is gone"
            found = refunded if state == RefundState.SUCCEEDED else None
            yield Difference(DifferenceKind.REFUND, str(sale), asked, found, words, About.RECEIPT)
    begins, ends = _since_last_close(tx, store, posted.day)
    for amount, settlement, sale in tx.ask(UNASKED, {"store": store.id, "begins": begins, "ends": ends}):
        subject, about = (str(sale), About.RECEIPT) if sale is not None else (str(settlement), About.SETTLEMENT)
        yield Difference(DifferenceKind.REFUND, subject, None, amount, "a refund that no return asked for", about)


def _since_last_close(tx: Tx, store: StoreFacts, day: date) -> tuple[datetime, datetime]:
    """From the end of the closed day before this one to the end of this one: nothing in between is passed over."""
    last: date | None = tx.execute(
        "SELECT max(day) FROM pos.store_day WHERE store_id = :store AND day < :day", {"store": store.id, "day": day}
    ).scalar_one()
    begins, ends = moments_of(day, store.timezone)
    return (moments_of(last, store.timezone)[1] if last is not None else begins), ends


# ------------------------------------------------------------------------------------------------ top-ups


def _topups(tx: Tx, posted: Posted) -> Iterator[Difference]:
    known = {item.id for item in posted.of(What.TOPUP)}
    for each in topups_named(tx, known):
        known.discard(each.id)
        if each.principal_in != each.amount:
            words = "what was paid in is not what came into the account"
            yield Difference(
                DifferenceKind.TOPUP, str(each.id), each.amount, each.principal_in or None, words, About.TOPUP
            )
        elif each.bonus_in != each.bonus:
            words = "the bonus is not what came into the account"
            yield Difference(DifferenceKind.TOPUP, str(each.id), each.bonus, each.bonus_in or None, words, About.TOPUP)
    for id in sorted(known):
        yield Difference(DifferenceKind.TOPUP, str(id), None, None, "a top-up that was posted is gone", About.TOPUP)
