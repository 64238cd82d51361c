"""Who the member is and what the member owns: identity, sub-accounts and ledger, tiers, earning rules, coupons."""
