"""Paying in: principal and bonus enter the cash account as one bundle, and are used up in proportion.

1,000 paid in with a bonus of 200, then 300 spent: 250 of the principal, 50 of the bonus; 750 can be given back. The
principal never expires. Limits are dated rules of law and of the house, by currency.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import FieldError, Invalid
from foundation.events import announce
from foundation.identifiers import dated_id, day_of
from member_api.ledger.operations import (
    COMPANY,
    ExpiryPassed,
    MemberCannotEarn,
    Posted,
    Step,
    currency_of,
    standing,
)
from member_api.ledger.rules import Kind, Origin, Provenance, System
from member_api.ledger.wallets import lock_wallet, record
from member_api.members.lookup import MemberFacts, MemberRef, resolve_member
from member_api.topups.tables import WRITE_TOPUP, TopUpRow
from organisation.contract import StoreFacts, stores_by_code

CASH_TENDER = "cash"
BALANCE_AFTER, CASH_TOPUP = "balance_after_topup", "cash_topup"


class TopUpOverLimit(Invalid):
    """A rule of stored value stands against it; `limit` names it, `amount` is its figure."""

    code = "topup_over_limit"


class TopUpCurrencyForeign(Invalid):
    """A store takes money in its own currency; `currency` says which."""

    code = "topup_currency_foreign"


@dataclass(frozen=True, slots=True)
class TopUp:
    """What a member pays in, in minor units. The bonus is the retailer's gift and ends on `bonus_expires_on`."""

    amount: int
    bonus: int
    tender: str
    reference: str | None = None
    currency: str | None = None
    bonus_expires_on: date | None = None
    terminal: str | None = None


@dataclass(frozen=True, slots=True)
class PaidIn:
    """A recorded top-up, and how the account stands."""

    id: UUID
    posted: Posted


@dataclass(frozen=True, slots=True)
class TopUpTotal:
    """Of a store's day and a tender: how many, the money taken, the bonus given."""

    terminal: str | None
    tender: str
    currency: str
    count: int
    amount: int
    bonus: int


# Keeps the drawer that a top-up is paid into from being counted before the transaction ends: store, its terminal (None:
# whoever took it has none), actor.
HoldDrawer = Callable[[Tx, StoreFacts, str | None, str], None]
_holds: dict[str, HoldDrawer] = {}


def register_drawers(name: str, hold: HoldDrawer) -> None:
    """Say how drawers are held; whoever keeps drawers does, so that this package need not know who that is."""
    _holds[name] = hold


def top_up(tx: Tx, ref: MemberRef, wanted: TopUp, step: Step) -> PaidIn:
    """Pay in: at a store in its currency, elsewhere as asked, or else in that of the member's home store.

    Waits for a count of the drawer that is under way. Raises MemberUnknown, MemberCannotEarn, TopUpOverLimit,
    TopUpCurrencyForeign, ExpiryPassed, AmountTooLarge.
    """
    store = stores_by_code(tx, [step.store]).get(step.store) if step.store is not None else None
    if store is not None:
        # Before the member: no other posting of theirs waits while somebody counts.
        for hold in _holds.values():
            hold(tx, store, wanted.terminal, step.actor)
    member = resolve_member(tx, ref, lock="share")
    if not member.may_earn:
        raise MemberCannotEarn("The membership is closed")
    wallet = lock_wallet(tx, member.id)
    if wanted.bonus and wanted.bonus_expires_on is not None and wanted.bonus_expires_on < wallet.today:
        raise ExpiryPassed(
            "The last day of the bonus lies in the past", errors=[FieldError("/bonus_expires_on", "lies in the past")]
        )
    currency = _currency_paid(tx, member, wanted.currency, store)
    _check_limits(tx, wanted, currency, standing(wallet, Kind.CASH, currency)[0], wallet.today)
    id = dated_id(wallet.today, "topup", step.reference)
    draft = wallet.draft(wallet.today, "topup", store=step.store, reference=step.reference)
    account = wallet.account(Kind.CASH, None, currency)
    principal = Provenance(Origin.TOPUP, "topup", COMPANY, None, None, id)
    wallet.issue(draft, account, wanted.amount, principal, System.ISSUED)
    if wanted.bonus:
        bonus = Provenance(Origin.BONUS, "topup", COMPANY, wanted.bonus_expires_on, None, id)
        wallet.issue(draft, account, wanted.bonus, bonus, System.ISSUED)
    record(tx, [wallet], step.actor)
    day = local_date(tx.now, store.timezone) if store is not None else wallet.today
    tx.rows.add(
        WRITE_TOPUP,
        TopUpRow(
            id, day, member.id, step.store, wanted.terminal, currency, wanted.amount, wanted.bonus, wanted.tender,
            wanted.reference, step.actor, tx.now,
        ),
    )  # fmt: skip
    announce(tx, "topup.recorded", {"topup": str(id), "member": str(member.id), "store": step.store})
    lots = tuple((leg.lot.id, leg.amount) for leg in draft.legs if leg.lot is not None)
    balance, available = standing(wallet, Kind.CASH, currency)
    posted = Posted(
        draft.id, member.id, Kind.CASH, currency, sum(units for _, units in lots), balance, available, lots
    )  # fmt: skip
    return PaidIn(id, posted)


def _currency_paid(tx: Tx, member: MemberFacts, asked: str | None, store: StoreFacts | None) -> str:
    if store is not None:
        if asked not in (None, store.currency):
            wrong = FieldError("/currency", f"must be {store.currency}")
            raise TopUpCurrencyForeign(f"{store.code} takes {store.currency}", errors=[wrong], currency=store.currency)
        return store.currency
    currency = currency_of(tx, member, Kind.CASH, asked)
    assert currency is not None
    return currency


def _check_limits(tx: Tx, wanted: TopUp, currency: str, balance: int, day: date) -> None:
    limits = limits_on(tx, currency, day)
    for name, asked in (
        (BALANCE_AFTER, balance + wanted.amount + wanted.bonus),
        (CASH_TOPUP, wanted.amount if wanted.tender == CASH_TENDER else 0),
    ):
        limit = limits.get(name)
        if limit is not None and asked > limit:
            raise TopUpOverLimit(
                f"{name} may be at most {limit}, it would be {asked}",
                errors=[FieldError("/amount", f"{name}: at most {limit}")],
                limit=name,
                amount=limit,
            )


def limits_on(tx: Tx, currency: str, day: date) -> dict[str, int | None]:
    """The rules of stored value in force on a day, by name; None where one says that there is no limit."""
    rows = tx.execute(
        "SELECT DISTINCT ON (name) name, amount FROM member.stored_value_limit"
        " WHERE currency = :currency AND valid_from <= :day ORDER BY name, valid_from DESC, id DESC",
        {"currency": currency, "day": day},
    )
    return {row.name: row.amount for row in rows}


def totals_of_day(tx: Tx, store: str, day: date) -> Sequence[TopUpTotal]:
    """What was paid in at a store on one of its days, by terminal and tender."""
    rows = tx.execute(
        "SELECT terminal, tender, currency, count(*), sum(amount)::bigint, sum(bonus)::bigint FROM member.topup"
        " WHERE store = :store AND day = :day GROUP BY terminal, tender, currency ORDER BY terminal, tender, currency",
        {"store": store, "day": day},
    )
    return [TopUpTotal(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class TopUpOfDay:
    """A top-up beside what the accounts have of it: the lots that it brought, as they came in."""

    id: UUID
    day: date
    store: str | None
    terminal: str | None
    tender: str
    currency: str
    amount: int
    bonus: int
    at: datetime
    actor: str
    principal_in: int
    bonus_in: int


# What a top-up brought in is in the journal of its moment; the entries of its lots say how much. A journal is filed
# under the company's date, at most a day beside the store's: one month of journals is looked at, or two.
TOPUPS = """
SELECT t.id, t.day, t.store, t.terminal, t.tender, t.currency, t.amount, t.bonus, t.at, t.actor,
       coalesce(b.principal, 0)::bigint, coalesce(b.bonus, 0)::bigint
FROM member.topup AS t LEFT JOIN LATERAL (
    SELECT sum(e.amount) FILTER (WHERE l.origin = 'topup') AS principal,
           sum(e.amount) FILTER (WHERE l.origin = 'bonus') AS bonus
    FROM member.journal AS j
    JOIN member.entry AS e ON e.day = j.day AND e.journal_id = j.id
    JOIN member.lot AS l ON l.id = e.lot_id AND l.purchase = t.id
    WHERE j.day BETWEEN t.day - 1 AND t.day + 1
      AND j.member_id = t.member_id AND j.at = t.at AND j.kind = 'topup'
) AS b ON true
"""
TOPUPS_MAX = 200_000


def topups_between(tx: Tx, store: str, since: date, until: date) -> Sequence[TopUpOfDay]:
    """The top-ups of a store whose day lies in [since, until], in their order."""
    rows = tx.execute(
        TOPUPS + "WHERE t.store = :store AND t.day BETWEEN :since AND :until ORDER BY t.at, t.id LIMIT :limit",
        {"store": store, "since": since, "until": until, "limit": TOPUPS_MAX},
    )
    return [TopUpOfDay(*row) for row in rows]


def first_topup_between(tx: Tx, store: str, since: date, until: date) -> date | None:
    """The first day in [since, until] on which a store took a top-up."""
    found: date | None = tx.execute(
        "SELECT min(day) FROM member.topup WHERE store = :store AND day BETWEEN :since AND :until",
        {"store": store, "since": since, "until": until},
    ).scalar_one()
    return found


def topups_named(tx: Tx, ids: Collection[UUID]) -> Sequence[TopUpOfDay]:
    """These top-ups, in their order; unknown ones are left out."""
    rows = tx.execute(TOPUPS + "WHERE t.id = ANY(:ids) ORDER BY t.at, t.id", {"ids": list(ids)})
    return [TopUpOfDay(*row) for row in rows]


def journals_without_topup(tx: Tx, journals: Collection[UUID]) -> list[tuple[UUID, int]]:
    """(journal, units) of those of these journals that brought in a top-up that nobody recorded."""
    rows = tx.execute(
        "SELECT j.id, sum(e.amount)::bigint FROM member.journal AS j"
        " JOIN member.entry AS e ON e.day = j.day AND e.journal_id = j.id"
        " JOIN member.lot AS l ON l.id = e.lot_id"
        " WHERE j.day = ANY(:days) AND j.id = ANY(:ids) AND j.kind = 'topup'"
        " AND NOT EXISTS (SELECT FROM member.topup AS t WHERE t.id = l.purchase) GROUP BY j.id ORDER BY j.id",
        {"ids": list(journals), "days": sorted({day for id in journals if (day := day_of(id)) is not None})},
    )
    return [(row.id, row[1]) for row in rows]
