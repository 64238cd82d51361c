"""Control groups, and what treating the others came to: assignment by hash, and the lift with its interval."""
