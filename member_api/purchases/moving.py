"""A purchase given to another member: as if it had been that member's from the beginning."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from msgspec import structs

from foundation.database import Tx
from foundation.errors import Conflict
from member_api.earning.operations import rules_of_version
from member_api.ledger.rules import Kind, Origin, Wallet
from member_api.ledger.wallets import complete_wallets, lock_wallets, record
from member_api.multipliers.operations import multiplier_for, percent_of
from member_api.purchases.operations import (
    PointsBlock,
    earned_by,
    issue_earned,
    member_of_purchase,
    points_block,
    read_purchase,
)
from member_api.purchases.tables import MOVE_PURCHASE, PurchaseMove, PurchaseRow


class PurchaseNotMovable(Conflict):
    """It was paid from the member's own accounts, or what it earned is spent: it can only be returned."""

    code = "purchase_not_movable"


@dataclass(frozen=True, slots=True)
class Moved:
    """Whose purchase it was, and the new member's figures."""

    from_member: int
    points: PointsBlock


def move_purchase(tx: Tx, ref: UUID, day: date, to_member: int, tier: str | None, actor: str) -> Moved:
    """Take from one member what a purchase has earned and is not returned, and let another earn it.

    The rows of both members must be share-locked by the caller. Raises PurchaseUnknown, PurchaseNotMovable.
    """
    from_member = member_of_purchase(tx, day, ref)
    if from_member == to_member:
        raise PurchaseNotMovable("The purchase is this member's already")
    wallets = lock_wallets(tx, sorted((from_member, to_member)))
    complete_wallets(tx, list(wallets.values()), purchases=[ref])
    purchase = read_purchase(tx, day, ref)
    if purchase.member_id != from_member:
        raise PurchaseNotMovable("It went to another member meanwhile; look again")
    if purchase.spends:
        raise PurchaseNotMovable("It was paid from the member's own accounts; return it and sell it again")
    _take_from(wallets[from_member], purchase, tx)
    points = _give_to(tx, wallets[to_member], purchase, tier)
    record(tx, wallets.values(), actor)
    return Moved(from_member, points)


def _take_from(wallet: Wallet, purchase: PurchaseRow, tx: Tx) -> None:
    """The account's remainder, points and e-coins as if the purchase had never been."""
    version = rules_of_version(tx, purchase.rule_version)
    earned = earned_by(version.programme, purchase, percent_of(tx, purchase.multiplier))
    draft = wallet.draft(
        purchase.day, "moved_away", store=purchase.store, reference=f"{purchase.ref}/{tx.now.isoformat()}"
    )
    account = next((a for a in wallet.accounts.values() if a.id == purchase.points_account), None)
    if account is not None and earned.remainder:
        account.remainder -= earned.remainder
        account.changed = True
    own = [lot for lot in wallet.lots.values() if lot.purchase == purchase.ref and lot.origin != Origin.DEBT]
    own.sort(key=lambda lot: lot.id)
    if earned.points:
        wallet.claw_back(draft, [lot for lot in own if lot.account.kind == Kind.POINTS], earned.points, borrow=True)
    for offer, amount in earned.ecoins:
        lots = [lot for lot in own if lot.account.kind == Kind.ECOIN and lot.source == offer.name]
        if wallet.claw_back(draft, lots, amount, borrow=False):
            raise PurchaseNotMovable("E-coins that it brought are spent already", ecoins=amount)


def _give_to(tx: Tx, wallet: Wallet, purchase: PurchaseRow, tier: str | None) -> PointsBlock:
    version = rules_of_version(tx, purchase.rule_version)
    account = wallet.account(Kind.POINTS, purchase.format if version.programme.split_points_by_format else None, None)
    multiplier = multiplier_for(tx, wallet.member_id, purchase.day, purchase.store, purchase.format)
    row = structs.replace(
        purchase,
        member_id=wallet.member_id,
        tier=tier,
        points_account=account.id,
        remainder_before=account.remainder,
        multiplier=multiplier.id if multiplier is not None else None,
    )
    earned = earned_by(version.programme, row, percent_of(tx, row.multiplier))
    ecoins = issue_earned(wallet, account, row, version.programme, earned, row.lines, f"{row.ref}/{tx.now.isoformat()}")
    tx.rows.add(
        MOVE_PURCHASE,
        PurchaseMove(
            row.day,
            row.ref,
            row.member_id,
            tier,
            account.id,
            row.remainder_before,
            earned.points,
            ecoins,
            row.lines,
            row.multiplier,
        ),
    )
    return points_block(wallet, earned.points, 0, ecoins)
