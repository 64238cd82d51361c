"""Devices: tills, handhelds, cash desks and office systems, each bound to its spot and revocable at once."""
