"""Ids that can be made twice: derived from a natural key, and carrying their date in plain digits.

A sale, a journal and a purchase are known by a UUID (version 8, RFC 9562 section 5.8) whose first eight hex
digits are a date, `20261121-3f0a-8c55-9e7b-...`. Two things follow. A look-up by id names one monthly
partition. And a retry makes the same id, so that the primary key itself refuses to do a thing twice.
"""

from datetime import date
from hashlib import blake2b
from uuid import UUID

SEPARATOR = "\x1f"


def dated_id(day: date, *key: object) -> UUID:
    """The id of the thing with this natural key on this day; the same input always makes the same id."""
    digest = blake2b(SEPARATOR.join(map(str, key)).encode(), digest_size=12).digest()
    number = (int(f"{day.year:04d}{day.month:02d}{day.day:02d}", 16) << 96) | int.from_bytes(digest)
    number = (number & ~(0xF << 76)) | (0x8 << 76)
    number = (number & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=number)


def day_of(id: UUID) -> date | None:
    """The date that an id carries, or None when it was not made by `dated_id`."""
    digits = id.hex[:8]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])) if id.version == 8 else None
    except ValueError:
        return None
