"""Settlements: one payment for several tickets and loose goods, one sale for each legal unit."""
