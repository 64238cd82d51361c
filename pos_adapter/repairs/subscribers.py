"""What the repairs read of what happened."""

from collections.abc import Sequence

from foundation.database import Tx
from foundation.events import Event, subscribe
from foundation.queues import send_after_commit
from pos_adapter.repairs.operations import end_parked
from pos_adapter.repairs.tasks import LINK_NEW_PRODUCTS


def remind_of_products(tx: Tx, events: Sequence[Event]) -> None:
    """Products have come that may have been sold before."""
    for event in events:
        send_after_commit(tx, LINK_NEW_PRODUCTS, event.facts["products"])


subscribe("pos.parked", ("sale.recorded",), end_parked, batch=2_000, prompt=())
subscribe("pos.new_products", ("catalogue.products_added",), remind_of_products, batch=100)
