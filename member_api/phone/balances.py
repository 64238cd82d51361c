"""What a member owns, as the phone shows it: one figure for each kind and currency, with what expires and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from member_api.ledger.statements import AccountView

GIVEN = frozenset({"grant", "compensation"})


@dataclass(frozen=True, slots=True)
class Expiry:
    """So much of a balance goes after this day (None: it stays); `format` where it is split by one.

    `source` is what it was given for, of grants; of the rest the origin says all.
    """

    amount: int
    on: date | None
    origin: str
    source: str
    format: str | None


@dataclass(frozen=True, slots=True)
class Balance:
    """One kind of account over all formats. `available` is what could be spent now, `debt` what is owed."""

    kind: str
    currency: str | None
    available: int
    held: int
    debt: int
    parts: tuple[Expiry, ...]

    @property
    def soonest(self) -> tuple[int, date] | None:
        """What expires first, and on which day."""
        days = [part.on for part in self.parts if part.on is not None]
        if not days:
            return None
        first = min(days)
        return sum(part.amount for part in self.parts if part.on == first), first


def balances(accounts: Sequence[AccountView]) -> list[Balance]:
    """The accounts of a member added up by kind and currency, in the accounts' order."""
    together: dict[tuple[str, str | None], list[AccountView]] = {}
    for account in accounts:
        together.setdefault((account.kind, account.currency), []).append(account)
    return [
        Balance(
            kind,
            currency,
            sum(each.available for each in of_kind),
            sum(each.held for each in of_kind),
            sum(each.debt for each in of_kind),
            _parts(of_kind),
        )
        for (kind, currency), of_kind in together.items()
    ]


def _parts(accounts: Sequence[AccountView]) -> tuple[Expiry, ...]:
    amounts: dict[tuple[date | None, str, str, str | None], int] = {}
    for account in accounts:
        for lot in account.lots:
            if not lot.is_debt:
                source = lot.source if lot.origin in GIVEN else ""
                key = (lot.expires_on, lot.origin, source, account.format)
                amounts[key] = amounts.get(key, 0) + lot.amount
    parts = [Expiry(amount, *key) for key, amount in amounts.items()]
    return tuple(sorted(parts, key=lambda part: (part.on or date.max, part.origin, part.source, part.format or "")))
