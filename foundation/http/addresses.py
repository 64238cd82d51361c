"""What stands in an address."""

from foundation.errors import DomainError

ID_DIGITS_MAX = 18  # what surely fits a bigint


def id_of(text: str, unknown: DomainError) -> int:
    """The id in an address, up to 18 digits. Raises `unknown` for what cannot be one."""
    if not (text.isascii() and text.isdigit() and len(text) <= ID_DIGITS_MAX):
        raise unknown
    return int(text)
