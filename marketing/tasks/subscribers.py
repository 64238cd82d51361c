"""Who leaves has no tasks any more: they go to the pools of their stores, where the manager sees them."""

from collections.abc import Sequence

from foundation.database import Tx
from foundation.events import Event, subscribe
from marketing.tasks.handing_over import release_those_of


def put_tasks_of_leavers_into_the_pool(tx: Tx, events: Sequence[Event]) -> None:
    release_those_of(tx, {int(event.facts["staff_id"]) for event in events}, "system:staff_left")


subscribe("marketing.staff_left", {"staff.left"}, put_tasks_of_leavers_into_the_pool)
