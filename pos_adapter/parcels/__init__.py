"""Paid goods that customers leave at a desk and collect later (寄存), and those that nobody has collected yet."""
