"""Stores: where they stand, what they are worth per square metre, in which money and at what time they live."""
