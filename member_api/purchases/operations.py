"""What a purchase does to the accounts, and what giving it back undoes.

`post_purchase` works on a wallet that the caller has asked for; `plan_reversal` decides on a locked wallet and
records nothing until `record_reversal`, so that the counter can be shown what will come off the refund.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from foundation.database import Tx
from foundation.errors import Conflict, Unavailable
from member_api.earning.operations import RuleVersion, rules_at, rules_of_version
from member_api.earning.rules import Earned, EarnLine, Grace, Programme, Threshold, earn, earn_base, expires_on
from member_api.ledger.rules import Account, Kind, Lot, Origin, Provenance, System, Wallet, in_proportion
from member_api.ledger.wallets import complete_wallets, lock_wallet, record
from member_api.multipliers.operations import multiplier_for, percent_of
from member_api.purchases.tables import CHANGE_PURCHASE, WRITE_PURCHASE, PurchaseChange, PurchaseRow, SpendRecord

COMPANY = "company"
OWNERS_MAX = 8


class LineFacts(msgspec.Struct, frozen=True, array_like=True):
    """A goods line as the ledger needs it.

    `amount` is net, in minor units; `tax_rate` hundredths of a percent; `paid` the parts of it paid by tenders that
    are benefits rather than money, as (tender kind, amount).
    """

    line: int
    amount: int
    tax_rate: int
    category: tuple[str, ...]
    brand: str | None
    counter: str | None
    paid: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Spend:
    """A tender that takes from the member's accounts: `units` of `kind`."""

    tender: int
    kind: Kind
    units: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """A sale as told to the accounts. `ref` is opaque here; its primary key refuses to post the same ref twice."""

    ref: UUID
    day: date
    store: str
    format: str | None
    currency: str
    occurred_at: datetime
    lines: Sequence[LineFacts]
    spends: Sequence[Spend] = ()


@dataclass(frozen=True, slots=True)
class PointsBlock:
    """What a receipt prints; points over all formats."""

    earned: int
    redeemed: int
    balance: int
    available: int
    next_expiry: tuple[date, int] | None
    ecoins_earned: int = 0


@dataclass(frozen=True, slots=True)
class LineReturn:
    """So much of a line's amount is given back (minor units, cumulative amounts are not needed)."""

    line: int
    amount: int


@dataclass(slots=True)
class Reversal:
    """A return as decided but not recorded: what comes back, what is taken back, what comes off the refund."""

    ref: UUID
    day: date
    wallet: Wallet
    purchase: PurchaseRow
    lines: list[EarnLine]
    spends: list[SpendRecord]
    points_taken_back: int = 0
    ecoins_taken_back: int = 0
    ecoins_withheld: int = 0
    restored: dict[str, int] = field(default_factory=dict)
    graced: list[Lot] = field(default_factory=list)
    earned_after: Earned | None = None


class OwnerChanges(Unavailable):
    """The purchase went from one member to another as often as it was looked at."""

    code = "owner_changes"


class PurchaseUnknown(Conflict):
    """The accounts have no record of the purchase."""

    code = "purchase_unknown"


def post_purchase(tx: Tx, wallet: Wallet, purchase: Purchase, tier: str | None) -> PointsBlock:
    """Spend what the receipt says was paid from the accounts, then earn what it earns.

    The wallet must hold the locks, and every open lot when there is something to spend. Raises InsufficientBalance;
    then nothing has changed.
    """
    version = rules_at(tx, purchase.occurred_at)
    _require(wallet, purchase)
    spends = [_spend(wallet, purchase, spend) for spend in purchase.spends]
    programme = version.programme
    account = wallet.account(Kind.POINTS, purchase.format if programme.split_points_by_format else None, None)
    base = programme.base
    lines = [
        EarnLine(
            f.line, f.amount, earn_base(f.amount, f.tax_rate, f.paid, base), f.category, f.brand, f.counter, f.amount
        )
        for f in purchase.lines
    ]
    remainder = account.remainder
    multiplier = multiplier_for(tx, wallet.member_id, purchase.day, purchase.store, purchase.format)
    earned = earn(
        programme, lines, format=purchase.format, tier=tier, currency=purchase.currency, day=purchase.day,
        remainder_before=remainder, percent=multiplier.terms.percent if multiplier is not None else 100,
    )  # fmt: skip
    ecoins = issue_earned(wallet, account, purchase, programme, earned, lines, str(purchase.ref))
    tx.rows.add(
        WRITE_PURCHASE,
        PurchaseRow(
            purchase.day, purchase.ref, wallet.member_id, purchase.store, purchase.format, purchase.currency,
            purchase.occurred_at, tier, version.version, account.id, remainder, earned.points, ecoins,
            sum(line.amount for line in lines), lines, spends, multiplier.id if multiplier is not None else None,
        ),
    )  # fmt: skip
    redeemed = sum(spend.units for spend in purchase.spends if spend.kind is Kind.POINTS)
    return points_block(wallet, earned.points, redeemed, ecoins)


def points_block(wallet: Wallet, earned: int, redeemed: int, ecoins: int = 0) -> PointsBlock:
    """The figures of a receipt as the wallet stands."""
    balance, available = wallet.balance(Kind.POINTS)
    return PointsBlock(earned, redeemed, balance, available, wallet.soonest_points(), ecoins)


def _require(wallet: Wallet, purchase: Purchase) -> None:
    """All that is spent, kind by kind, before any of it is: a second tender that fails must not leave the first."""
    needed: dict[Kind, int] = {}
    for spend in purchase.spends:
        needed[spend.kind] = needed.get(spend.kind, 0) + spend.units
    for kind, units in needed.items():
        wallet.require(
            kind, None if kind is Kind.POINTS else purchase.currency, units,
            usable=lambda lot: usable_at(lot, purchase.store, purchase.format, purchase.lines),
        )  # fmt: skip


def _spend(wallet: Wallet, purchase: Purchase, spend: Spend) -> SpendRecord:
    currency = None if spend.kind is Kind.POINTS else purchase.currency
    draft = wallet.draft(purchase.day, "spend", store=purchase.store, reference=f"{purchase.ref}/{spend.tender}")
    lots = wallet.spend(
        draft, spend.kind, currency, spend.units, System.REDEEMED,
        usable=lambda lot: usable_at(lot, purchase.store, purchase.format, purchase.lines),
        prefer_format=purchase.format,
    )  # fmt: skip
    return SpendRecord(spend.tender, spend.kind.value, spend.units, lots)


def usable_at(lot: Lot, store: str, format: str | None, lines: Sequence[LineFacts] = ()) -> bool:
    """Whether a lot's conditions allow it here: `stores`, `formats`, `counters`, and `spend_at_least` (minor units)."""
    conditions = lot.conditions
    if not conditions:
        return True
    if conditions.get("stores") and store not in conditions["stores"]:
        return False
    if conditions.get("formats") and format not in conditions["formats"]:
        return False
    counters = conditions.get("counters")
    amount = sum(line.amount for line in lines if not counters or line.counter in counters)
    return not (counters and not amount) and amount >= conditions.get("spend_at_least", 0)


def issue_earned(
    wallet: Wallet, account: Account, purchase: Purchase | PurchaseRow, programme: Programme, earned: Earned,
    lines: Sequence[EarnLine], reference: str,
) -> int:  # fmt: skip
    """Bring in what a purchase has earned, a lot for points and one for each offer; returns the e-coins."""
    for line, (points, remainder) in zip(lines, earned.lines, strict=True):
        line.points, line.remainder = points, remainder
    if earned.remainder:
        account.remainder += earned.remainder
        account.changed = True
    if not earned.points and not earned.ecoins:
        return 0
    draft = wallet.draft(purchase.day, "earn", store=purchase.store, reference=reference)
    if earned.points:
        lasts = expires_on(purchase.day, programme.points_life)
        wallet.issue(
            draft, account, earned.points,
            Provenance(Origin.PURCHASE, "purchase", COMPANY, lasts, None, purchase.ref), System.ISSUED,
        )  # fmt: skip
    for offer, ecoins in earned.ecoins:
        wallet.issue(
            draft, wallet.account(Kind.ECOIN, None, purchase.currency), ecoins,
            Provenance(
                Origin.PURCHASE, offer.name, offer.funder, expires_on(purchase.day, offer.life), offer.conditions,
                purchase.ref,
            ),
            System.ISSUED,
        )  # fmt: skip
    return sum([ecoins for _, ecoins in earned.ecoins])


def earned_by(programme: Programme, purchase: PurchaseRow, percent: int) -> Earned:
    """What is left of a recorded purchase earns, under the programme and the multiplier it was posted under."""
    return earn(
        programme, purchase.lines, format=purchase.format, tier=purchase.tier, currency=purchase.currency,
        day=purchase.day, remainder_before=purchase.remainder_before, percent=percent,
    )  # fmt: skip


COLUMNS: LiteralString = """p.day, p.ref, p.member_id, p.store, p.format, p.currency, p.occurred_at, p.tier,
       p.rule_version, p.points_account, p.remainder_before, p.points, p.ecoins, p.net_amount, p.lines::text,
       p.spends::text, p.multiplier"""
PURCHASE = "SELECT " + COLUMNS + " FROM member.purchase AS p WHERE p.day = %s AND p.ref = %s FOR UPDATE"  # noqa: S608
_lines = msgspec.json.Decoder(list[EarnLine]).decode
_spends = msgspec.json.Decoder(list[SpendRecord]).decode


def read_purchase(tx: Tx, day: date, ref: UUID) -> PurchaseRow:
    """The accounts' record of a purchase, locked. Raises PurchaseUnknown."""
    row = tx.ask(PURCHASE, (day, ref)).fetchone()
    if row is None:
        raise PurchaseUnknown("The accounts have no record of this purchase")
    return purchase_of(row)


def purchase_of(row: Sequence[Any]) -> PurchaseRow:
    """A row of COLUMNS."""
    return PurchaseRow(*(*row[:14], _lines(row[14]), _spends(row[15]), row[16]))


def member_of_purchase(tx: Tx, day: date, ref: UUID) -> int:
    """Whose purchase it is. Raises PurchaseUnknown."""
    row = tx.ask("SELECT member_id FROM member.purchase WHERE day = %s AND ref = %s", (day, ref)).fetchone()
    if row is None:
        raise PurchaseUnknown("The accounts have no record of this purchase")
    return int(row[0])


def lock_owner(tx: Tx, day: date, ref: UUID) -> int:
    """Whose purchase it is, that member's row share-locked: nobody merges or erases the member meanwhile.

    Raises PurchaseUnknown, OwnerChanges.
    """
    member = member_of_purchase(tx, day, ref)
    for _ in range(OWNERS_MAX):
        tx.ask("SELECT FROM member.member WHERE id = %s FOR KEY SHARE", (member,))
        # A statement of its own: it sees what a merge that was waited for has done.
        owner = member_of_purchase(tx, day, ref)
        if owner == member:
            return owner
        member = owner
    raise OwnerChanges("The purchase changes hands all the time; send it again")


def plan_reversal(
    tx: Tx, ref: UUID, day: date, original: UUID, original_day: date, returned: Sequence[LineReturn],
    restored: Mapping[int, int], store: str,
) -> Reversal:  # fmt: skip
    """Decide what giving these lines back does to the accounts.

    `returned` are amounts per line of the original, `restored` units per tender of the original that had been spent
    from the accounts. Locks the member's row (shared), accounts and the purchase. Raises PurchaseUnknown.
    """
    member = lock_owner(tx, original_day, original)
    # Accounts first, then the purchase: whoever holds the accounts' locks may change the member's purchases.
    wallet = lock_wallet(tx, member, purchases=[original])
    purchase = read_purchase(tx, original_day, original)
    _load_spent_lots(tx, wallet, purchase)
    plan = Reversal(ref, day, wallet, purchase, purchase.lines, purchase.spends)
    version = rules_of_version(tx, purchase.rule_version)
    _give_back(plan, restored, store, version.programme.grace)
    _take_back(plan, returned, store, version, percent_of(tx, purchase.multiplier))
    return plan


def _load_spent_lots(tx: Tx, wallet: Wallet, purchase: PurchaseRow) -> None:
    missing = {lot for spend in purchase.spends for lot, _ in spend.lots} - wallet.lots.keys()
    if missing:
        complete_wallets(tx, [wallet], lots=missing)


def _give_back(plan: Reversal, restored: Mapping[int, int], store: str, grace: Grace) -> None:
    for spend in plan.spends:
        units = min(restored.get(spend.tender, 0), spend.units - spend.restored)
        if units <= 0:
            continue
        draft = plan.wallet.draft(
            plan.day, "spend_reversal", store=store, reference=f"{plan.ref}/{spend.tender}",
        )  # fmt: skip
        days = {Kind.POINTS: grace.points, Kind.ECOIN: grace.ecoin, Kind.CASH: grace.cash}[Kind(spend.kind)]
        until = plan.wallet.today + timedelta(days=days)
        for lot, part in _last_spent_first(spend, units, plan.wallet.lots):
            plan.graced += plan.wallet.restore(draft, lot, part, other=System.REDEEMED, grace=until)
        spend.restored += units
        plan.restored[spend.kind] = plan.restored.get(spend.kind, 0) + units


def _last_spent_first(spend: SpendRecord, units: int, lots: Mapping[int, Lot]) -> list[tuple[int, int]]:
    """Which lots get the next `units` back: as if what is still spent had always been all that was spent."""
    before = spend.units - spend.restored
    was, will = _spent_of(spend, before, lots), _spent_of(spend, before - units, lots)
    return [(lot, was[lot] - will[lot]) for lot, _ in reversed(spend.lots) if was[lot] > will[lot]]


def _spent_of(spend: SpendRecord, units: int, lots: Mapping[int, Lot]) -> dict[int, int]:
    """How much of each lot is spent when `units` are: one after the other, those of a top-up in proportion."""
    groups: dict[object, list[tuple[int, int]]] = {}
    for lot, taken in spend.lots:
        groups.setdefault(lots[lot].bundle or lot, []).append((lot, taken))
    spent: dict[int, int] = {}
    for group in groups.values():
        part = min(units, sum(taken for _, taken in group))
        shares = in_proportion(part, [taken for _, taken in group])
        spent.update({lot: share for (lot, _), share in zip(group, shares, strict=True)})
        units -= part
    return spent


def _take_back(plan: Reversal, returned: Sequence[LineReturn], store: str, version: RuleVersion, percent: int) -> None:
    purchase, wallet = plan.purchase, plan.wallet

    before = earned_by(version.programme, purchase, percent)
    lines = {line.line: line for line in plan.lines}
    for back in returned:
        if back.line in lines:
            lines[back.line].left -= back.amount
    after = plan.earned_after = earned_by(version.programme, purchase, percent)
    for line, (points, remainder) in zip(plan.lines, after.lines, strict=True):
        line.points, line.remainder = points, remainder
    account = next((a for a in wallet.accounts.values() if a.id == purchase.points_account), None)
    if account is not None and after.remainder != before.remainder:
        account.remainder += after.remainder - before.remainder
        account.changed = True
    draft = wallet.draft(plan.day, "earn_reversal", store=store, reference=str(plan.ref), reverses=purchase.ref)
    own = sorted(
        (lot for lot in wallet.lots.values() if lot.purchase == purchase.ref and lot.origin != Origin.DEBT),
        key=lambda lot: lot.id,
    )
    plan.points_taken_back = before.points - after.points
    if plan.points_taken_back > 0:
        earned_lots = [lot for lot in own if lot.account.kind == Kind.POINTS]
        wallet.claw_back(draft, earned_lots, plan.points_taken_back, borrow=True)
    for offer, amount in _less(before, after):
        lots = [lot for lot in own if lot.account.kind == Kind.ECOIN and lot.source == offer.name]
        short = wallet.claw_back(draft, lots, amount, borrow=False)
        if short:
            wallet.withhold(draft, lots[0].account.unit, short)
        plan.ecoins_taken_back += amount
        plan.ecoins_withheld += short


def _less(before: Earned, after: Earned) -> list[tuple[Threshold, int]]:
    left = {offer.name: amount for offer, amount in after.ecoins}
    return [
        (offer, amount - left.get(offer.name, 0)) for offer, amount in before.ecoins if amount > left.get(offer.name, 0)
    ]


def record_reversal(tx: Tx, plan: Reversal, actor: str) -> PointsBlock:
    """Record what `plan_reversal` decided."""
    purchase = plan.purchase
    tx.rows.add(
        CHANGE_PURCHASE,
        PurchaseChange(
            purchase.day, purchase.ref, purchase.points - plan.points_taken_back,
            purchase.ecoins - plan.ecoins_taken_back, sum(line.left for line in plan.lines), plan.lines, plan.spends,
        ),
    )  # fmt: skip
    record(tx, [plan.wallet], actor)
    return points_block(
        plan.wallet, -plan.points_taken_back, -plan.restored.get(Kind.POINTS, 0), -plan.ecoins_taken_back
    )
