"""Shifts: opened with a float, counted blind, over or short, handed in. One cashier at one terminal.

What should be in the drawer is told to nobody before it has been counted. Locks: the shift's row, which a settlement,
a refund and a top-up share, so that whoever counts waits for those under way; that a terminal has one open shift is
held by a unique index.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from foundation.access import Principal, PrincipalKind
from foundation.clock import local_date
from foundation.database import Tx, database
from foundation.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from foundation.events import announce
from foundation.http import make_cursor, read_cursor
from member_api.contract.days import topups_between
from member_api.contract.topups import register_drawers
from organisation.contract import StoreFacts, place_of, staff_by_id, staff_by_number, stores_by_code, stores_by_id
from pos_adapter.handheld.rules import is_handheld
from pos_adapter.permissions import DAY_CLOSE, DAY_READ, SHIFTS_WORK
from pos_adapter.sales.facts import ORIGINAL
from pos_adapter.sales.rules import WITHHELD, StoreUnknown
from pos_adapter.tenders.operations import tender_roles
from pos_adapter.tenders.rules import TenderRole
from pos_adapter.tickets.numbers import next_number

CASH = "cash"
# Money in the books that nobody can hold in a hand.
NOT_IN_A_DRAWER = frozenset({WITHHELD, "rounding"})
ONE_DAY = timedelta(days=1)
ROUNDS_MAX = 20
SHIFTS_OF_DAY_MAX = 5_000
RULES_MAX = 10_000


class ShiftState(StrEnum):
    """open -> counted -> handed_in; the last is final."""

    OPEN = "open"
    COUNTED = "counted"
    HANDED_IN = "handed_in"


class ShiftUnknown(NotFound):
    """There is no such shift, or it is not yours to see."""

    code = "shift_unknown"


class ShiftOpen(Conflict):
    """Somebody's shift is open at this terminal; `shift` is its code."""

    code = "shift_open"


class ShiftNotOpen(Conflict):
    """The shift is past this step; `state` says which it is in."""

    code = "shift_not_open"


class SettlementPending(Conflict):
    """A settlement of this terminal waits for its payment: its cash is in the drawer and not yet in the books.

    `link` is the page of those settlements.
    """

    code = "settlement_pending"


class ShiftNeeded(Conflict):
    """At this store a desk settles only in an open shift."""

    code = "shift_needed"


class CountContradicts(Invalid):
    """The count names what cannot be counted, or leaves out the cash."""

    code = "count_contradicts_itself"


class NotThisDesk(Forbidden):
    """The token belongs to another terminal."""

    code = "not_this_desk"


@dataclass(frozen=True, slots=True)
class ShiftWish:
    """A shift to open. `float_amount` is the change in the drawer, minor units; `cashier` a staff number."""

    store: str
    terminal: str
    float_amount: int
    cashier: str | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """One tender of a count: what was there, and what should have been; `over` is below zero where it is short."""

    kind: str
    counted: int
    expected: int

    @property
    def over(self) -> int:
        return self.counted - self.expected


@dataclass(frozen=True, slots=True)
class Count:
    """One round of counting; the first is blind, later ones are a manager's and say why."""

    round: int
    at: datetime
    actor: str
    why: str | None
    tenders: tuple[Counted, ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift with its counts, the latest last. `code` is what settlements carry; amounts in minor units."""

    id: UUID
    store_id: int
    terminal: str
    code: str
    business_date: date
    cashier: str | None
    state: ShiftState
    currency: str
    float_amount: int
    opened_by: str
    opened_at: datetime
    counted_by: str | None
    counted_at: datetime | None
    handed_in_by: str | None
    handed_in_at: datetime | None
    handed_in_amount: int | None
    note: str | None
    counts: tuple[Count, ...]

    @property
    def tenders(self) -> tuple[Counted, ...]:
        """The count that holds."""
        return self.counts[-1].tenders if self.counts else ()

    @property
    def over(self) -> int | None:
        """Over or short, all tenders together; None before it is counted."""
        return sum(each.over for each in self.tenders) if self.counts else None

    @property
    def cash_counted(self) -> int:
        return sum(each.counted for each in self.tenders if each.kind == CASH)


@dataclass(frozen=True, slots=True)
class ShiftRule:
    """Whether desks of a store (None: of all) need an open shift, from a day on."""

    store_id: int | None
    needed: bool
    valid_from: date


# ------------------------------------------------------------------------------------------------ its life


def open_shift(tx: Tx, principal: Principal, wish: ShiftWish) -> Shift:
    """Open a shift. Raises StoreUnknown, NotThisDesk, PlaceForbidden, CountContradicts (an unknown cashier),
    ShiftOpen."""
    _check_place(principal, wish.store, wish.terminal)
    store = stores_by_code(tx, [wish.store]).get(wish.store)
    if store is None:
        raise StoreUnknown("There is no such store", errors=[FieldError("/store", "unknown store")])
    if wish.cashier is not None and wish.cashier not in staff_by_number(tx, [wish.cashier]):
        raise CountContradicts("There is no such cashier", errors=[FieldError("/cashier", "unknown staff number")])
    # Two who open at once stand in line here; the second finds the first's.
    day = local_date(tx.now, store.timezone)
    number = next_number(tx, store.id, day, "shift")
    if (before := shift_open_at(tx, store.id, wish.terminal)) is not None:
        raise ShiftOpen("A shift is open at this terminal; count it first", shift=before.code)
    id = uuid4()
    code = f"{day:%Y%m%d}-{number}"
    tx.execute(
        "INSERT INTO pos.shift (id, store_id, terminal, code, business_date, cashier, state, currency, float_amount,"
        " opened_by, opened_at) VALUES (:id, :store, :terminal, :code, :day, :cashier, 'open', :currency, :float,"
        " :by, :now)",
        {
            "id": id, "store": store.id, "terminal": wish.terminal, "code": code, "day": day,
            "cashier": wish.cashier or own_number(tx, principal), "currency": store.currency,
            "float": wish.float_amount, "by": principal.actor, "now": _moment(tx),
        },
    )  # fmt: skip
    return _told(tx, _shift(tx, id), store)


def count_shift(
    tx: Tx, principal: Principal, id: UUID, said: Sequence[tuple[str, int]], why: str | None = None
) -> Shift:
    """Say what is there, kind of tender by kind; what is not named is nothing. Cash has to be named.

    A kind that is named twice is what both come to. The first count closes the drawer. A second one is for whoever may
    close the day, with a reason. Raises ShiftUnknown, NotThisDesk, ShiftNotOpen, SettlementPending, CountContradicts.
    """
    shift, store = _locked(tx, principal, id)
    if shift.state is not ShiftState.OPEN:
        again = shift.state is ShiftState.COUNTED and why and principal.may(DAY_CLOSE, place_of(store.code))
        if not again or len(shift.counts) >= ROUNDS_MAX:
            raise ShiftNotOpen("The shift is past this step", state=shift.state.value)
    elif (link := pending_link(tx, shift, store)) is not None:
        raise SettlementPending("A settlement at this desk waits for its payment; count when it has ended", link=link)
    until = shift.counted_at or _moment(tx)
    expected = expected_of(tx, shift, store, until)
    _check_count(tx, [kind for kind, _ in said], expected)
    counted: dict[str, int] = {}
    for kind, amount in said:
        counted[kind] = counted.get(kind, 0) + amount
    kinds = sorted(
        {kind for kind in counted.keys() | expected.keys() if counted.get(kind) or expected.get(kind)} | {CASH}
    )
    tx.execute(
        "INSERT INTO pos.shift_count (shift_id, round, kind, counted, expected, at, actor, why)"
        " VALUES (:shift, :round, :kind, :counted, :expected, :at, :actor, :why)",
        [
            {
                "shift": id, "round": len(shift.counts) + 1, "kind": kind, "counted": counted.get(kind, 0),
                "expected": expected.get(kind, 0), "at": tx.now, "actor": principal.actor, "why": why,
            }
            for kind in kinds
        ],
    )  # fmt: skip
    tx.execute(
        "UPDATE pos.shift SET state = 'counted', counted_by = :by, counted_at = :at WHERE id = :id",
        {"id": id, "by": principal.actor, "at": until},
    )
    return _told(tx, _shift(tx, id), store)


def hand_in(tx: Tx, principal: Principal, id: UUID, amount: int | None = None, note: str | None = None) -> Shift:
    """Hand the cash in (all that was counted, if not said); what is left is the next float. The shift is over.

    Raises ShiftUnknown, NotThisDesk, ShiftNotOpen, CountContradicts (more than there is).
    """
    shift, store = _locked(tx, principal, id)
    if shift.state is not ShiftState.COUNTED:
        raise ShiftNotOpen("The shift is past this step", state=shift.state.value)
    handed = shift.cash_counted if amount is None else amount
    if handed > max(shift.cash_counted, 0):
        raise CountContradicts(
            "No more is handed in than was counted",
            errors=[FieldError("/amount", "more than was counted")],
            counted=shift.cash_counted,
        )
    tx.execute(
        "UPDATE pos.shift SET state = 'handed_in', handed_in_by = :by, handed_in_at = :now, handed_in_amount = :amount,"
        " note = :note WHERE id = :id",
        {"id": id, "by": principal.actor, "now": tx.now, "amount": handed, "note": note},
    )
    return _told(tx, _shift(tx, id), store)


def _moment(tx: Tx) -> datetime:
    """The moment after what was waited for: later than every settlement that has ended under the shift's row."""
    return max(tx.now, database().clock.now())


def _check_place(principal: Principal, store: str, terminal: str) -> None:
    bound = principal.bindings
    if bound.get("store", store) != store or bound.get("terminal", terminal) != terminal or "counter" in bound:
        raise NotThisDesk("This token belongs to another store or terminal")
    principal.require(SHIFTS_WORK, place_of(store))


def pending_link(tx: Tx, shift: Shift, store: StoreFacts) -> str | None:
    """The page of what still waits for its payment at the terminal of a shift, since it was opened; None: nothing."""
    day: date | None = tx.execute(
        "SELECT min(business_date) FROM pos.settlement WHERE state = 'pending' AND store_id = :store"
        " AND terminal = :terminal AND created_at >= :since",
        {"store": store.id, "terminal": shift.terminal, "since": shift.opened_at},
    ).scalar_one()
    if day is None:
        return None
    asked = {"store": store.code, "day": day, "state": "pending", "terminal": shift.terminal}
    return f"/settlements?{urlencode(asked)}"


def _check_count(tx: Tx, kinds: Sequence[str], expected: Collection[str]) -> None:
    """Raises CountContradicts for what nobody can count: no money, or a kind that neither the house nor a receipt of
    the shift knows."""
    roles = tender_roles(tx)
    faults = [
        FieldError(f"/tenders/{n}/kind", words)
        for n, kind in enumerate(kinds)
        if (words := _fault_of_kind(kind, roles.get(kind, TenderRole.MONEY if kind in expected else None)))
    ]
    if CASH not in kinds:
        faults.append(FieldError("/tenders", "cash has to be counted"))
    if faults:
        raise CountContradicts(faults[0].detail, errors=faults)


def _fault_of_kind(kind: str, role: TenderRole | None) -> str:
    if role is None:
        return "there is no such tender"
    return "" if role is TenderRole.MONEY and kind not in NOT_IN_A_DRAWER else "cannot be counted"


def _told(tx: Tx, shift: Shift, store: StoreFacts) -> Shift:
    announce(
        tx,
        f"shift.{'opened' if shift.state is ShiftState.OPEN else shift.state.value}",
        {"shift": str(shift.id), "store": store.id, "terminal": shift.terminal, "state": shift.state.value},
    )
    return shift


def own_number(tx: Tx, principal: Principal) -> str | None:
    """The staff number of a person; a machine has none."""
    if principal.kind is not PrincipalKind.PERSON or not principal.id.isdigit():
        return None
    found = staff_by_id(tx, [int(principal.id)]).get(int(principal.id))
    return found.number if found is not None else None


# ------------------------------------------------------------------------------------------------ what should be there


# What a terminal took in money between two moments, returns and voids taken off. What a rail took for us is in no
# drawer; what a desk handed over because a rail had refused it is out of one.
EXPECTED = f"""
WITH part AS (
    SELECT st.id AS settlement, (p ->> 'id')::uuid AS sale
    FROM pos.settlement AS st CROSS JOIN json_array_elements(st.sales) AS p
    WHERE st.store_id = :store AND st.business_date BETWEEN :first AND :last AND st.terminal = :terminal
      AND st.state = 'paid'
), receipt AS (
    SELECT s.id, s.type, s.business_date, CASE s.type WHEN 'sale' THEN 1 ELSE -1 END AS sign,
           CASE WHEN s.type = 'void' THEN o.business_date ELSE s.business_date END AS tenders_day,
           CASE WHEN s.type = 'void' THEN o.id ELSE s.id END AS tenders_of
    FROM pos.sale AS s {ORIGINAL}
    WHERE s.store_id = :store AND s.business_date BETWEEN :first AND :last AND s.terminal = :terminal
      AND s.occurred_at >= :since AND s.occurred_at <= :until AND s.state <> 'discarded'
), given_back AS (
    SELECT r.return_sale_id AS sale, m.tender, m.instead, m.amount
    FROM pos.red_ticket AS r JOIN pos.red_ticket_refund AS m ON m.red_ticket_id = r.id
    WHERE r.return_sale_id IN (SELECT id FROM receipt WHERE type = 'return')
)
SELECT t.kind, sum(r.sign * t.amount)::bigint AS amount
FROM receipt AS r JOIN pos.tender AS t ON t.business_date = r.tenders_day AND t.sale_id = r.tenders_of
LEFT JOIN part AS p ON p.sale = r.tenders_of
LEFT JOIN pos.tender_kind AS k ON k.kind = t.kind
WHERE coalesce(k.role, 'money') = 'money' AND t.kind <> ALL(:never)
  AND NOT EXISTS (SELECT FROM pos.payment AS y WHERE y.settlement_id = p.settlement AND y.n = t.n)
  AND NOT EXISTS (SELECT FROM given_back AS g WHERE g.sale = r.id AND g.tender = t.n)
GROUP BY t.kind
UNION ALL
SELECT instead, -sum(amount)::bigint FROM given_back WHERE instead IS NOT NULL GROUP BY instead
"""  # noqa: S608 - a constant of the sales


def expected_of(tx: Tx, shift: Shift, store: StoreFacts, until: datetime) -> dict[str, int]:
    """What should be in the drawer of a shift at a moment, by kind of tender: float, receipts, top-ups."""
    first, last = shift.business_date - ONE_DAY, local_date(until, store.timezone) + ONE_DAY
    rows = tx.execute(
        EXPECTED,
        {
            "store": store.id, "terminal": shift.terminal, "first": first, "last": last, "since": shift.opened_at,
            "until": until, "never": sorted(NOT_IN_A_DRAWER),
        },
    )  # fmt: skip
    expected = {CASH: shift.float_amount}
    for row in rows:
        expected[row.kind] = expected.get(row.kind, 0) + row.amount
    for topup in topups_between(tx, store.code, first, last):
        # Somebody without a terminal of its own took it at the shift that the same person has opened (HOLD_DRAWER).
        here = topup.terminal == shift.terminal or (topup.terminal is None and topup.actor == shift.opened_by)
        if here and shift.opened_at <= topup.at <= until and topup.currency == shift.currency:
            expected[topup.tender] = expected.get(topup.tender, 0) + topup.amount
    return expected


# ------------------------------------------------------------------------------------------------ at the desk


@dataclass(frozen=True, slots=True)
class OpenShift:
    """The shift that is open at a terminal."""

    id: UUID
    code: str
    cashier: str | None


OPEN_AT = "SELECT id, code, cashier FROM pos.shift WHERE store_id = :store AND terminal = :terminal AND state = 'open'"
OPEN_AND_HELD = f"{OPEN_AT} FOR KEY SHARE"


def shift_open_at(tx: Tx, store_id: int, terminal: str, *, hold: bool = False) -> OpenShift | None:
    """The shift that is open at a terminal, if there is one; with `hold` nobody counts it before the transaction ends.

    Waits for a count that is under way.
    """
    row = tx.execute(OPEN_AND_HELD if hold else OPEN_AT, {"store": store_id, "terminal": terminal}).one_or_none()
    return OpenShift(*row) if row is not None else None


HOLD_DRAWER = (
    "SELECT FROM pos.shift WHERE store_id = :store AND state = 'open' AND (terminal = :terminal"
    " OR (CAST(:terminal AS text) IS NULL AND opened_by = :actor)) ORDER BY id FOR KEY SHARE"
)


def hold_drawer(tx: Tx, store: StoreFacts, terminal: str | None, actor: str) -> None:
    """Nobody counts the drawer of a top-up before the transaction ends. Waits for a count that is under way."""
    tx.execute(HOLD_DRAWER, {"store": store.id, "terminal": terminal, "actor": actor})


register_drawers("shifts", hold_drawer)


def shift_for(tx: Tx, store: StoreFacts, terminal: str) -> OpenShift | None:
    """The shift that a settlement at this terminal belongs to; handhelds have none.

    Raises ShiftNeeded where there is none and the store says that there must be.
    """
    if is_handheld(terminal):
        return None
    found = shift_open_at(tx, store.id, terminal, hold=True)
    if found is None and shift_is_needed(tx, store.id, local_date(tx.now, store.timezone)):
        raise ShiftNeeded("Open a shift at this terminal first")
    return found


def shift_is_needed(tx: Tx, store_id: int, day: date) -> bool:
    """Whether desks of a store settle only in an open shift: what was said last for the store, or else for all."""
    found = tx.execute(
        "SELECT needed FROM pos.shift_rule WHERE (store_id IS NULL OR store_id = :store) AND valid_from <= :day"
        " ORDER BY store_id IS NULL, valid_from DESC, id DESC LIMIT 1",
        {"store": store_id, "day": day},
    ).scalar_one_or_none()
    return bool(found)


def shift_rules(tx: Tx) -> list[ShiftRule]:
    """Every rule, in the order in which they were set."""
    rows = tx.execute(
        "SELECT store_id, needed, valid_from FROM pos.shift_rule ORDER BY id LIMIT :most", {"most": RULES_MAX}
    )
    return [ShiftRule(*row) for row in rows]


def set_shift_rule(tx: Tx, principal: Principal, rule: ShiftRule) -> None:
    """Say from a day on whether shifts are needed; what was said before is overruled, and kept."""
    tx.execute(
        "INSERT INTO pos.shift_rule (store_id, needed, valid_from, set_by, set_at)"
        " VALUES (:store, :needed, :day, :by, :now)",
        {
            "store": rule.store_id, "needed": rule.needed, "day": rule.valid_from, "by": principal.actor,
            "now": tx.now,
        },
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ looking


COLUMNS = """
SELECT id, store_id, terminal, code, business_date, cashier, state, currency, float_amount, opened_by, opened_at,
       counted_by, counted_at, handed_in_by, handed_in_at, handed_in_amount, note
FROM pos.shift
"""


def read_shift(tx: Tx, principal: Principal, id: UUID) -> Shift:
    """One shift. Raises ShiftUnknown, also for one that the caller may not see."""
    found = _shifts(tx, tx.execute(COLUMNS + "WHERE id = :id", {"id": id}).all())
    if not found or not _may_see(principal, found[0], stores_by_id(tx, [found[0].store_id])[found[0].store_id].code):
        raise ShiftUnknown("There is no such shift")
    return found[0]


def list_shifts(
    tx: Tx, stores: Sequence[StoreFacts], *, terminal: str | None = None, states: Sequence[ShiftState] = (),
    day: date | None = None, limit: int, cursor: str | None,
) -> tuple[list[Shift], str | None]:  # fmt: skip
    """Shifts of these stores, the latest first, and the cursor of the next page."""
    before = read_cursor(cursor, datetime, UUID) if cursor else None
    rows = tx.execute(
        COLUMNS + "WHERE store_id = ANY(:stores) AND (CAST(:terminal AS text) IS NULL OR terminal = :terminal)"
        " AND (CAST(:states AS text[]) IS NULL OR state = ANY(:states))"
        " AND (CAST(:day AS date) IS NULL OR business_date = :day)"
        " AND (CAST(:at AS timestamptz) IS NULL OR (opened_at, id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))"
        " ORDER BY opened_at DESC, id DESC LIMIT :limit",
        {
            "stores": [store.id for store in stores], "terminal": terminal,
            "states": [state.value for state in states] or None, "day": day,
            "at": before[0] if before else None, "id": before[1] if before else None, "limit": limit + 1,
        },
    ).all()  # fmt: skip
    following = make_cursor(rows[limit - 1].opened_at, rows[limit - 1].id) if len(rows) > limit else None
    return _shifts(tx, rows[:limit]), following


def shifts_of_day(tx: Tx, store: StoreFacts, day: date) -> list[Shift]:
    """The shifts that are posted on a day, or would be: those handed in, of that day or before, that no day has."""
    rows = tx.execute(
        COLUMNS + "WHERE store_id = :store AND (posting_date = :day OR (posting_date IS NULL AND business_date <= :day"
        " AND NOT EXISTS (SELECT FROM pos.store_day AS d WHERE d.store_id = :store AND d.day >= :day)))"
        " ORDER BY opened_at, id LIMIT :most",
        {"store": store.id, "day": day, "most": SHIFTS_OF_DAY_MAX},
    )
    return _shifts(tx, rows.all())


def _locked(tx: Tx, principal: Principal, id: UUID) -> tuple[Shift, StoreFacts]:
    found = _shifts(tx, tx.execute(COLUMNS + "WHERE id = :id FOR UPDATE", {"id": id}).all())
    store = stores_by_id(tx, [found[0].store_id])[found[0].store_id] if found else None
    if store is None or not _may_see(principal, found[0], store.code):
        raise ShiftUnknown("There is no such shift")
    _check_place(principal, store.code, found[0].terminal)
    return found[0], store


def _may_see(principal: Principal, shift: Shift, store: str) -> bool:
    bound = principal.bindings.get("terminal", shift.terminal) == shift.terminal
    return bound and (principal.may(SHIFTS_WORK, place_of(store)) or principal.may(DAY_READ, place_of(store)))


def _shift(tx: Tx, id: UUID) -> Shift:
    return _shifts(tx, tx.execute(COLUMNS + "WHERE id = :id", {"id": id}).all())[0]


def _shifts(tx: Tx, rows: Sequence[Any]) -> list[Shift]:
    counts = _counts(tx, [row.id for row in rows])
    found = []
    for row in rows:
        facts = dict(row._mapping)
        facts["state"] = ShiftState(facts["state"])
        found.append(Shift(**facts, counts=tuple(counts.get(row.id, ()))))
    return found


def _counts(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, list[Count]]:
    rows = tx.execute(
        "SELECT shift_id, round, kind, counted, expected, at, actor, why FROM pos.shift_count"
        " WHERE shift_id = ANY(:ids) ORDER BY shift_id, round, kind <> 'cash', kind",
        {"ids": list(ids)},
    )
    rounds: dict[tuple[UUID, int], list[Any]] = {}
    for row in rows:
        rounds.setdefault((row.shift_id, row.round), []).append(row)
    found: dict[UUID, list[Count]] = {}
    for (shift, number), of_round in rounds.items():
        first = of_round[0]
        tenders = tuple(Counted(row.kind, row.counted, row.expected) for row in of_round)
        found.setdefault(shift, []).append(Count(number, first.at, first.actor, first.why, tenders))
    return found
