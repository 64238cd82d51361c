"""Staff: who works where, in which role, and what that role may do and see."""
