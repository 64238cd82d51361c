"""Receipts that need a person: refused ones that were parked, accepted ones that were flagged."""
