"""Campaigns: a target list, an offer, what is said through which channels, a control group, and what came of it."""
