"""Multipliers: chosen members earn more points for a time."""
