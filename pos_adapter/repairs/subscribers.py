"""What the repairs read of what happened."""

from foundation.events import subscribe
from pos_adapter.repairs.operations import end_parked

subscribe("pos.parked", ("sale.recorded",), end_parked, batch=2_000)
