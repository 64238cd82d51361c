"""Wallets in and out of the database: asked for under lock in a pipeline, written back as rows.

Locking: `ask_wallets` locks the members' accounts in order of id (members themselves are locked, in order of id, by
whoever looked them up). Nobody changes a lot without holding the lock of its account.
"""

import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import psycopg

from foundation.clock import local_date
from foundation.database import Database, Tx, database
from foundation.events import announce
from foundation.settings import get_settings
from member_api.ledger.rules import Account, Draft, Lot, Substitution, Wallet
from member_api.ledger.tables import (
    CHANGE_ACCOUNT,
    CHANGE_LOT,
    CHANGE_SUBSTITUTION,
    OPEN_ACCOUNT,
    OPEN_LOT,
    OPEN_SUBSTITUTION,
    WRITE_ENTRY,
    WRITE_JOURNAL,
    AccountChange,
    AccountRow,
    EntryRow,
    JournalRow,
    LotChange,
    LotRow,
    SubstitutionChange,
    SubstitutionRow,
)

ID_BLOCK = 1024


class IdBlocks:
    """Ids for rows that name each other, a block from the database at a time; safe between threads.

    A block is fetched on a connection of its own, so that a rolled-back transaction never gives ids back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = self._end = 0
        self._engine: object = None

    def take(self, home: Database) -> int:
        """The next id."""
        with self._lock:
            if self._next == self._end or self._engine is not home.engine:
                with home.engine.connect() as connection:
                    block = int(connection.exec_driver_sql("SELECT nextval('member.id_block')").scalar_one())
                self._next, self._end, self._engine = block * ID_BLOCK, (block + 1) * ID_BLOCK, home.engine
            id = self._next
            self._next += 1
            return id


_ids = IdBlocks()


def new_id() -> int:
    """An id for an account, a lot or a hold."""
    return _ids.take(database())


def today(tx: Tx) -> date:
    """The programme's date: the company's calendar decides when a lot expires."""
    return local_date(tx.now, get_settings().company_timezone)


ACCOUNTS = """
SELECT id, member_id, kind, format, currency, balance, held, debt, remainder, opened_at
FROM member.account WHERE member_id = ANY(%s) ORDER BY id FOR UPDATE
"""
LOT = """
SELECT l.id, l.account_id, l.origin, l.source, l.funder, l.conditions, l.purchase, l.parent, l.expires_on, l.amount,
       l.remaining, l.held, l.expired, l.at
FROM member.lot AS l
"""
DEBTS = LOT + "JOIN member.account AS a ON a.id = l.account_id WHERE a.member_id = ANY(%s) AND l.remaining < 0"
SOONEST = """
SELECT a.member_id, s.expires_on, s.amount
FROM member.account AS a CROSS JOIN LATERAL (
    SELECT l.expires_on, sum(l.remaining)::bigint AS amount FROM member.lot AS l
    WHERE l.account_id = a.id AND l.remaining > 0 AND l.expires_on >= %s
    GROUP BY l.expires_on ORDER BY l.expires_on LIMIT 1
) AS s
WHERE a.member_id = ANY(%s) AND a.kind = 'points'
"""
OPEN_LOTS = LOT + "JOIN member.account AS a ON a.id = l.account_id WHERE a.member_id = ANY(%s) AND l.remaining <> 0"
OWED = """
SELECT lot_id, substitute_id, member_id, amount FROM member.substitution WHERE member_id = ANY(%s) AND amount > 0
"""
NAMED_LOTS = LOT + "WHERE l.id = ANY(%s)"
PURCHASE_LOTS = LOT + "WHERE l.purchase = ANY(%s)"


@dataclass(slots=True)
class AskedWallets:
    """Wallets on their way; `wallets()` waits for the database."""

    members: Sequence[int]
    today: date
    tx: Tx
    accounts: psycopg.Cursor[Any]
    debts: psycopg.Cursor[Any]
    soonest: psycopg.Cursor[Any]
    owed: psycopg.Cursor[Any]

    def wallets(self) -> dict[int, Wallet]:
        """By member id; a member without accounts gets an empty wallet."""
        by_member: dict[int, list[Account]] = {}
        by_id: dict[int, Account] = {}
        for row in self.accounts:
            account = Account(*row)
            by_member.setdefault(account.member_id, []).append(account)
            by_id[account.id] = account
        wallets = {
            member: Wallet(member, by_member.get(member, ()), today=self.today, now=self.tx.now, new_id=new_id)
            for member in self.members
        }
        for row in self.debts:
            lot = _lot(row, by_id)
            wallets[lot.account.member_id].lots[lot.id] = lot
        for member, day, amount in self.soonest:
            wallets[member].next_expiry[day] = amount
        for owner, substitute, member, amount in self.owed:
            wallets[member].substitutions.append(Substitution(owner, substitute, amount))
        return wallets


def ask_wallets(tx: Tx, members: Sequence[int], day: date) -> AskedWallets:
    """Lock the accounts of these members (in order of id) and ask for what earning needs."""
    ids = list(members)
    return AskedWallets(
        ids,
        day,
        tx,
        tx.ask(ACCOUNTS, (ids,)),
        tx.ask(DEBTS, (ids,)),
        tx.ask(SOONEST, (day, ids)),
        tx.ask(OWED, (ids,)),
    )


def lock_wallets(tx: Tx, members: Sequence[int]) -> dict[int, Wallet]:
    """Wallets with every open lot, overdue lots expired: ready for anything."""
    with tx.pipeline():
        asked = ask_wallets(tx, members, today(tx))
    wallets = asked.wallets()
    complete_wallets(tx, list(wallets.values()))
    return wallets


def lock_wallet(tx: Tx, member: int, *, lots: Collection[int] = (), purchases: Collection[UUID] = ()) -> Wallet:
    """One member's wallet with every open lot, and these lots and the lots of these purchases even if empty."""
    with tx.pipeline():
        asked = ask_wallets(tx, [member], today(tx))
    wallet = asked.wallets()[member]
    complete_wallets(tx, [wallet], lots=lots, purchases=purchases)
    return wallet


def complete_wallets(
    tx: Tx, wallets: Sequence[Wallet], *, lots: Collection[int] = (), purchases: Collection[UUID] = ()
) -> None:
    """Load what spending and giving back need, and let overdue lots expire."""
    members = [wallet.member_id for wallet in wallets]
    owed = {id for wallet in wallets for s in wallet.substitutions for id in (s.owner, s.substitute)}
    with tx.pipeline():
        cursors = [tx.ask(OPEN_LOTS, (members,))]
        if owed or lots:
            cursors.append(tx.ask(NAMED_LOTS, (list(owed | set(lots)),)))
        if purchases:
            cursors.append(tx.ask(PURCHASE_LOTS, (list(purchases),)))
    accounts = {account.id: (wallet, account) for wallet in wallets for account in wallet.accounts.values()}
    for cursor in cursors:
        for row in cursor:
            if row[1] in accounts:
                wallet, account = accounts[row[1]]
                if row[0] not in wallet.lots:
                    wallet.lots[row[0]] = _lot(row, {account.id: account})
    for wallet in wallets:
        wallet.complete = True
        wallet.expire_overdue()


def _lot(row: Sequence[Any], accounts: dict[int, Account]) -> Lot:
    return Lot(row[0], accounts[row[1]], *row[2:])


class Unbalanced(AssertionError):
    """A journal that does not sum to zero per unit was about to be written: a fault of ours, nothing is written."""


def record(tx: Tx, wallets: Iterable[Wallet], actor: str) -> None:
    """Leave everything that changed in `tx.rows`, and announce each journal (the seal follows those events)."""
    rows = tx.rows
    for wallet in wallets:
        for account in wallet.accounts.values():
            if account.is_new:
                rows.add(
                    OPEN_ACCOUNT,
                    AccountRow(
                        account.id, account.member_id, account.kind, account.format, account.currency,
                        account.balance, account.held, account.debt, account.remainder, account.opened_at,
                    ),
                )  # fmt: skip
            elif account.changed:
                rows.add(
                    CHANGE_ACCOUNT,
                    AccountChange(account.id, account.balance, account.held, account.debt, account.remainder),
                )
            account.is_new = account.changed = False
        for lot in wallet.lots.values():
            if lot.is_new:
                rows.add(
                    OPEN_LOT,
                    LotRow(
                        lot.id, lot.account.id, wallet.member_id, lot.origin, lot.source, lot.funder, lot.conditions,
                        lot.purchase, lot.parent, lot.expires_on, lot.amount, lot.remaining, lot.held, lot.expired,
                        lot.at,
                    ),
                )  # fmt: skip
            elif lot.changed:
                rows.add(CHANGE_LOT, LotChange(lot.id, lot.remaining, lot.held, lot.expired))
            lot.is_new = lot.changed = False
        for owed in wallet.substitutions:
            if owed.is_new:
                rows.add(OPEN_SUBSTITUTION, SubstitutionRow(owed.owner, owed.substitute, wallet.member_id, owed.amount))
            elif owed.changed:
                rows.add(CHANGE_SUBSTITUTION, SubstitutionChange(owed.owner, owed.substitute, owed.amount))
            owed.is_new = owed.changed = False
        for draft in wallet.drafts:
            if draft.legs:
                _record_journal(tx, draft, actor)
        wallet.drafts.clear()


def _record_journal(tx: Tx, draft: Draft, actor: str) -> None:
    sums: dict[str, int] = {}
    for leg in draft.legs:
        sums[leg.unit] = sums.get(leg.unit, 0) + leg.amount
    if any(sums.values()):
        raise Unbalanced(f"journal {draft.kind} {draft.reference} sums to {sums}")
    tx.rows.add(
        WRITE_JOURNAL,
        JournalRow(
            draft.day, draft.id, draft.kind, draft.member_id, draft.store, draft.reference, draft.reverses,
            draft.reason, actor, tx.now,
        ),
    )  # fmt: skip
    tx.rows.extend(
        WRITE_ENTRY,
        [
            EntryRow(
                draft.day, draft.id, n, leg.unit, leg.lot.account.id if leg.lot else None,
                leg.lot.id if leg.lot else None, leg.system, draft.store, leg.amount,
            )
            for n, leg in enumerate(draft.legs, 1)
        ],
    )  # fmt: skip
    announce(tx, "journal.posted", {"journal": str(draft.id), "member": str(draft.member_id)})
