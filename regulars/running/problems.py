"""What can go wrong while starting or stopping, said to the operator in one sentence."""


class CannotRun(Exception):
    """The house cannot start or do what was asked; the message says what to do about it."""
