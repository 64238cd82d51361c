"""Coupons: money off a sale, each owned by one member, used once, given back as such."""
