"""Scoring runs: every member's contribution and potential as of a date, worked out in the background and kept."""
