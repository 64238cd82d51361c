"""The permissions of this package; other packages declare their own."""

from foundation.access import declare_permission

REPORTS = declare_permission("reports.read", "See reports and measures of sales")
SCORES = declare_permission("scores.read", "See what members have been worth and where they are heading")
RUN = declare_permission("scores.run", "Start a scoring run and change its settings")
