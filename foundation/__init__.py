"""Plumbing without one business word: database, events, idempotency, queues, access, errors, clock, money, pages."""
