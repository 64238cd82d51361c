"""Whom to reach, with what, and what came of it: target lists, campaigns, experiments, follow-up tasks."""
