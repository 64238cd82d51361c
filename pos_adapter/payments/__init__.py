"""Payments taken by us: by bank card, by a wallet app's code, by the member's own stored value."""
