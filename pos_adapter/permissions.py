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
