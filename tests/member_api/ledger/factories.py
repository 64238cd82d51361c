"""Wallets made of plain values, for tests of what a wallet decides."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import count
from uuid import UUID

from foundation.identifiers import dated_id
from member_api.ledger.rules import Draft, Hold, Kind, Lot, Origin, Provenance, System, Wallet

TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


def numbers(start: int = 1) -> Callable[[], int]:
    """Ids 1, 2, 3 ..."""
    following = count(start)
    return lambda: next(following)


def a_wallet(today: date = TODAY) -> Wallet:
    """A member's wallet with nothing in it, every lot loaded."""
    wallet = Wallet(7, (), today=today, now=NOW, new_id=numbers())
    wallet.complete = True
    return wallet


def a_draft(wallet: Wallet, kind: str = "test", store: str | None = "S01") -> Draft:
    """A journal of its own."""
    return wallet.draft(wallet.today, kind, store=store, reference=str(len(wallet.drafts)))


def a_purchase(number: int, day: date = TODAY) -> UUID:
    return dated_id(day, "purchase", number)


def earns(
    wallet: Wallet, amount: int, *, expires_on: date | None = None, purchase: UUID | None = None,
    kind: Kind = Kind.POINTS, currency: str | None = None, funder: str = "company", source: str = "purchase",
    format: str | None = None,
) -> Lot:  # fmt: skip
    """A purchase brings a lot in."""
    return wallet.issue(
        a_draft(wallet, "earn"),
        wallet.account(kind, format, currency),
        amount,
        Provenance(Origin.PURCHASE, source, funder, expires_on, None, purchase),
        System.ISSUED,
    )


def granted(wallet: Wallet, amount: int, *, expires_on: date | None = None, kind: Kind = Kind.POINTS) -> Lot:
    """The company gives a lot."""
    currency = None if kind is Kind.POINTS else "CNY"
    return wallet.issue(
        a_draft(wallet, "grant"),
        wallet.account(kind, None, currency),
        amount,
        Provenance(Origin.GRANT, "welcome", "company", expires_on),
        System.ISSUED,
    )


def spends(wallet: Wallet, amount: int, kind: Kind = Kind.POINTS) -> list[tuple[int, int]]:
    """A redemption; (lot id, units) in the order taken."""
    currency = None if kind is Kind.POINTS else "CNY"
    return wallet.spend(a_draft(wallet, "spend"), kind, currency, amount, System.REDEEMED)


def gets_back(wallet: Wallet, lot: int, amount: int, grace: date = TODAY) -> list[Lot]:
    return wallet.restore(a_draft(wallet, "restore"), lot, amount, other=System.REDEEMED, grace=grace)


def claws_back(wallet: Wallet, lot: Lot, amount: int, *, borrow: bool = True) -> int:
    """Take back what the lot's purchase earned, from it and the lots that stand for it."""
    own = sorted((each for each in wallet.lots.values() if each.root == lot.id), key=lambda each: each.id)
    return wallet.claw_back(a_draft(wallet, "claw"), own, amount, borrow=borrow)


def must_hold(wallet: Wallet) -> None:
    """What never bends: journals sum to zero per unit; balance, held and debt agree with the lots."""
    for draft in wallet.drafts:
        sums: dict[str, int] = {}
        for leg in draft.legs:
            sums[leg.unit] = sums.get(leg.unit, 0) + leg.amount
        assert not any(sums.values()), draft
    for account in wallet.accounts.values():
        lots = [lot for lot in wallet.lots.values() if lot.account is account]
        assert account.balance == sum(lot.remaining for lot in lots)
        assert account.held == sum(lot.held for lot in lots)
        assert account.debt == sum(-lot.remaining for lot in lots if lot.origin == "debt")
        assert all(lot.remaining >= lot.held >= 0 for lot in lots if lot.origin != "debt")
        entries = sum(leg.amount for d in wallet.drafts for leg in d.legs if leg.lot and leg.lot.account is account)
        assert account.balance == entries
    for debt in wallet.lots.values():
        if debt.origin == "debt":
            assert -debt.remaining == sum(s.amount for s in wallet.substitutions if s.substitute == debt.id)


def holds(wallet: Wallet, amount: int, expires_at: datetime) -> Hold:
    """Points set aside."""
    return wallet.place_hold(Kind.POINTS, None, None, amount, expires_at, actor="till", reference="till/1")
