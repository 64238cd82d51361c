"""Follow-up service: one thing that one member of staff does for one member, and whether it was done."""
