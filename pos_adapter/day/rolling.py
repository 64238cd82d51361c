"""What the whole company's accounts moved in a period: by store, legal unit and funder, tied to the members' balances.

Unlike the figures of a closed day these are read from the ledger as it stands now, by its own dates. What no store did
(gifts of the head office, expiry) is the company's own line, so that everything together is what members own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from foundation.clock import local_date
from foundation.database import Tx
from foundation.settings import get_settings
from member_api.contract.days import Cause, roll_forward
from member_api.contract.liability import outstanding
from organisation.contract import stores_by_code
from pos_adapter.day.rules import AccountFigure
from pos_adapter.day.statements import check_period


@dataclass(frozen=True, slots=True)
class StoreAccounts:
    """One line of the movement: `store` None is the company itself."""

    store: str | None
    figure: AccountFigure


@dataclass(frozen=True, slots=True)
class Tie:
    """What all lines of a kind and currency close with, beside the members' balances of now."""

    kind: str
    currency: str
    closing: int
    balance: int


@dataclass(frozen=True, slots=True)
class RollForward:
    """The movement of a period. `ties` are empty where the period ends before today: balances of then are not kept."""

    since: date
    until: date
    lines: tuple[StoreAccounts, ...]
    ties: tuple[Tie, ...]


def accounts_between(tx: Tx, since: date, until: date) -> RollForward:
    """Opening, movements and closing of [since, until]. Raises PeriodInvalid."""
    check_period(since, until)
    sums: dict[tuple[str | None, str, str, str], dict[Cause | None, int]] = {}
    for each in roll_forward(tx, since, until):
        sums.setdefault((each.store, each.kind, each.currency, each.funder), {})[each.cause] = each.amount
    stores = stores_by_code(tx, {store for store, *_ in sums if store is not None})
    lines = []
    for (store, kind, currency, funder), moved in sums.items():
        facts = stores.get(store or "")
        figure = account_figure((kind, currency, funder), facts.legal_unit if facts is not None else "", moved)
        lines.append(StoreAccounts(store, figure))
    today = local_date(tx.now, get_settings().company_timezone)
    return RollForward(since, until, tuple(lines), tuple(_ties(tx, lines)) if until >= today else ())


def account_figure(key: tuple[str, str, str], legal_unit: str, moved: dict[Cause | None, int]) -> AccountFigure:
    """What moved as finance reads it: amounts that go out are above zero; the opening has no cause."""
    kind, currency, funder = key
    return AccountFigure(
        kind, currency, legal_unit, funder, moved.get(None, 0), moved.get(Cause.ISSUED, 0),
        moved.get(Cause.REVERSED_IN, 0), -moved.get(Cause.USED, 0), -moved.get(Cause.EXPIRED, 0),
        -moved.get(Cause.REVERSED_OUT, 0), moved.get(Cause.ADJUSTED, 0), sum(moved.values()),
    )  # fmt: skip


def _ties(tx: Tx, lines: Sequence[StoreAccounts]) -> list[Tie]:
    closing: dict[tuple[str, str], int] = {}
    for line in lines:
        key = (line.figure.kind, line.figure.currency)
        closing[key] = closing.get(key, 0) + (line.figure.closing or 0)
    # Points have no currency of their own.
    owned = {
        (each.kind.value, "" if each.kind == "points" else each.currency): each.balance for each in outstanding(tx)
    }
    return [Tie(*key, closing.get(key, 0), owned.get(key, 0)) for key in sorted(closing.keys() | owned.keys())]
