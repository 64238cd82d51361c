"""One spelling for every identifier, so that a person typed in two ways is found once.

Formats: a mainland mobile is 1, 3 to 9 and nine digits; E.164 for every other phone; GB 11643-1999
with ISO 7064 MOD 11-2 for the resident ID; RFC 5321 lengths and IDNA 2008 for e-mail. Nothing here reads or
writes anything, and no error repeats the value it refuses: the value is personal data.
"""

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

import idna
import phonenumbers
from stdnum.iso7064 import mod_11_2

from foundation.errors import Invalid

OPAQUE_LENGTH_MAX = 128
CARD_LENGTH_MAX = 64
EMAIL_LENGTH_MAX = 254
LAST_FOUR = 4
# Case and width folding settle in two turns on every text we know of; the third proves it.
FOLDING_TURNS_MAX = 3


class Kind(StrEnum):
    """The kinds that have a spelling rule of their own. Every other registered kind is kept letter for letter."""

    PHONE = "phone"
    CARD = "card"
    EMAIL = "email"
    NATIONAL_ID = "national_id"


class IdentifierStatus(StrEnum):
    """What an identifier row is worth. One row at most of a value is not `replaced`."""

    UNCLAIMED = "unclaimed"  # met on a sale, belongs to nobody yet
    ACTIVE = "active"
    LOST = "lost"  # blocked; the number stays taken
    REPLACED = "replaced"  # given up; the number is free for another person


class IdentifierUnreadable(Invalid):
    """The value does not have the shape of its kind. `reason` says what is wrong without repeating it."""

    code = "identifier_unreadable"


class IdentifierNotALookUp(Invalid):
    """A national ID serves the prepaid registry; nobody is looked up by it at a counter."""

    code = "identifier_not_a_look_up"


@dataclass(frozen=True, slots=True)
class Identifier:
    """An identifier as somebody wrote it."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Normalised:
    """An identifier in its one spelling. Only `normalise` makes these."""

    kind: str
    value: str

    @property
    def last_four(self) -> str | None:
        """The digits or letters a person may be asked for; None for kinds nobody reads aloud."""
        if self.kind not in (Kind.PHONE, Kind.CARD) or len(self.value) < LAST_FOUR:
            return None
        return self.value[-LAST_FOUR:]


def _refuse(kind: str, reason: str, detail: str) -> IdentifierUnreadable:
    return IdentifierUnreadable(detail, kind=str(kind), reason=reason)


# ------------------------------------------------------------------------------------------------ phone
_PHONE_NOISE = re.compile(r"[\s\-‐‑‒–—―−()./·]+")
_MAINLAND = re.compile(r"(?:\+86|0086|86)?(1[3-9][0-9]{9})")
_INTERNATIONAL = re.compile(r"(?:\+|00)([1-9][0-9]{5,14})")


def _phone(value: str) -> str:
    text = _PHONE_NOISE.sub("", unicodedata.normalize("NFKC", value))
    if mainland := _MAINLAND.fullmatch(text):
        return f"+86{mainland[1]}"
    foreign = _INTERNATIONAL.fullmatch(text)
    if foreign is None:
        raise _refuse(Kind.PHONE, "shape", "Not a mainland mobile number; a number from elsewhere needs its + code")
    if foreign[1].startswith("86"):
        raise _refuse(Kind.PHONE, "not_a_mobile", "A mainland mobile number is 1, then 3 to 9, then nine digits")
    try:
        number = phonenumbers.parse(f"+{foreign[1]}", None)
    except phonenumbers.NumberParseException:
        raise _refuse(Kind.PHONE, "country", "No country has this code") from None
    if not phonenumbers.is_possible_number(number):
        raise _refuse(Kind.PHONE, "length", "The number is too short or too long for its country")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@lru_cache(maxsize=4096)
def _mainland_prefix_assigned(prefix: str) -> bool:
    # The published plan of +86 mobiles depends on the first five digits only, so that an import asks it rarely.
    return bool(phonenumbers.is_valid_number(phonenumbers.parse(f"+86{prefix}000000", None)))


def phone_warnings(e164: str) -> tuple[str, ...]:
    """What the published numbering plan has against this phone; a warning, for prefixes keep being issued."""
    if e164.startswith("+86"):
        assigned = _mainland_prefix_assigned(e164[3:8])
    else:
        assigned = bool(phonenumbers.is_valid_number(phonenumbers.parse(e164, None)))
    return () if assigned else ("phone_prefix_unassigned",)


# ------------------------------------------------------------------------------------------------ card
def _fold_card(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).upper().split())


def _card(value: str) -> str:
    text = value
    for _ in range(FOLDING_TURNS_MAX):
        folded = _fold_card(text)
        if folded == text:
            break
        text = folded
    else:
        raise _refuse(Kind.CARD, "letters", "The card number holds letters that have no one upper case")
    if not text or len(text) > CARD_LENGTH_MAX:
        raise _refuse(Kind.CARD, "length", f"A card number has 1 to {CARD_LENGTH_MAX} characters")
    if not text.isprintable():
        raise _refuse(Kind.CARD, "unprintable", "The card number holds characters that cannot be printed")
    return text


# ------------------------------------------------------------------------------------------------ e-mail
_EMAIL_LOCAL = re.compile(r"[^\s@\"(),:;<>\[\]\\]{1,64}")


@lru_cache(maxsize=4096)
def _ascii_domain(domain: str) -> str:
    return idna.encode(domain, uts46=True).decode("ascii")


def _email(value: str) -> str:
    local, at, domain = unicodedata.normalize("NFKC", value).strip().rpartition("@")
    # Letter case in the local part has meaning on paper only; in the field it makes duplicates.
    local = unicodedata.normalize("NFKC", local.casefold())
    if not at or not _EMAIL_LOCAL.fullmatch(local) or not local.isprintable():
        raise _refuse(Kind.EMAIL, "shape", "Not an e-mail address")
    try:
        ascii_domain = _ascii_domain(domain)
    except (idna.IDNAError, UnicodeError):
        raise _refuse(Kind.EMAIL, "domain", "The domain of the e-mail address is not a domain") from None
    if "." not in ascii_domain:
        raise _refuse(Kind.EMAIL, "domain", "The domain of the e-mail address has no top level")
    if len(local) + 1 + len(ascii_domain) > EMAIL_LENGTH_MAX:
        raise _refuse(Kind.EMAIL, "length", f"An e-mail address has at most {EMAIL_LENGTH_MAX} characters")
    return f"{local}@{ascii_domain}"


# ------------------------------------------------------------------------------------------------ national ID
# GB/T 2260 provinces; 81, 82 and 83 are residence permits for people of Hong Kong, Macau and Taiwan, and a leading
# 9 is the foreigner's permanent resident card of 2023. Areas below the province come and go, so they are not checked.
_PROVINCES = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|9[0-9]")
_RESIDENT_18 = re.compile(r"[0-9]{17}[0-9X]")
_RESIDENT_15 = re.compile(r"[0-9]{15}")


def _national_id(value: str, today: date) -> str:
    text = re.sub(r"[\s\-‐‑–—−]+", "", unicodedata.normalize("NFKC", value)).upper()
    if _RESIDENT_15.fullmatch(text):
        # The old number: two digits of the year, century 19, no check character.
        stem = f"{text[:6]}19{text[6:]}"
        text = stem + mod_11_2.calc_check_digit(stem)
    if not _RESIDENT_18.fullmatch(text):
        raise _refuse(Kind.NATIONAL_ID, "shape", "A resident ID has 18 characters (15 before 1999)")
    if not _PROVINCES.fullmatch(text[:2]):
        raise _refuse(Kind.NATIONAL_ID, "area", "No area has this code")
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        raise _refuse(Kind.NATIONAL_ID, "birth", "The birth date within the number is not a date") from None
    if born > today:
        raise _refuse(Kind.NATIONAL_ID, "birth", "The birth date within the number lies in the future")
    if mod_11_2.calc_check_digit(text[:17]) != text[17]:
        raise _refuse(Kind.NATIONAL_ID, "check", "The check character does not fit the number")
    return text


# ------------------------------------------------------------------------------------------------ everything else
def _opaque(kind: str, value: str) -> str:
    text = value.strip()
    if not text or len(text) > OPAQUE_LENGTH_MAX:
        raise _refuse(kind, "length", f"An id has 1 to {OPAQUE_LENGTH_MAX} characters")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise _refuse(kind, "unprintable", "An id is made of printable ASCII without blanks")
    return text


def normalise(kind: str, value: str, today: date) -> Normalised:
    """The one spelling of an identifier; applying it twice changes nothing.

    `today` refuses resident IDs of people not born yet. Raises IdentifierUnreadable, which never repeats the value.
    """
    if kind == Kind.PHONE:
        return Normalised(Kind.PHONE, _phone(value))
    if kind == Kind.CARD:
        return Normalised(Kind.CARD, _card(value))
    if kind == Kind.EMAIL:
        return Normalised(Kind.EMAIL, _email(value))
    if kind == Kind.NATIONAL_ID:
        return Normalised(Kind.NATIONAL_ID, _national_id(value, today))
    return Normalised(kind, _opaque(kind, value))


# ------------------------------------------------------------------------------------------------ finding blind
@dataclass(frozen=True, slots=True)
class LookUpKey:
    """How a normalised identifier is found: its kind and the 32 bytes of its blind index."""

    kind: str
    blind_index: bytes

    def __lt__(self, other: "LookUpKey") -> bool:
        # The one order in which identifiers are inserted and locked, so that two enrolments never wait in a ring.
        return (self.kind, self.blind_index) < (other.kind, other.blind_index)


def blind_index(key: bytes, kind: str, value: str) -> bytes:
    """HMAC-SHA256(key, kind | value): 32 bytes that find a value without telling it. `value` is normalised."""
    return hmac.digest(key, f"{kind}|{value}".encode(), hashlib.sha256)


def last_four_index(key: bytes, kind: str, last_four: str) -> bytes:
    """The blind index of the last four digits of a phone or card; many members may share it."""
    return blind_index(key, f"{kind}/last-four", "".join(unicodedata.normalize("NFKC", last_four).upper().split()))


_CJK = re.compile(r"[㐀-鿿豈-﫿\U00020000-\U0003ffff]")
_DOTS = str.maketrans({"•": "·", "・": "·", "‧": "·", "．": "·"})


def normalise_name(name: str) -> str:
    """A whole name for looking up: width, case, dots and blanks do not matter ("张 三" is "张三")."""
    folded = unicodedata.normalize("NFKC", name.translate(_DOTS)).casefold()
    return ("" if _CJK.search(folded) else " ").join(folded.split())


# ------------------------------------------------------------------------------------------------ masks
def mask_name(name: str) -> str:
    """张三 -> 张*, as one choice is shown at a counter."""
    return f"{name[:1]}*" if name else ""


def _mask_phone(value: str) -> str:
    if value.startswith("+86"):
        return f"{value[3:6]}****{value[-LAST_FOUR:]}"
    number = phonenumbers.parse(value, None)
    return f"+{number.country_code} ****{value[-LAST_FOUR:]}"


def mask(identifier: Normalised) -> str:
    """What may be shown of an identifier to somebody who has no business with the whole: 138****8000."""
    value = identifier.value
    if identifier.kind == Kind.PHONE:
        return _mask_phone(value)
    if identifier.kind == Kind.EMAIL:
        local, _, domain = value.rpartition("@")
        return f"{local[:1]}***@{domain}"
    if identifier.kind == Kind.NATIONAL_ID:
        return f"{value[0]}{'*' * (len(value) - 2)}{value[-1]}"
    # A short number is hidden whole: its last four would be all of it.
    return f"****{value[-LAST_FOUR:]}" if len(value) >= 2 * LAST_FOUR else "****"
