"""What members paid in, as the day's close asks."""

from member_api.topups.operations import TopUpTotal, totals_of_day

__all__ = ["TopUpTotal", "totals_of_day"]
