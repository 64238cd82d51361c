"""The permissions of this package; other packages declare their own."""

from foundation.access import declare_permission

MEMBERS_READ = declare_permission("members.read", "Find members and see them masked: 张*, 138****8000")
MEMBERS_WRITE = declare_permission("members.write", "Enrol members and change what is known of them")
MEMBERS_PERSONAL = declare_permission("members.personal", "See names, phones and the like of members unmasked")
DESK = declare_permission("desk.use", "Work at the service desk: lost cards, freezing, late points")
RULES_READ = declare_permission("rules.read", "See earning rules, tiers and their rules")
RULES_WRITE = declare_permission("rules.write", "Publish earning rules, tiers and their rules")
ACCOUNTS_READ = declare_permission("accounts.read", "See members' accounts, lots and statements")
ACCOUNTS_GRANT = declare_permission("accounts.grant", "Grant points, e-coins and stored value")
ACCOUNTS_REDEEM = declare_permission("accounts.redeem", "Take points, e-coins and stored value for a redemption")
ACCOUNTS_ADJUST = declare_permission("accounts.adjust", "Adjust accounts with a reason")
ACCOUNTS_APPROVE = declare_permission(
    "accounts.approve", "Approve what somebody else granted or adjusted over the limit"
)
HOLDS_WRITE = declare_permission("holds.write", "Set amounts aside, capture and release them")
LEDGER_VERIFY = declare_permission("ledger.verify", "See what the proof of the books found")
COUPONS_READ = declare_permission("coupons.read", "See coupons and what they paid for")
COUPONS_WRITE = declare_permission("coupons.write", "Offer coupons, give them to members and take them back")
TOPUPS_WRITE = declare_permission("topups.write", "Take money for members' stored value")
