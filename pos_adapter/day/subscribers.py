"""What the books of stores read of what happened: whatever comes of a day that is closed."""

from foundation.events import subscribe
from pos_adapter.day.posting import TOPICS, follow

subscribe("pos.late_arrivals", TOPICS, follow, batch=1_000, prompt=())
