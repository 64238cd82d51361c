"""What codes look like, how long they live, which PINs are too easy, how long a block lasts. Values in, values out."""

import re
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network
from itertools import pairwise

CODE_DIGITS = 6
CODE_LIFE = timedelta(minutes=5)
CODE_TRIES_MAX = 5
# Whoever proved a phone that is no member's yet has so long to fill in the form.
JOIN_LIFE = timedelta(minutes=30)
# A text that comes later than this comes for nothing.
SEND_UNTIL = timedelta(minutes=2)

# For one number: one a minute, five an hour, ten a day. A shop's guests share its address.
PHONE_PAUSE = timedelta(seconds=60)
PHONE_HOUR_MAX = 5
PHONE_DAY_MAX = 10
ADDRESS_HOUR_MAX = 60
# One line to the Internet has all addresses of such a network of IPv6, and may change them at will.
IPV6_LINE_BITS = 64

SESSION_IDLE = timedelta(days=14)
SESSION_LIFE = timedelta(days=90)
# So long after the log-in the code by text message still speaks for whoever holds the phone.
FRESH = timedelta(minutes=10)

MEMBER_CODE = re.compile(r"RG[0-9]{16}")
MEMBER_CODE_DIGITS = 16
MEMBER_CODE_LIFE = timedelta(seconds=75)
MEMBER_CODE_SHOWN = timedelta(seconds=30)
GAPS = re.compile(r"[\s-]+")

PIN = re.compile(r"[0-9]{6}")
PIN_TRIES_MAX = 5
SPEND_CODE_LIFE = timedelta(minutes=2)
# A request that was proved and is sent again so soon is the same one on a bad network.
PROVED_LIFE = timedelta(minutes=10)
BLOCK_FIRST = timedelta(minutes=15)
BLOCK_MAX = timedelta(hours=24)


class SendState(StrEnum):
    """A code on its way: asked -> sending -> sent, or failed (nobody took it), or expired (it would come too late)."""

    ASKED = "asked"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"


def new_digits(count: int) -> str:
    """So many random digits."""
    return f"{secrets.randbelow(10**count):0{count}d}"


# ------------------------------------------------------------------------------------------------ how often
def wait_for_phone(asked: list[datetime], now: datetime) -> timedelta | None:
    """How long a number must wait for its next code; None: not at all. `asked` are the last day's, the newest first."""
    waits = [
        _until_room(asked, now, PHONE_PAUSE, 1),
        _until_room(asked, now, timedelta(hours=1), PHONE_HOUR_MAX),
        _until_room(asked, now, timedelta(days=1), PHONE_DAY_MAX),
    ]
    return max((wait for wait in waits if wait is not None), default=None)


def wait_for_address(asked: list[datetime], now: datetime) -> timedelta | None:
    """The same for an address of the network; `asked` are the last hour's, the newest first."""
    return _until_room(asked, now, timedelta(hours=1), ADDRESS_HOUR_MAX)


def line_of(address: str) -> str:
    """What codes are counted by of an address of the network: an address of IPv4, of IPv6 the network of its line."""
    try:
        read = ip_address(address)
    except ValueError:
        return address
    if not isinstance(read, IPv6Address):
        return str(read)
    return str(read.ipv4_mapped or ip_network((read.packed, IPV6_LINE_BITS), strict=False))


def _until_room(asked: list[datetime], now: datetime, window: timedelta, most: int) -> timedelta | None:
    inside = [at for at in asked if at > now - window]
    return inside[most - 1] + window - now if len(inside) >= most else None


# ------------------------------------------------------------------------------------------------ the member's code
def read_member_code(text: str) -> str | None:
    """The digits of a code from a phone, as a scanner reads it or a clerk types it; None for what is none."""
    plain = GAPS.sub("", text).upper()
    return plain if MEMBER_CODE.fullmatch(plain) else None


def in_fours(code: str) -> str:
    """A member's code as people read it out: RG 1234 5678 9012 3456."""
    digits = code.removeprefix("RG")
    return " ".join(["RG", *(digits[n : n + 4] for n in range(0, len(digits), 4))])


# ------------------------------------------------------------------------------------------------ the PIN
def why_too_easy(pin: str, phone: str | None = None, birthday: str | None = None) -> str | None:
    """What makes a PIN one that others try first; None: nothing. `birthday` as 1990-05-17."""
    steps = {int(b) - int(a) for a, b in pairwise(pin)}
    if len(steps) == 1 and steps <= {-1, 0, 1}:
        return "digits in a row, or all the same"
    if len(set(pin)) < 3:
        return "more than two different digits are needed"
    if phone is not None and phone.endswith(pin):
        return "it is the end of the phone number"
    if birthday is not None and pin in _written(birthday):
        return "it is the birthday"
    return None


def _written(birthday: str) -> set[str]:
    digits = birthday.replace("-", "")
    if len(digits) != len("19900517"):
        return set()
    year, month, day = digits[:4], digits[4:6], digits[6:]
    return {year[2:] + month + day, year + month, month + day + year[2:], day + month + year[2:]}
