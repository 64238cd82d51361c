"""What happens to a member's lots: the ledger's decisions, without any I/O.

A `Wallet` is the working copy of one member's accounts and lots inside a transaction that holds their locks. Each
method decides one movement and writes it into a `Draft` journal; nothing else changes lots or balances.

Invariants, checked by `regulars ledger verify` for the whole database:
- a draft sums to zero per unit;
- an account's balance is the sum of its lots' `remaining`; its `held` the sum of their `held`; its `debt` the sum
  of what its debt lots are below zero;
- no lot but a debt lot goes below zero.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from foundation.errors import Conflict, FieldError, Invalid
from foundation.identifiers import dated_id


class Kind(StrEnum):
    """What an account holds."""

    POINTS = "points"
    ECOIN = "ecoin"
    CASH = "cash"


class Origin(StrEnum):
    """How an amount came into being; it decides what it is worth in the books."""

    PURCHASE = "purchase"
    GRANT = "grant"
    COMPENSATION = "compensation"
    TOPUP = "topup"
    BONUS = "bonus"
    IMPORT = "import"
    DEBT = "debt"


class System(StrEnum):
    """The other side of a member's movement."""

    ISSUED = "issued"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    CLAWED_BACK = "clawed_back"
    WITHHELD = "withheld"
    ADJUSTED = "adjusted"


class InsufficientBalance(Invalid):
    """Fewer units are free to spend than were asked for."""

    code = "insufficient_balance"


class AmountTooLarge(Invalid):
    """An amount that no account may reach."""

    code = "amount_too_large"


class HoldEnded(Conflict):
    """The hold was captured, released or has timed out already; `state` says which."""

    code = "hold_ended"


class CaptureTooLarge(Invalid):
    """More is captured than was held."""

    code = "capture_too_large"


class HoldState(StrEnum):
    """open -> captured | released | expired; the last three are final."""

    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


BALANCE_MAX = 10**15
NO_DAY = date.max


@dataclass(slots=True)
class Account:
    """A sub-account. `balance` counts every lot, debts included; `remainder` is millionths of a point."""

    id: int
    member_id: int
    kind: str
    format: str | None
    currency: str | None
    balance: int
    held: int
    debt: int
    remainder: int
    opened_at: datetime
    is_new: bool = False
    changed: bool = False

    @property
    def unit(self) -> str:
        """What a journal must balance in: points, or e-coins or cash of one currency."""
        return self.kind if self.currency is None else f"{self.kind}:{self.currency}"

    @property
    def available(self) -> int:
        return self.balance - self.held


@dataclass(slots=True)
class Lot:
    """An amount that entered an account at one moment from one source."""

    id: int
    account: Account
    origin: str
    source: str
    funder: str
    conditions: Mapping[str, Any] | None
    purchase: UUID | None
    parent: int | None
    expires_on: date | None
    amount: int
    remaining: int
    held: int
    expired: int
    at: datetime
    is_new: bool = False
    changed: bool = False

    @property
    def free(self) -> int:
        return self.remaining - self.held

    @property
    def bundle(self) -> UUID | None:
        """The top-up that this lot is a part of: its principal and its bonus are used up in proportion."""
        return self.purchase if self.origin in (Origin.TOPUP, Origin.BONUS) else None

    @property
    def root(self) -> int:
        """The lot that this one stands for: itself, or the expired lot that it gives back."""
        return self.parent or self.id


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a new lot comes from, and its conditions."""

    origin: Origin
    source: str
    funder: str
    expires_on: date | None
    conditions: Mapping[str, Any] | None = None
    purchase: UUID | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """One entry of a journal: a lot of a member, or the other side."""

    unit: str
    amount: int
    lot: Lot | None
    system: str | None


@dataclass(slots=True)
class Draft:
    """A journal in the making."""

    id: UUID
    day: date
    kind: str
    member_id: int
    store: str | None
    reference: str
    reverses: UUID | None = None
    reason: str | None = None
    legs: list[Leg] = field(default_factory=list)


@dataclass(slots=True)
class Substitution:
    """`owner` could not pay a clawback, `substitute` did; what comes back to the owner goes there first."""

    owner: int
    substitute: int
    amount: int
    is_new: bool = False
    changed: bool = False


@dataclass(slots=True)
class Hold:
    """An amount set aside until it is captured or released, or `expires_at` passes. `lots` are (lot id, units)."""

    id: int
    member_id: int
    kind: str
    format: str | None
    currency: str | None
    amount: int
    captured: int
    state: str
    expires_at: datetime
    created_at: datetime
    ended_at: datetime | None
    actor: str
    reference: str
    lots: list[tuple[int, int]]
    is_new: bool = False
    changed: bool = False

    def state_at(self, now: datetime) -> HoldState:
        """The state as everybody must see it: a hold whose time is over has expired, whoever writes it down."""
        if self.state == HoldState.OPEN and self.expires_at <= now:
            return HoldState.EXPIRED
        return HoldState(self.state)


def in_proportion(units: int, parts: Sequence[int]) -> list[int]:
    """`units` out of parts in proportion to them, by largest remainder, ties by position."""
    whole = sum(parts)
    if len(parts) == 1 or units == whole:
        return list(parts) if units == whole else [units]
    shares = [units * part // whole for part in parts]
    order = sorted(range(len(parts)), key=lambda n: (-(units * parts[n] % whole), n))
    for n in order[: units - sum(shares)]:
        shares[n] += 1
    return shares


def _bundled(lots: Sequence[Lot]) -> list[list[Lot]]:
    """Lots in their order, those of one top-up together where the first of them stands."""
    groups: dict[UUID | int, list[Lot]] = {}
    for lot in lots:
        groups.setdefault(lot.bundle or lot.id, []).append(lot)
    return list(groups.values())


class Wallet:
    """One member's accounts and those lots that the work at hand needs.

    `lots` may be a part of them: every open lot when something is to be spent or taken back, only debts when
    something is merely earned (`complete` says which).
    """

    __slots__ = (
        "accounts", "complete", "drafts", "holds", "lots", "member_id", "new_id", "next_expiry", "now", "recorded",
        "substitutions", "today",
    )  # fmt: skip

    def __init__(
        self, member_id: int, accounts: Iterable[Account], *, today: date, now: datetime, new_id: Callable[[], int]
    ) -> None:
        self.member_id = member_id
        self.accounts = {(a.kind, a.format, a.currency): a for a in accounts}
        self.lots: dict[int, Lot] = {}
        self.substitutions: list[Substitution] = []
        self.drafts: list[Draft] = []
        self.holds: dict[int, Hold] = {}
        self.complete = False
        self.recorded = False
        self.today = today
        self.now = now
        self.new_id = new_id
        self.next_expiry: dict[date, int] = {}

    # ------------------------------------------------------------------------------------------ reading

    def account(self, kind: str, format: str | None, currency: str | None) -> Account:
        """The account of this kind, opened when it is not there yet."""
        key = (kind, format, currency)
        if key not in self.accounts:
            self.accounts[key] = Account(
                self.new_id(), self.member_id, kind, format, currency, 0, 0, 0, 0, self.now, is_new=True
            )
        return self.accounts[key]

    def balance(self, kind: str) -> tuple[int, int]:
        """(balance, available) over all formats."""
        balance = available = 0
        for account in self.accounts.values():
            if account.kind == kind:
                balance += account.balance
                available += account.balance - account.held
        return balance, available

    def soonest_points(self) -> tuple[date, int] | None:
        """The next day on which points expire, and how many."""
        expiring = self.next_expiry
        if self.complete:
            expiring = {}
            for lot in self.spendable(Kind.POINTS, None):
                if lot.expires_on is not None:
                    expiring[lot.expires_on] = expiring.get(lot.expires_on, 0) + lot.remaining
        return min(expiring.items()) if expiring else None

    def spendable(self, kind: str, currency: str | None) -> list[Lot]:
        """Free lots in the order in which they are spent: soonest expiry first, then oldest."""
        return sorted(
            (
                lot
                for lot in self.lots.values()
                if lot.remaining > lot.held
                and lot.account.kind == kind
                and lot.account.currency == currency
                and (lot.expires_on is None or lot.expires_on >= self.today)
            ),
            key=lambda lot: (lot.expires_on or NO_DAY, lot.id),
        )

    # ------------------------------------------------------------------------------------------ movements

    def draft(
        self, day: date, kind: str, *, store: str | None, reference: str, reason: str | None = None,
        reverses: UUID | None = None,
    ) -> Draft:  # fmt: skip
        """Begin a journal. Its id follows from day, kind, reference and member: the same step twice is one journal."""
        id = dated_id(day, kind, reference, self.member_id)
        draft = Draft(id, day, kind, self.member_id, store, reference, reverses, reason)
        self.drafts.append(draft)
        return draft

    def issue(self, draft: Draft, account: Account, amount: int, provenance: Provenance, other: System) -> Lot:
        """Bring a new lot of `amount` > 0 into the account; debts of the account are repaid from it first."""
        lot = self._new_lot(account, amount, provenance)
        self._move(draft, lot, amount)
        self._other(draft, account.unit, other, -amount)
        if account.debt:
            self._repay(draft, lot)
        if account.kind == Kind.POINTS and lot.remaining and lot.expires_on and lot.expires_on >= self.today:
            self.next_expiry[lot.expires_on] = self.next_expiry.get(lot.expires_on, 0) + lot.remaining
        return lot

    def spend(
        self, draft: Draft, kind: str, currency: str | None, amount: int, other: System, *,
        usable: Callable[[Lot], bool] = lambda _lot: True, prefer_format: str | None = None,
    ) -> list[tuple[int, int]]:  # fmt: skip
        """Take `amount` > 0 from free lots, soonest expiry first; returns (lot id, units taken).

        Raises InsufficientBalance, and then nothing has changed.
        """
        taken: list[tuple[int, int]] = []
        for lot, units in self._choose(kind, currency, amount, usable, prefer_format):
            self._move(draft, lot, -units)
            taken.append((lot.id, units))
        self._other(draft, kind if currency is None else f"{kind}:{currency}", other, amount)
        return taken

    def require(
        self, kind: str, currency: str | None, amount: int, *, usable: Callable[[Lot], bool] = lambda _lot: True
    ) -> None:
        """Raise InsufficientBalance unless `spend` of this amount would succeed; changes nothing."""
        self._choose(kind, currency, amount, usable, None)

    def hold(
        self, kind: str, currency: str | None, amount: int, *, prefer_format: str | None = None,
        usable: Callable[[Lot], bool] = lambda _lot: True,
    ) -> list[tuple[int, int]]:  # fmt: skip
        """Set named lots aside. Raises InsufficientBalance."""
        chosen = self._choose(kind, currency, amount, usable, prefer_format)
        for lot, units in chosen:
            self._hold(lot, units)
        return [(lot.id, units) for lot, units in chosen]

    def place_hold(
        self, kind: Kind, format: str | None, currency: str | None, amount: int, expires_at: datetime, *,
        actor: str, reference: str, usable: Callable[[Lot], bool] = lambda _lot: True,
    ) -> Hold:  # fmt: skip
        """Set `amount` > 0 aside until `expires_at`; `reference` names the request.

        Raises InsufficientBalance, and then nothing has changed.
        """
        lots = self.hold(kind, currency, amount, usable=usable)
        hold = Hold(
            self.new_id(), self.member_id, kind.value, format, currency, amount, 0, HoldState.OPEN.value, expires_at,
            self.now, None, actor, reference, lots, is_new=True,
        )  # fmt: skip
        self.holds[hold.id] = hold
        return hold

    def capture_hold(self, hold: Hold, amount: int, *, store: str | None) -> Draft:
        """Spend `amount` > 0 of a hold and let the rest go. Raises HoldEnded, CaptureTooLarge; then nothing changed."""
        self._must_be_open(hold)
        if amount > hold.amount:
            raise CaptureTooLarge(
                f"{amount} captured, {hold.amount} held", errors=[FieldError("/amount", f"at most {hold.amount}")]
            )
        draft = self.draft(self.today, "capture", store=store, reference=f"hold/{hold.id}")
        self.capture(draft, hold.lots, amount)
        self._end(hold, HoldState.CAPTURED, amount)
        return draft

    def release_hold(self, hold: Hold) -> None:
        """Let everything of a hold go. Raises HoldEnded; then nothing has changed."""
        self._must_be_open(hold)
        self._let_go(hold, HoldState.RELEASED)

    def end_overdue_holds(self) -> None:
        """Let go of every loaded hold whose time is over."""
        for hold in self.holds.values():
            if hold.state == HoldState.OPEN and hold.expires_at <= self.now:
                self._let_go(hold, HoldState.EXPIRED)

    def capture(self, draft: Draft, held: Iterable[tuple[int, int]], amount: int) -> list[tuple[int, int]]:
        """Spend `amount` of what was held, soonest expiry first, and let the rest go; returns (lot id, units taken)."""
        taken: list[tuple[int, int]] = []
        left = amount
        for lot_id, units in sorted(held, key=lambda part: (self.lots[part[0]].expires_on or NO_DAY, part[0])):
            lot = self.lots[lot_id]
            self._hold(lot, -units)
            used = min(units, left)
            if used:
                self._move(draft, lot, -used)
                self._other(draft, lot.account.unit, System.REDEEMED, used)
                taken.append((lot_id, used))
                left -= used
            self._settle(draft, lot)
        return taken

    def release(self, draft: Draft, held: Iterable[tuple[int, int]]) -> None:
        """Let go of what was held. A lot whose day passed meanwhile expires with the next run of the job."""
        for lot_id, units in held:
            self._hold(self.lots[lot_id], -units)
            self._settle(draft, self.lots[lot_id])

    def expire(self, draft: Draft, lot: Lot) -> int:
        """Let what is free of an overdue lot expire; held parts stay until their hold ends."""
        amount = lot.free
        if amount > 0:
            self._move(draft, lot, -amount)
            lot.expired += amount
            self._other(draft, lot.account.unit, System.EXPIRED, amount)
        return amount

    def expire_overdue(self) -> Draft | None:
        """Expire every loaded lot whose last day has passed, before anything else looks at the balance.

        One journal, under a number of its own: a lot can expire in parts (when a hold on it ends), on the same day too.
        """
        overdue = [lot for lot in self.lots.values() if lot.free > 0 and lot.expires_on and lot.expires_on < self.today]
        if not overdue:
            return None
        draft = self.draft(self.today, "expire", store=None, reference=f"expiry/{self.new_id()}")
        for lot in overdue:
            self.expire(draft, lot)
        return draft

    def claw_back(self, draft: Draft, own: list[Lot], amount: int, *, borrow: bool) -> int:
        """Take back `amount` that a purchase earned; returns what could not be taken.

        First from the purchase's own lots; what of them has expired counts as taken; with `borrow` the rest comes
        from the member's other lots of the kind, soonest expiry first, and finally becomes a debt.
        """
        left = amount
        unit = own[0].account.unit
        for lot in own:
            left -= self._take(draft, lot, min(lot.free, left), System.CLAWED_BACK)
        for lot in own:
            credit = min(lot.expired, left)
            if credit:
                lot.expired -= credit
                lot.changed = True
                self._other(draft, unit, System.EXPIRED, -credit)
                self._other(draft, unit, System.CLAWED_BACK, credit)
                left -= credit
        if not borrow or not left:
            return left
        owner = own[0]
        for lot in self.spendable(owner.account.kind, owner.account.currency):
            if left and lot not in own:
                units = self._take(draft, lot, min(lot.free, left), System.CLAWED_BACK)
                self._substitute(owner.root, lot.id, units)
                left -= units
        if left:
            debt = self._new_lot(
                owner.account, 0, Provenance(Origin.DEBT, "clawback", owner.funder, None, purchase=owner.purchase)
            )
            self._take(draft, debt, left, System.CLAWED_BACK)
            self._substitute(owner.root, debt.id, left)
        return 0

    def withhold(self, draft: Draft, unit: str, amount: int) -> None:
        """Note that `amount` of a clawback comes off a refund in money, because it is spent already."""
        self._other(draft, unit, System.WITHHELD, -amount)
        self._other(draft, unit, System.CLAWED_BACK, amount)

    def restore(self, draft: Draft, lot_id: int, amount: int, *, other: System, grace: date) -> list[Lot]:
        """Give `amount` back to the lot it was spent from; returns the lots that came into being by grace.

        If the lot owes a clawback that others paid, they get it first. If it has expired, the amount comes back as
        a lot of its own that lasts until `grace`.
        """
        self._other(draft, self.lots[lot_id].account.unit, other, -amount)
        revived: list[Lot] = []
        self._give_back(draft, lot_id, amount, grace, revived)
        return revived

    # ------------------------------------------------------------------------------------------ parts

    def _must_be_open(self, hold: Hold) -> None:
        state = hold.state_at(self.now)
        if state is not HoldState.OPEN:
            raise HoldEnded(f"The hold is {state.value} already", state=state.value)

    def _let_go(self, hold: Hold, state: HoldState) -> None:
        self.release(self.draft(self.today, "release", store=None, reference=f"hold/{hold.id}"), hold.lots)
        self._end(hold, state, 0)

    def _end(self, hold: Hold, state: HoldState, captured: int) -> None:
        hold.state, hold.captured, hold.ended_at, hold.changed = state.value, captured, self.now, True

    def _give_back(self, draft: Draft, lot_id: int, amount: int, grace: date, revived: list[Lot]) -> None:
        lot = self.lots[lot_id]
        for substitution in self._owed_by(lot.root):
            units = min(amount, substitution.amount)
            if units:
                substitution.amount -= units
                substitution.changed = True
                self._give_back(draft, substitution.substitute, units, grace, revived)
                amount -= units
        if not amount:
            return
        if lot.expires_on is not None and lot.expires_on < self.today:
            given = Provenance(
                Origin(lot.origin), lot.source, lot.funder, max(grace, self.today), lot.conditions, lot.purchase
            )
            lot = self._new_lot(lot.account, amount, given, parent=lot.root)
            revived.append(lot)
        self._move(draft, lot, amount)

    def _owed_by(self, owner: int) -> list[Substitution]:
        """Who paid a clawback for a lot: debts first, then the youngest lot first, whatever order they were read in."""
        owed = [s for s in self.substitutions if s.owner == owner and s.amount]
        return sorted(owed, key=lambda s: (self.lots[s.substitute].origin != Origin.DEBT, -s.substitute))

    def _settle(self, draft: Draft, lot: Lot) -> None:
        """What has become free of a lot that owes a clawback goes to those who paid for it."""
        for substitution in self._owed_by(lot.root):
            units = min(lot.free, substitution.amount)
            if units > 0:
                substitution.amount -= units
                substitution.changed = True
                self._move(draft, lot, -units)
                self._give_back(draft, substitution.substitute, units, self.today, [])

    def _repay(self, draft: Draft, lot: Lot) -> None:
        for debt in sorted(
            (d for d in self.lots.values() if d.remaining < 0 and d.account is lot.account), key=lambda d: d.id
        ):
            units = min(lot.free, -debt.remaining)
            if not units:
                return
            self._move(draft, lot, -units)
            self._move(draft, debt, units)
            for substitution in self.substitutions:
                if substitution.substitute == debt.id and substitution.amount:
                    moved = min(units, substitution.amount)
                    substitution.amount -= moved
                    substitution.changed = True
                    self._substitute(substitution.owner, lot.id, moved)

    def _choose(
        self, kind: str, currency: str | None, amount: int, usable: Callable[[Lot], bool], prefer_format: str | None
    ) -> list[tuple[Lot, int]]:
        available = sum(a.balance - a.held for a in self.accounts.values() if a.kind == kind and a.currency == currency)
        lots = [lot for lot in self.spendable(kind, currency) if usable(lot)]
        if prefer_format is not None:
            lots.sort(key=lambda lot: (lot.expires_on or NO_DAY, lot.account.format != prefer_format, lot.id))
        free = min(available, sum(lot.free for lot in lots))
        if amount > free:
            raise InsufficientBalance(
                f"{amount} {kind} asked for, {max(free, 0)} available", available=max(free, 0), asked=amount, unit=kind
            )
        chosen: list[tuple[Lot, int]] = []
        for together in _bundled(lots):
            if not amount:
                break
            units = min(sum(lot.free for lot in together), amount)
            shares = in_proportion(units, [lot.free for lot in together])
            chosen += [(lot, share) for lot, share in zip(together, shares, strict=True) if share]
            amount -= units
        return chosen

    def _take(self, draft: Draft, lot: Lot, units: int, other: System) -> int:
        if units > 0:
            self._move(draft, lot, -units)
            self._other(draft, lot.account.unit, other, units)
        return max(units, 0)

    def _substitute(self, owner: int, substitute: int, amount: int) -> None:
        for substitution in self.substitutions:
            if substitution.owner == owner and substitution.substitute == substitute:
                substitution.amount += amount
                substitution.changed = True
                return
        self.substitutions.append(Substitution(owner, substitute, amount, is_new=True))

    def _new_lot(self, account: Account, amount: int, provenance: Provenance, parent: int | None = None) -> Lot:
        lot = Lot(
            self.new_id(), account, provenance.origin.value, provenance.source, provenance.funder,
            provenance.conditions, provenance.purchase, parent, provenance.expires_on, amount, 0, 0, 0, self.now,
            is_new=True,
        )  # fmt: skip
        self.lots[lot.id] = lot
        return lot

    def _hold(self, lot: Lot, units: int) -> None:
        lot.held += units
        lot.changed = True
        lot.account.held += units
        lot.account.changed = True

    def _move(self, draft: Draft, lot: Lot, amount: int) -> None:
        """The only place where a lot and its account change by an amount."""
        account = lot.account
        lot.remaining += amount
        lot.changed = True
        account.balance += amount
        if lot.origin == "debt":
            account.debt -= amount
        account.changed = True
        if account.balance > BALANCE_MAX:
            raise AmountTooLarge(f"An account may not hold more than {BALANCE_MAX} units")
        draft.legs.append(Leg(account.unit, amount, lot, None))

    def _other(self, draft: Draft, unit: str, system: System, amount: int) -> None:
        draft.legs.append(Leg(unit, amount, None, system.value))
