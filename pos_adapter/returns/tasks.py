"""Red tickets end when their money is known to be back: told by the refund, and looked at every few seconds."""

from uuid import UUID

from foundation.database import Tx, database
from foundation.queues import queue, send_after_commit
from pos_adapter.payments.refunds import Refund, when_refund_ends
from pos_adapter.returns.operations import conclude_return, conclude_returns

CONCLUDE, SWEEP = "pos.conclude_return", "pos.conclude_returns"
queue.conf.beat_schedule["pos-conclude-returns"] = {"task": SWEEP, "schedule": 5.0}


@queue.task(name=CONCLUDE)  # type: ignore[untyped-decorator]
def conclude_return_task(red_ticket: str) -> None:
    conclude_return(database(), UUID(red_ticket))


@queue.task(name=SWEEP)  # type: ignore[untyped-decorator]
def conclude_returns_task() -> None:
    conclude_returns(database())


@when_refund_ends
def tell_the_return(tx: Tx, refund: Refund) -> None:
    """In a transaction of its own: a refund is locked before its red ticket here, and after it everywhere else."""
    row = tx.execute(
        "SELECT red_ticket_id FROM pos.red_ticket_refund WHERE refund_no = :no", {"no": refund.refund_no}
    ).one_or_none()
    if row is not None:
        send_after_commit(tx, CONCLUDE, str(row.red_ticket_id))
