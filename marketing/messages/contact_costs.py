"""What reaching members by message has cost, told to whoever works out what a member is worth."""

from collections.abc import Sequence

from analytics.contract.scores import ContactCost, record_contact_costs
from foundation.clock import local_date
from foundation.database import Tx
from foundation.settings import get_settings

# What a gateway took is paid for, whether or not the phone was reached; rounded half up to minor units.
PAID = """
SELECT id, recipient_id, cost_currency, (cost_milli + 500) / 1000, let_through_at FROM marketing.message
WHERE id = ANY(%s) AND sent_at IS NOT NULL AND cost_milli >= 500 AND cost_currency IS NOT NULL
"""


def tell_costs(tx: Tx, message_ids: Sequence[int]) -> None:
    """Tell what these messages cost, those of them that a gateway took. Each counts once, however often it is told."""
    zone = get_settings().company_timezone
    rows = tx.ask(PAID, (list(message_ids),)).fetchall() if message_ids else []
    record_contact_costs(
        tx,
        [
            ContactCost(f"message/{id_}", member, currency, local_date(at, zone), amount)
            for id_, member, currency, amount, at in rows
        ],
    )
