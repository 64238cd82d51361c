"""How many parts a text message has, as networks count them (3GPP TS 23.038 and 23.040).

A text of the GSM 7-bit alphabet holds 160 septets, or 153 in each of several parts; letters of its extension table cost
two and are not torn apart. Any other letter makes the whole text UCS-2: 70 units of 16 bits, or 67 in each of several.
"""

from dataclasses import dataclass
from enum import StrEnum

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("^{}\\[~]|€\f")


class Encoding(StrEnum):
    """How a text travels."""

    GSM_7 = "gsm7"
    UCS_2 = "ucs2"


@dataclass(frozen=True, slots=True)
class Size:
    """What a text message comes to: `units` are septets or 16-bit units, `segments` what is paid for."""

    encoding: Encoding
    units: int
    segments: int


# Units of the only part, and of each of several.
_ROOM = {Encoding.GSM_7: (160, 153), Encoding.UCS_2: (70, 67)}


def size_of(text: str) -> Size:
    """The size of a text; an empty one has no segments."""
    encoding = Encoding.GSM_7 if set(text) <= GSM_BASIC | GSM_EXTENSION else Encoding.UCS_2
    widths = [_width(letter, encoding) for letter in text]
    alone, each = _ROOM[encoding]
    units = sum(widths)
    if units <= alone:
        return Size(encoding, units, 1 if text else 0)
    segments, room = 1, each
    for width in widths:
        if width > room:
            segments, room = segments + 1, each
        room -= width
    return Size(encoding, units, segments)


def _width(letter: str, encoding: Encoding) -> int:
    if encoding == Encoding.GSM_7:
        return 2 if letter in GSM_EXTENSION else 1
    return 2 if ord(letter) > 0xFFFF else 1
