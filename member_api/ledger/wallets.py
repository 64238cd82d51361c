"""Wallets in and out of the database: asked for under lock in a round trip, written back as rows.

Locking: `ask_wallets` locks the members' accounts in order of id (members themselves are locked, in order of id, by
whoever looked them up). Nobody changes a lot without holding the lock of its account.
"""

import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from typing import Any
from uuid import UUID

import msgspec

from foundation.clock import local_date
from foundation.database import Database, Tx, database
from foundation.events import announce
from foundation.partitions import ensure_months
from foundation.round_trips import Reply, RoundTrip, Statement
from foundation.settings import get_settings
from member_api.ledger.rules import Account, Draft, Hold, Lot, Substitution, Wallet
from member_api.ledger.tables import (
    CHANGE_ACCOUNT,
    CHANGE_LOT,
    END_HOLD,
    HOLD_LOT,
    OPEN_ACCOUNT,
    OPEN_HOLD,
    OPEN_LOT,
    OWE,
    WRITE_ENTRY,
    WRITE_JOURNAL,
    AccountChange,
    AccountRow,
    EntryRow,
    HoldEnd,
    HoldLotRow,
    HoldRow,
    JournalRow,
    LotChange,
    LotRow,
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


# Locks, then lists, the accounts of members and what of their points expires first: see migrations 0011 and 0014.
LOCK_WALLETS = Statement("SELECT accounts, soonest FROM member.lock_wallets($1::bigint[], $2::date)")
ACCOUNTS = """
SELECT id, member_id, kind, format, currency, balance, held, debt, remainder, opened_at
FROM member.account WHERE member_id = ANY(%s)
"""
LOT = """
SELECT l.id, l.account_id, l.origin, l.source, l.funder, l.conditions, l.purchase, l.parent, l.expires_on, l.amount,
       l.remaining, l.held, l.expired, l.at
FROM member.lot AS l
"""
DEBTS = LOT + "JOIN member.account AS a ON a.id = l.account_id WHERE a.member_id = ANY(%s) AND l.remaining < 0"
OPEN_LOTS = LOT + "JOIN member.account AS a ON a.id = l.account_id WHERE a.member_id = ANY(%s) AND l.remaining <> 0"
OWED = """
SELECT lot_id, substitute_id, member_id, amount FROM member.substitution WHERE member_id = ANY(%s) AND amount > 0
"""
OPEN_OR_OWING = (
    OPEN_LOTS
    + """ UNION ALL
SELECT l.id, l.account_id, l.origin, l.source, l.funder, l.conditions, l.purchase, l.parent, l.expires_on,
       l.amount, l.remaining, l.held, l.expired, l.at
FROM member.substitution AS s JOIN member.lot AS l ON l.id IN (s.lot_id, s.substitute_id)
WHERE s.member_id = ANY(%s) AND s.amount > 0
"""
)
NAMED_LOTS = LOT + "WHERE l.id = ANY(%s)"
PURCHASE_LOTS = LOT + "WHERE l.purchase = ANY(%s)"
# The holds that are asked for, and those whose time is over. Their lots hold something, so they are open and loaded.
HOLDS = """
SELECT h.id, h.member_id, h.kind, h.format, h.currency, h.amount, h.captured, h.state, h.expires_at, h.created_at,
       h.ended_at, h.actor, h.reference, array_agg(ARRAY[p.lot_id, p.amount] ORDER BY p.lot_id)
FROM member.hold AS h JOIN member.hold_lot AS p ON p.hold_id = h.id
WHERE h.member_id = ANY(%s) AND (h.id = ANY(%s) OR (h.state = 'open' AND h.expires_at <= %s))
GROUP BY h.id
"""


AccountColumns = tuple[int, int, str, str | None, str | None, int, int, int, int, datetime]
_accounts = msgspec.json.Decoder(list[AccountColumns]).decode
_soonest = msgspec.json.Decoder(list[tuple[int, date, int]]).decode


@dataclass(slots=True)
class AskedWallets:
    """Wallets on their way; `wallets()` once the round trip is over."""

    members: Sequence[int]
    today: date
    tx: Tx
    reply: Reply

    def wallets(self) -> dict[int, Wallet]:
        """By member id; a member without accounts gets an empty wallet."""
        accounts, soonest = self.reply.row()
        return make_wallets(self.tx, self.members, self.today, accounts, soonest)


def ask_wallets(tx: Tx, trip: RoundTrip, members: Sequence[int], day: date) -> AskedWallets:
    """Lock the accounts of these members (in order of id) and ask for what earning needs."""
    ids = "{" + ",".join(map(str, members)) + "}"
    return AskedWallets(members, day, tx, trip.ask(LOCK_WALLETS, ids.encode(), day.isoformat().encode()))


def make_wallets(
    tx: Tx, members: Sequence[int], day: date, accounts: bytes | None, soonest: bytes | None
) -> dict[int, Wallet]:
    """Wallets of these members from what member.lock_wallets answered, for them or for more members."""
    by_member: dict[int, list[Account]] = {}
    for columns in _accounts(accounts) if accounts is not None else ():
        by_member.setdefault(columns[1], []).append(Account(*columns))
    wallets = {
        member: Wallet(member, by_member.get(member, ()), today=day, now=tx.now, new_id=new_id) for member in members
    }
    overdue: dict[int, Wallet] = {}
    for member, until, amount in _soonest(soonest) if soonest is not None else ():
        if member not in wallets:
            continue
        if until < day:
            overdue[member] = wallets[member]
        expiring = wallets[member].next_expiry
        expiring[until] = expiring.get(until, 0) + amount
    # The job has not been here since the day ended: what is over is no balance any more.
    complete_wallets(tx, list(overdue.values()))
    indebted = [w for w in wallets.values() if not w.complete and any(a.debt for a in w.accounts.values())]
    if indebted:
        _load_debts(tx, indebted)
    return wallets


def _load_debts(tx: Tx, wallets: Sequence[Wallet]) -> None:
    """Debts that the next earnings repay, and whose they are."""
    members = [wallet.member_id for wallet in wallets]
    by_member = {wallet.member_id: wallet for wallet in wallets}
    by_id = {account.id: account for wallet in wallets for account in wallet.accounts.values()}
    for row in tx.ask(DEBTS, (members,)):
        lot = _lot(row, by_id)
        by_member[lot.account.member_id].lots[lot.id] = lot
    _load_substitutions(tx, wallets)


def _load_substitutions(tx: Tx, wallets: Sequence[Wallet]) -> None:
    """Who paid whose clawbacks; once for a wallet, before anything of it changes."""
    fresh = {wallet.member_id: wallet for wallet in wallets if not wallet.complete}
    for wallet in fresh.values():
        wallet.substitutions = []
    for owner, substitute, member, amount in tx.ask(OWED, (list(fresh),)) if fresh else ():
        fresh[member].substitutions.append(Substitution(owner, substitute, amount))


def lock_wallets(tx: Tx, members: Sequence[int]) -> dict[int, Wallet]:
    """Wallets with every open lot, overdue lots expired: ready for anything."""
    tx.flush()
    with tx.round_trip() as trip:
        asked = ask_wallets(tx, trip, members, today(tx))
    wallets = asked.wallets()
    complete_wallets(tx, list(wallets.values()))
    return wallets


def lock_wallet(
    tx: Tx, member: int, *, lots: Collection[int] = (), purchases: Collection[UUID] = (), holds: Collection[int] = ()
) -> Wallet:
    """One member's wallet with every open lot, and these lots, holds and lots of these purchases even if done with.

    What this transaction has recorded so far is written first, so that it is read back.
    """
    tx.flush()
    with tx.round_trip() as trip:
        asked = ask_wallets(tx, trip, [member], today(tx))
    wallet = asked.wallets()[member]
    complete_wallets(tx, [wallet], lots=lots, purchases=purchases, holds=holds)
    return wallet


def read_wallet(tx: Tx, member: int) -> Wallet:
    """One member's accounts and open lots as a spend would find them, to look at only.

    Nothing is locked, and nothing of it may be recorded: lots whose day has passed and holds whose time is over are
    gone from it, whether or not the jobs have written that down yet.
    """
    with tx.pipeline():
        accounts = tx.ask(ACCOUNTS, ([member],))
        lots = tx.ask(OPEN_OR_OWING, ([member], [member]))
        owed = tx.ask(OWED, ([member],))
        overdue = tx.ask(HOLDS, ([member], [], tx.now))
    numbers = count(-1, -1)
    wallet = Wallet(
        member, [Account(*row) for row in accounts], today=today(tx), now=tx.now, new_id=lambda: next(numbers)
    )
    by_id = {account.id: account for account in wallet.accounts.values()}
    wallet.lots = {row[0]: _lot(row, by_id) for row in lots if row[1] in by_id}
    # A posting may commit between the statements: what names a lot that was not read yet is left out.
    wallet.substitutions = [
        Substitution(owner, substitute, amount)
        for owner, substitute, _, amount in owed
        if owner in wallet.lots and substitute in wallet.lots
    ]
    holds = (Hold(*row) for row in overdue)
    wallet.holds = {hold.id: hold for hold in holds if all(lot in wallet.lots for lot, _ in hold.lots)}
    wallet.complete = True
    wallet.end_overdue_holds()
    wallet.expire_overdue()
    return wallet


def complete_wallets(
    tx: Tx,
    wallets: Sequence[Wallet],
    *,
    lots: Collection[int] = (),
    purchases: Collection[UUID] = (),
    holds: Collection[int] = (),
) -> None:
    """Load what spending and giving back need; end holds whose time is over, and let overdue lots expire."""
    if not wallets:
        return
    ensure_months(database(), [wallets[0].today])
    members = [wallet.member_id for wallet in wallets]
    _load_substitutions(tx, wallets)
    owed = {id for wallet in wallets for s in wallet.substitutions for id in (s.owner, s.substitute)}
    with tx.pipeline():
        cursors = [tx.ask(OPEN_LOTS, (members,))]
        if owed or lots:
            cursors.append(tx.ask(NAMED_LOTS, (list(owed | set(lots)),)))
        if purchases:
            cursors.append(tx.ask(PURCHASE_LOTS, (list(purchases),)))
        overdue = tx.ask(HOLDS, (members, list(holds), tx.now))
    accounts = {account.id: (wallet, account) for wallet in wallets for account in wallet.accounts.values()}
    for cursor in cursors:
        for row in cursor:
            if row[1] in accounts:
                wallet, account = accounts[row[1]]
                if row[0] not in wallet.lots:
                    wallet.lots[row[0]] = _lot(row, {account.id: account})
    by_member = {wallet.member_id: wallet for wallet in wallets}
    for row in overdue:
        hold = Hold(*row)
        by_member[hold.member_id].holds.setdefault(hold.id, hold)
    for wallet in wallets:
        wallet.complete = True
        wallet.end_overdue_holds()
        wallet.expire_overdue()


def _lot(row: Sequence[Any], accounts: dict[int, Account]) -> Lot:
    return Lot(row[0], accounts[row[1]], *row[2:])


class Unbalanced(AssertionError):
    """A journal that does not sum to zero per unit was about to be written: a fault of ours, nothing is written."""


def record(tx: Tx, wallets: Iterable[Wallet], actor: str) -> None:
    """Leave everything that changed in `tx.rows`, and announce the journals, together (the seal follows those events).

    A wallet may be recorded again after it changed again: what it left before is written first, because one
    statement writes a row once.
    """
    journals: list[str] = []
    for wallet in wallets:
        if wallet.recorded:
            tx.flush()
        wallet.recorded = True
        _record_accounts(tx, wallet)
        _record_lots(tx, wallet)
        _record_holds(tx, wallet)
        for draft in wallet.drafts:
            if draft.legs:
                _record_journal(tx, draft, actor)
                journals.append(str(draft.id))
        wallet.drafts.clear()
    if journals:
        announce(tx, "journals.posted", {"journals": journals})


def _record_accounts(tx: Tx, wallet: Wallet) -> None:
    for account in wallet.accounts.values():
        if account.is_new:
            tx.rows.add(
                OPEN_ACCOUNT,
                AccountRow(
                    account.id, account.member_id, account.kind, account.format, account.currency,
                    account.balance, account.held, account.debt, account.remainder, account.opened_at,
                ),
            )  # fmt: skip
        elif account.changed:
            tx.rows.add(
                CHANGE_ACCOUNT,
                AccountChange(account.id, account.balance, account.held, account.debt, account.remainder),
            )
        account.is_new = account.changed = False


def _record_lots(tx: Tx, wallet: Wallet) -> None:
    for lot in wallet.lots.values():
        if lot.is_new:
            tx.rows.add(
                OPEN_LOT,
                LotRow(
                    lot.id, lot.account.id, wallet.member_id, lot.origin, lot.source, lot.funder, lot.conditions,
                    lot.purchase, lot.parent, lot.expires_on, lot.amount, lot.remaining, lot.held, lot.expired, lot.at,
                ),
            )  # fmt: skip
        elif lot.changed:
            tx.rows.add(CHANGE_LOT, LotChange(lot.id, lot.remaining, lot.held, lot.expired))
        lot.is_new = lot.changed = False
    for owed in wallet.substitutions:
        if owed.is_new or owed.changed:
            tx.rows.add(OWE, SubstitutionRow(owed.owner, owed.substitute, wallet.member_id, owed.amount))
        owed.is_new = owed.changed = False


def _record_holds(tx: Tx, wallet: Wallet) -> None:
    for hold in wallet.holds.values():
        if hold.is_new:
            tx.rows.add(
                OPEN_HOLD,
                HoldRow(
                    hold.id, hold.member_id, hold.kind, hold.format, hold.currency, hold.amount, hold.captured,
                    hold.state, hold.expires_at, hold.created_at, hold.actor, hold.reference,
                ),
            )  # fmt: skip
            tx.rows.extend(HOLD_LOT, [HoldLotRow(hold.id, lot, units) for lot, units in hold.lots])
        elif hold.changed and hold.ended_at is not None:
            tx.rows.add(END_HOLD, HoldEnd(hold.id, hold.captured, hold.state, hold.ended_at))
            announce(
                tx,
                "hold.ended",
                {"hold": str(hold.id), "member": str(hold.member_id), "state": hold.state, "captured": hold.captured},
            )
        hold.is_new = hold.changed = False


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
    if draft.kind == "expire":
        expired: dict[str, int] = {}
        for leg in draft.legs:
            if leg.lot is not None:
                expired[leg.unit] = expired.get(leg.unit, 0) - leg.amount
        announce(tx, "lots.expired", {"journal": str(draft.id), "member": str(draft.member_id), "expired": expired})
