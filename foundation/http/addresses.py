"""What stands in an address."""

from uuid import UUID

from foundation.errors import DomainError

ID_DIGITS_MAX = 18  # what surely fits a bigint


def id_of(text: str, unknown: DomainError) -> int:
    """The id in an address, up to 18 digits. Raises `unknown` for what cannot be one."""
    if not (text.isascii() and text.isdigit() and len(text) <= ID_DIGITS_MAX):
        raise unknown
    return int(text)


def uuid_of(text: str, unknown: DomainError) -> UUID:
    """The id in an address, of what has a UUID. Raises `unknown` for what cannot be one."""
    try:
        return UUID(text)
    except ValueError:
        raise unknown from None
