"""Moving what members own: grants, redemptions, adjustments, holds.

Each operation loads the member's wallet under its locks (member row shared, then accounts in order of id), lets the
wallet decide, records and announces. A refusal leaves nothing behind, for nothing is written before the commit.

A journal's id follows from the `Step`, which follows from client and Idempotency-Key: a step that runs twice, past
whatever door, is refused by the journal's primary key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from foundation.database import Tx, database
from foundation.errors import FieldError, Invalid, NotFound
from foundation.events import announce
from foundation.partitions import ensure_months
from foundation.settings import get_settings
from member_api.earning.operations import rules_at
from member_api.earning.rules import expires_on as last_day
from member_api.ledger.reasons import sealed_reason
from member_api.ledger.rules import Draft, Hold, Kind, Lot, Origin, Provenance, System, Wallet
from member_api.ledger.wallets import lock_wallet, record, today
from member_api.members.lookup import MemberFacts, MemberRef, resolve_member
from member_api.purchases.operations import usable_at
from organisation.contract import stores_by_code

COMPANY = "company"
HOLD_DEFAULT_S = 15 * 60
HOLD_MAX_S = 30 * 24 * 3600
ORIGINS = (Origin.GRANT, Origin.COMPENSATION, Origin.TOPUP, Origin.BONUS, Origin.IMPORT)


class MemberCannotSpend(Invalid):
    """The member is frozen or closed: nothing can be taken from the accounts."""

    code = "member_cannot_spend"


class MemberCannotEarn(Invalid):
    """The membership is closed or erased: nothing can be brought in any more."""

    code = "member_cannot_earn"


class ExpiryPassed(Invalid):
    """The last day lies in the past."""

    code = "expiry_passed"


class CurrencyNotNamed(Invalid):
    """Points have no currency; e-coins and cash have one."""

    code = "currency_contradicts_kind"


class HoldUnknown(NotFound):
    """There is no such hold."""

    code = "hold_unknown"


@dataclass(frozen=True, slots=True)
class Step:
    """Whose step this is. `reference` is the same when the same step is done again; `store` where it happens."""

    reference: str
    actor: str
    store: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """An amount that comes in. `amount` > 0; `expires_on` is the last day it can be used.

    Without a last day points last as the earning rules say, e-coins and cash for ever. `currency` None: that of the
    member's home store, else the company's.
    """

    kind: Kind
    amount: int
    source: str
    expires_on: date | None = None
    origin: Origin = Origin.GRANT
    funder: str = COMPANY
    format: str | None = None
    currency: str | None = None
    conditions: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Taking:
    """An amount that is taken or set aside. `format` narrows to the account of that format."""

    kind: Kind
    amount: int
    format: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A correction by hand: `amount` <> 0. What comes in by it expires as a grant does."""

    kind: Kind
    amount: int
    reason: str
    format: str | None = None
    currency: str | None = None
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """What a movement came to: its journal, and how the member's accounts of that kind and currency stand after it.

    `lots` are (lot id, signed units).
    """

    journal: UUID
    member: int
    kind: Kind
    currency: str | None
    amount: int
    balance: int
    available: int
    lots: tuple[tuple[int, int], ...]


def currency_of(tx: Tx, member: MemberFacts, kind: Kind, asked: str | None) -> str | None:
    """The currency an account of this kind has: as asked, else the home store's, else the company's; none for points.

    Raises CurrencyNotNamed when points are given a currency.
    """
    if kind is Kind.POINTS:
        if asked is not None:
            raise CurrencyNotNamed("Points have no currency", errors=[FieldError("/currency", "points have none")])
        return None
    if asked is not None:
        return asked
    store = stores_by_code(tx, [member.home_store]).get(member.home_store) if member.home_store else None
    return store.currency if store else get_settings().company_currency


# ------------------------------------------------------------------------------------------------ in and out
def grant(tx: Tx, ref: MemberRef, wanted: Grant, step: Step) -> Posted:
    """Bring an amount in. Debts of the account are repaid from it first.

    Raises MemberUnknown, MemberCannotEarn, ExpiryPassed, CurrencyNotNamed, AmountTooLarge.
    """
    member, wallet = _wallet(tx, ref)
    _may_earn(member)
    draft = wallet.draft(wallet.today, "grant", store=_store(step, member), reference=step.reference)
    _bring_in(tx, member, wallet, draft, wanted, System.ISSUED)
    return _record(tx, wallet, draft, step, wanted.kind, currency_of(tx, member, wanted.kind, wanted.currency))


def redeem(tx: Tx, ref: MemberRef, wanted: Taking, reason: str, step: Step) -> Posted:
    """Take an amount for a redemption, soonest expiry first, from lots whose conditions allow it here.

    Raises MemberUnknown, MemberCannotSpend, InsufficientBalance, CurrencyNotNamed.
    """
    member, wallet = _wallet(tx, ref)
    _may_spend(member)
    currency = currency_of(tx, member, wanted.kind, wanted.currency)
    draft = wallet.draft(
        wallet.today, "redemption", store=_store(step, member), reference=step.reference,
        reason=sealed_reason(tx, member.id, reason),
    )  # fmt: skip
    usable = usable_for(tx, wanted.format, step.store)
    wallet.spend(draft, wanted.kind, currency, wanted.amount, System.REDEEMED, usable=usable)
    return _record(tx, wallet, draft, step, wanted.kind, currency)


def adjust(tx: Tx, ref: MemberRef, wanted: Adjustment, step: Step) -> Posted:
    """Correct an account by hand, in either direction; what is taken is taken from any free lot.

    Whether a second person is needed was settled before. A frozen member can be adjusted. Raises MemberUnknown,
    MemberCannotEarn, InsufficientBalance (an adjustment makes no debt), ExpiryPassed, CurrencyNotNamed.
    """
    member, wallet = _wallet(tx, ref)
    _may_earn(member)
    currency = currency_of(tx, member, wanted.kind, wanted.currency)
    draft = wallet.draft(
        wallet.today, "adjustment", store=_store(step, member), reference=step.reference,
        reason=sealed_reason(tx, member.id, wanted.reason),
    )  # fmt: skip
    if wanted.amount > 0:
        incoming = Grant(
            wanted.kind, wanted.amount, "adjustment", wanted.expires_on, format=wanted.format, currency=wanted.currency
        )
        _bring_in(tx, member, wallet, draft, incoming, System.ADJUSTED)
    else:
        wallet.spend(
            draft, wanted.kind, currency, -wanted.amount, System.ADJUSTED,
            usable=lambda lot: wanted.format in (None, lot.account.format),
        )  # fmt: skip
    return _record(tx, wallet, draft, step, wanted.kind, currency)


def usable_for(tx: Tx, format: str | None, store: str | None) -> Callable[[Lot], bool]:
    """Which lots can be used outside of a receipt: those of the format, without conditions or with ones met here.

    A lot that asks for a least amount or for counters needs a receipt, and a lot of certain stores a store.
    """
    facts = stores_by_code(tx, [store]).get(store) if store else None
    here = facts.format if facts else None
    return lambda lot: format in (None, lot.account.format) and usable_at(lot, store or "", here)


def _bring_in(tx: Tx, member: MemberFacts, wallet: Wallet, draft: Draft, wanted: Grant, other: System) -> None:
    if wanted.expires_on is not None and wanted.expires_on < wallet.today:
        raise ExpiryPassed("The last day lies in the past", errors=[FieldError("/expires_on", "lies in the past")])
    lasts = wanted.expires_on
    if lasts is None and wanted.kind is Kind.POINTS:
        lasts = last_day(wallet.today, rules_at(tx, tx.now).programme.points_life)
    account = wallet.account(wanted.kind, wanted.format, currency_of(tx, member, wanted.kind, wanted.currency))
    given = Provenance(wanted.origin, wanted.source, wanted.funder, lasts, wanted.conditions)
    wallet.issue(draft, account, wanted.amount, given, other)


def _wallet(tx: Tx, ref: MemberRef) -> tuple[MemberFacts, Wallet]:
    member = resolve_member(tx, ref, lock="share")
    ensure_months(database(), [today(tx)])
    return member, lock_wallet(tx, member.id)


def _may_earn(member: MemberFacts) -> None:
    if not member.may_earn:
        raise MemberCannotEarn(f"The membership is {member.status.value}")


def _may_spend(member: MemberFacts) -> None:
    if not member.may_spend:
        raise MemberCannotSpend(f"The membership is {member.status.value}")


def _store(step: Step, member: MemberFacts) -> str | None:
    return step.store or member.home_store


def _record(tx: Tx, wallet: Wallet, draft: Draft, step: Step, kind: Kind, currency: str | None) -> Posted:
    record(tx, [wallet], step.actor)
    lots = tuple((leg.lot.id, leg.amount) for leg in draft.legs if leg.lot is not None)
    balance, available = standing(wallet, kind, currency)
    return Posted(draft.id, wallet.member_id, kind, currency, sum(units for _, units in lots), balance, available, lots)


def standing(wallet: Wallet, kind: Kind, currency: str | None) -> tuple[int, int]:
    """(balance, available) of one kind and currency over all formats."""
    accounts = [a for a in wallet.accounts.values() if a.kind == kind and a.currency == currency]
    return sum(a.balance for a in accounts), sum(a.available for a in accounts)


# ------------------------------------------------------------------------------------------------ holds
def place_hold(tx: Tx, ref: MemberRef, wanted: Taking, expires_in: timedelta, step: Step) -> Hold:
    """Set an amount aside: named lots, which do not expire meanwhile. Announces `hold.placed`.

    The same step twice is refused by the hold's unique reference.

    Raises MemberUnknown, MemberCannotSpend, InsufficientBalance, CurrencyNotNamed.
    """
    member, wallet = _wallet(tx, ref)
    _may_spend(member)
    currency = currency_of(tx, member, wanted.kind, wanted.currency)
    hold = wallet.place_hold(
        wanted.kind, wanted.format, currency, wanted.amount, tx.now + expires_in, actor=step.actor,
        reference=step.reference, usable=usable_for(tx, wanted.format, step.store),
    )  # fmt: skip
    announce(tx, "hold.placed", {"hold": str(hold.id), "member": str(member.id)})
    record(tx, [wallet], step.actor)
    return hold


def capture_hold(tx: Tx, hold_id: int, amount: int, step: Step) -> tuple[Hold, Posted]:
    """Spend `amount` > 0 of what was set aside and let the rest go.

    What was set aside before the member was frozen can still be captured: the promise was made. Raises HoldUnknown,
    HoldEnded, CaptureTooLarge.
    """
    wallet, hold = _held(tx, hold_id)
    draft = wallet.capture_hold(hold, amount, store=step.store)
    wallet.expire_overdue()
    return hold, _record(tx, wallet, draft, step, Kind(hold.kind), hold.currency)


def release_hold(tx: Tx, hold_id: int, step: Step) -> Hold:
    """Let go of everything that was set aside. Raises HoldUnknown, HoldEnded."""
    wallet, hold = _held(tx, hold_id)
    wallet.release_hold(hold)
    wallet.expire_overdue()
    record(tx, [wallet], step.actor)
    return hold


def _held(tx: Tx, hold_id: int) -> tuple[Wallet, Hold]:
    member = member_of_hold(tx, hold_id)
    resolve_member(tx, member, lock="share")
    ensure_months(database(), [today(tx)])
    # The hold is read again with the wallet, under the locks of its accounts; without them its state means nothing.
    wallet = lock_wallet(tx, member, holds=[hold_id])
    return wallet, wallet.holds[hold_id]


def member_of_hold(tx: Tx, hold_id: int) -> int:
    """Whose hold it is. Raises HoldUnknown."""
    row = tx.ask("SELECT member_id FROM member.hold WHERE id = %s", (hold_id,)).fetchone()
    if row is None:
        raise HoldUnknown("There is no such hold")
    return int(row[0])
