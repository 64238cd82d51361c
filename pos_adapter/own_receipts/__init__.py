"""A member's own receipts, on the member's phone."""
