"""What receipts tell those who serve members: who served whom, and what somebody bought in a window.

Every function takes the open transaction first, reads only, and asks through the index by member: meant for some
thousands of members at a time, not for reports over all of them.
"""

from pos_adapter.service.operations import Bought, Served, Window, bought_within, who_served

__all__ = ["Bought", "Served", "Window", "bought_within", "who_served"]
