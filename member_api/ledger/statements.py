"""What a member owns and how it came to be: accounts with their lots, the statement, holds. Reading only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from foundation.database import Tx
from foundation.identifiers import day_of
from member_api.earning.rules import EarnLine
from member_api.ledger.operations import HoldUnknown
from member_api.ledger.reasons import opened_reason
from member_api.ledger.rules import NO_DAY, Account, Hold, HoldState, Lot, Wallet
from member_api.ledger.wallets import read_wallet
from member_api.vault.operations import open_keys

LOTS_SHOWN_MAX = 1000
ENTRIES_MAX = 200


@dataclass(frozen=True, slots=True)
class LotView:
    """An open lot; a debt has an `amount` below zero. `of` is what it amounted to when it came in.

    `purchase` is the purchase it was earned with, `parent` the expired lot that it gives back by grace.
    """

    id: int
    amount: int
    of: int
    held: int
    origin: str
    source: str
    funder: str
    conditions: Mapping[str, Any] | None
    expires_on: date | None
    purchase: UUID | None
    parent: int | None
    at: datetime

    @property
    def is_debt(self) -> bool:
        return self.origin == "debt"


@dataclass(frozen=True, slots=True)
class AccountView:
    """A sub-account as a spend would find it now; `debt` is the part of the balance that is below zero.

    `lots` are the open ones, soonest expiry first, at most as many as were asked for; `lots_left_out` says how many
    more there are.
    """

    id: int
    kind: str
    format: str | None
    currency: str | None
    balance: int
    held: int
    available: int
    debt: int
    lots: tuple[LotView, ...]
    lots_left_out: int


def accounts_of(tx: Tx, member: int, lots_max: int = LOTS_SHOWN_MAX) -> list[AccountView]:
    """Every account of a member, points first, then e-coins, then cash."""
    wallet = read_wallet(tx, member)
    kinds = ("points", "ecoin", "cash")
    ordered = sorted(
        wallet.accounts.values(), key=lambda a: (kinds.index(a.kind), a.currency or "", a.format or "", a.id)
    )
    return [_account(wallet, account, lots_max) for account in ordered]


def _account(wallet: Wallet, account: Account, lots_max: int) -> AccountView:
    lots = sorted(
        (lot for lot in wallet.lots.values() if lot.account is account and lot.remaining),
        key=lambda lot: (lot.origin == "debt", lot.expires_on or NO_DAY, lot.id),
    )
    return AccountView(
        account.id, account.kind, account.format, account.currency, account.balance, account.held, account.available,
        account.debt, tuple(_lot(lot) for lot in lots[:lots_max]), max(0, len(lots) - lots_max),
    )  # fmt: skip


def _lot(lot: Lot) -> LotView:
    return LotView(
        lot.id, lot.remaining, lot.amount, lot.held, lot.origin, lot.source, lot.funder, lot.conditions,
        lot.expires_on, lot.purchase, lot.parent, lot.at,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ the statement
@dataclass(frozen=True, slots=True)
class EntryView:
    """One movement of one lot, and where that lot came from."""

    account: int
    kind: str
    format: str | None
    currency: str | None
    amount: int
    lot: int
    origin: str
    source: str
    expires_on: date | None
    purchase: UUID | None
    lot_store: str | None
    lot_lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AccountMove:
    """What a journal did to one account, and the account's balance after it."""

    account: int
    kind: str
    format: str | None
    currency: str | None
    amount: int
    balance: int


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One journal of a member. `reference` names the receipt, request or hold that caused it.

    `entries` are its movements, at most ENTRIES_MAX; each can name the purchase, store and lines its lot came from.
    """

    journal: UUID
    kind: str
    day: date
    at: datetime
    store: str | None
    reference: str | None
    reason: str | None
    actor: str
    accounts: tuple[AccountMove, ...]
    entries: tuple[EntryView, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a page of a statement ended: the last row shown, and each account's balance before it."""

    at: datetime
    journal: UUID
    balances: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Statement:
    """A page of a statement, newest first; `next` is where the following one begins, None at the end."""

    rows: tuple[StatementRow, ...]
    next: Mark | None


JOURNALS = """
SELECT j.id, j.kind, j.day, j.at, j.store, j.reference, j.reason, j.actor FROM member.journal AS j
WHERE j.member_id = %s AND (%s::timestamptz IS NULL OR (j.at, j.id) < (%s, %s))
ORDER BY j.at DESC, j.id DESC LIMIT %s
"""
ENTRIES = """
SELECT e.journal_id, a.id, a.kind, a.format, a.currency, e.amount, l.id, l.origin, l.source, l.expires_on, l.purchase
FROM unnest(%s::date[], %s::uuid[]) AS j (day, id)
JOIN member.entry AS e ON e.day = j.day AND e.journal_id = j.id
JOIN member.lot AS l ON l.id = e.lot_id
JOIN member.account AS a ON a.id = e.account_id
ORDER BY e.journal_id, e.n
"""
PURCHASES = """
SELECT p.ref, p.store, p.lines::text FROM unnest(%s::date[], %s::uuid[]) AS r (day, ref)
JOIN member.purchase AS p ON p.day = r.day AND p.ref = r.ref
"""
_LINES = msgspec.json.Decoder(list[EarnLine]).decode
BALANCES = "SELECT id, balance FROM member.account WHERE member_id = %s"


def statement_of(tx: Tx, member: int, limit: int, after: Mark | None = None) -> Statement:
    """A page of a member's statement, newest first. The order is fixed: what is posted later never moves a row.

    The balance after each row is counted back from the balance now, and carried from page to page in the mark.
    """
    at, id = (after.at, after.journal) if after else (None, None)
    with tx.pipeline():
        journals = tx.ask(JOURNALS, (member, at, at, id, limit + 1))
        current = tx.ask(BALANCES, (member,)) if after is None else None
    balances = dict(current.fetchall()) if current is not None else dict(after.balances if after else {})
    found = journals.fetchall()
    shown, more = found[:limit], len(found) > limit
    entries = _entries(tx, shown)
    keys = open_keys(tx, [member])
    rows = []
    for row in shown:
        mine = entries.get(row[0], [])
        rows.append(
            StatementRow(
                row[0], row[1], row[2], row[3], row[4], row[5], opened_reason(keys, member, row[6]), row[7],
                _moves(mine, balances), tuple(mine[:ENTRIES_MAX]),
            )
        )  # fmt: skip
    mark = Mark(rows[-1].at, rows[-1].journal, balances) if more else None
    return Statement(tuple(rows), mark)


def _entries(tx: Tx, journals: Sequence[Any]) -> dict[UUID, list[EntryView]]:
    asked = tx.ask(ENTRIES, ([row[2] for row in journals], [row[0] for row in journals])).fetchall()
    bought = _purchases(tx, {row[10] for row in asked if row[10] is not None})
    entries: dict[UUID, list[EntryView]] = {}
    for row in asked:
        store, lines = bought.get(row[10], (None, ()))
        entries.setdefault(row[0], []).append(EntryView(*(*row[1:], store, lines)))
    return entries


def _purchases(tx: Tx, refs: set[UUID]) -> dict[UUID | None, tuple[str | None, tuple[int, ...]]]:
    """Store and earning lines of purchases; a purchase's id carries its day."""
    dated = [(day, ref) for ref in refs if (day := day_of(ref)) is not None]
    if not dated:
        return {}
    rows = tx.ask(PURCHASES, ([day for day, _ in dated], [ref for _, ref in dated]))
    return {ref: (store, _earning_lines(_LINES(lines))) for ref, store, lines in rows}


def _earning_lines(lines: Sequence[EarnLine]) -> tuple[int, ...]:
    """The numbers of the lines that earned; of a purchase given back, all that it had."""
    return tuple(line.line for line in lines if line.points) or tuple(line.line for line in lines)


def _moves(entries: Sequence[EntryView], balances: dict[int, int]) -> tuple[AccountMove, ...]:
    """The sums by account, each with the balance after them; `balances` is taken back to before them."""
    sums: dict[int, AccountMove] = {}
    for entry in entries:
        before = sums[entry.account].amount if entry.account in sums else 0
        sums[entry.account] = AccountMove(
            entry.account, entry.kind, entry.format, entry.currency, before + entry.amount,
            balances.get(entry.account, 0),
        )  # fmt: skip
    for move in sums.values():
        balances[move.account] = move.balance - move.amount
    return tuple(sums.values())


# ------------------------------------------------------------------------------------------------ holds
HOLD = """
SELECT id, member_id, kind, format, currency, amount, captured, state, expires_at, created_at, ended_at, actor,
       reference
FROM member.hold WHERE id = %s
"""


def read_hold(tx: Tx, hold_id: int) -> Hold:
    """A hold as it stands now: one whose time is over shows as expired. Raises HoldUnknown."""
    row = tx.ask(HOLD, (hold_id,)).fetchone()
    if row is None:
        raise HoldUnknown("There is no such hold")
    hold = Hold(*(*row, []))
    if hold.state_at(tx.now) is HoldState.EXPIRED and hold.state == HoldState.OPEN:
        hold.state, hold.ended_at = HoldState.EXPIRED.value, hold.expires_at
    return hold


OPEN_HOLDS = """
SELECT id, member_id, kind, format, currency, amount, captured, state, expires_at, created_at, ended_at, actor,
       reference
FROM member.hold WHERE member_id = %s AND state = 'open' AND expires_at > %s ORDER BY expires_at, id LIMIT %s
"""


def open_holds(tx: Tx, member: int, limit: int = 100) -> list[Hold]:
    """The holds of a member that are open now, the first to end first."""
    return [Hold(*(*row, [])) for row in tx.ask(OPEN_HOLDS, (member, tx.now, limit))]
