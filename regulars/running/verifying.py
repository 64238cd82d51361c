"""`regulars ledger verify` for the terminal."""

from collections.abc import Callable


def verify_books(say: Callable[[str], None]) -> int:
    """Prove the whole ledger and say what is wrong, one line each; how many faults there are."""
    raise NotImplementedError
