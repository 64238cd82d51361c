"""What members paid in, as the day's close asks, and the drawers that it goes into."""

from member_api.topups.operations import HoldDrawer, TopUpTotal, register_drawers, totals_of_day

__all__ = ["HoldDrawer", "TopUpTotal", "register_drawers", "totals_of_day"]
