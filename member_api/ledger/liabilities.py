"""What members own altogether, as the company owes it: sums of balances, by kind and currency, at face value."""

from dataclasses import dataclass

from foundation.database import Tx
from foundation.settings import get_settings
from member_api.earning.operations import rules_at
from member_api.ledger.rules import Kind


@dataclass(frozen=True, slots=True)
class Outstanding:
    """All accounts of one kind and currency. `balance` in units of the kind (debts taken off), `accounts` with any.

    `face` is what it would pay for, in minor units of `currency`: points by the redemption rate of the rules in force,
    in the company's currency; e-coins and stored value one to one.
    """

    kind: Kind
    currency: str
    balance: int
    accounts: int
    face: int


SUMS = """
SELECT kind, currency, sum(balance)::bigint AS balance, count(*) FILTER (WHERE balance <> 0) AS accounts
FROM member.account GROUP BY kind, currency ORDER BY kind, currency
"""


def outstanding(tx: Tx) -> list[Outstanding]:
    """What is outstanding now; one statement over all accounts (0.1 s for a million)."""
    programme = rules_at(tx, tx.now).programme
    found = []
    for row in tx.execute(SUMS):
        kind = Kind(row.kind)
        face = row.balance
        if kind is Kind.POINTS:
            # Rounded down: what is not a whole minor unit pays for nothing.
            face = row.balance * programme.redeem_money // programme.redeem_points
        currency = row.currency or get_settings().company_currency
        found.append(Outstanding(kind, currency, row.balance, row.accounts, face))
    return found
