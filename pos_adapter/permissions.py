"""The permissions of this package; other packages declare their own."""

from foundation.access import declare_permission

POST = declare_permission("sales.post", "Post sales, returns and voids")
READ = declare_permission("sales.read", "See sales, tills and the catalogue")
CATALOGUE = declare_permission("catalogue.write", "Make and change products, categories, brands and promotions")
REPAIR = declare_permission("receipts.repair", "Repair parked and flagged receipts, and propose to discard one")
APPROVE = declare_permission("receipts.approve", "Confirm that a receipt is discarded, and explain missing numbers")
TICKETS_READ = declare_permission("tickets.read", "See e-tickets and hear what becomes of them")
TICKETS_WRITE = declare_permission("tickets.write", "Issue e-tickets at a counter, cancel them, hand the goods over")
SETTLE = declare_permission("settlements.write", "Settle e-tickets at a cash desk")
PAYMENTS_READ = declare_permission("payments.read", "See payments by card and code, and what the banks said of them")
PAYMENTS_RESOLVE = declare_permission("payments.resolve", "Ask a bank again about a payment that hangs")
PAYMENTS_APPROVE = declare_permission(
    "payments.approve", "Confirm by other evidence what became of a payment that the bank does not tell of"
)
RETURNS_ISSUE = declare_permission("returns.issue", "Check goods that come back and issue red tickets")
RETURNS_APPROVE = declare_permission("returns.approve", "Approve red tickets over the limit")
RETURNS_REFUND = declare_permission("returns.refund", "Refund red tickets at a cash desk")
DISCOUNTS_APPROVE = declare_permission("discounts.approve", "Approve discounts over the limit with a code")
FLOOR = declare_permission(
    "floor.read", "See the supervisor's board: who waits, what is stuck, how long each clerk takes"
)
SHIFTS_WORK = declare_permission("shifts.work", "Open a shift at a cash desk, count the drawer, and hand the cash in")
DAY_READ = declare_permission("day.read", "See the figures of a store's day and the statements of its counters")
DAY_CLOSE = declare_permission("day.close", "Close a store's day, and count a drawer again")
PARCELS = declare_permission("parcels.write", "Keep paid goods at a cash desk, and hand them out")
