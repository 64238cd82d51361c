"""What the tills read of what happened."""

from foundation.events import subscribe
from pos_adapter.tills.operations import PARKED, RECORDED, follow_receipts

subscribe("pos.tills", (RECORDED, PARKED), follow_receipts, batch=2_000, prompt=())
