"""Plumbing without one business word: settings, database, events, idempotency, queues, auth, errors, clock, money, page shell."""
