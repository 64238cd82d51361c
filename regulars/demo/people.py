"""Members of the demo: the households and where they shop are real, the people are made up from the fixed seed.

No number or address here can reach anyone: mainland numbers start with 154, which is not issued; the others are
the 555-0100 to 555-0199 that the North American plan keeps for fiction; mail goes to example.com (RFC 2606).
"""

from dataclasses import dataclass
from datetime import date

import msgspec
import numpy as np
from numpy.typing import NDArray

from regulars.demo.chance import below, fractions, weighted
from regulars.demo.names import AREA_CODES, FAMILY, FIRST_FEMALE, FIRST_MALE, GIVEN_FEMALE, GIVEN_MALE, SURNAMES
from regulars.demo.places import Places, counters_of, staff_number, store_code
from regulars.demo.source import Baskets, Integers, Source

STAFF = {"hypermarket": 12, "supermarket": 5, "convenience": 2}

CHINESE_SHARE = 0.55
FEMALE_SHARE = 0.58
EMAIL_SHARE = 0.45
# Ages by band: first and last age, and the share of the households whose band the source does not tell.
AGES = {
    "19-24": (19, 24, 0.06),
    "25-34": (25, 34, 0.18),
    "35-44": (35, 44, 0.24),
    "45-54": (45, 54, 0.36),
    "55-64": (55, 64, 0.07),
    "65+": (65, 84, 0.09),
}
CONSENTS = {"sms": 0.62, "email": 0.48, "phone": 0.18, "app": 0.41}
SOURCE_YEAR = 2017


class Colleague(msgspec.Struct, frozen=True, omit_defaults=True):
    """A member of staff as `PUT /v1/staff/batch` takes it: no log-in and no role."""

    number: str
    name: str
    home_store: str
    counters: list[str] = []


class Joined(msgspec.Struct, frozen=True):
    """Where a member joined: the store of the household's first basket."""

    store: str
    channel: str


class Member(msgspec.Struct, frozen=True, omit_defaults=True):
    """A member as `POST /v1/members/batch` takes it."""

    name: str
    phone: str
    card: str
    birthday: date
    gender: str
    home_store: str
    joined: Joined
    consents: dict[str, bool]
    email: str | None = None


@dataclass(frozen=True, slots=True)
class _Person:
    name: str
    latin: str
    phone: str


def staff(places: Places) -> list[Colleague]:
    """The staff of every store, as many as its format needs; the first ones of the demo's store serve its counters."""
    colleagues = []
    for at, store in enumerate(places.stores):
        count = STAFF[store.format]
        keys = np.arange(count) + 100 * at
        people = _people(keys, fractions("staff gender", keys) < FEMALE_SHARE, "staff ")
        served = [counter.code for counter in counters_of(store)] if store == places.busiest else []
        for place, person in enumerate(people, start=1):
            colleagues.append(
                Colleague(staff_number(store.code, place), person.name, store.code, served[place - 1 : place])
            )
    return colleagues


def card_number(household: int) -> str:
    """The household's member card: an EAN-13 with the in-store prefix 29."""
    return ean13(f"29{household:010d}")


def ean13(digits: str) -> str:
    """Twelve digits and their check digit: weights 1 3 1 3 ... from the left (GS1 General Specifications, 7.9)."""
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def members(source: Source, offset_weeks: int) -> list[Member]:
    """One member for each household of the source, ascending by household."""
    first, home = _stores(source.baskets)
    households = np.unique(source.baskets.household)
    female = fractions("gender", households) < FEMALE_SHARE
    people = _people(households, female)
    born = _birthdays(households, source.age_band, offset_weeks)
    channel = np.array(["till", "counter", "app"])[weighted("joined by", households, (0.7, 0.2, 0.1))]
    mails = fractions("email", households) < EMAIL_SHARE
    agreed = {kind: fractions(f"consent {kind}", households) < share for kind, share in CONSENTS.items()}
    return [
        Member(
            people[at].name,
            people[at].phone,
            card_number(household),
            born[at],
            "female" if female[at] else "male",
            store_code(home[household]),
            Joined(store_code(first[household]), str(channel[at])),
            {kind: bool(yes[at]) for kind, yes in agreed.items()},
            f"{people[at].latin}.{household}@example.com" if mails[at] else None,
        )
        for at, household in enumerate(households.tolist())
    ]


def _stores(baskets: Baskets) -> tuple[dict[int, int], dict[int, int]]:
    """The first store of each household, and the one it went to most often."""
    household, first = np.unique(baskets.household, return_index=True)
    pairs, visits = np.unique(np.stack((baskets.household, baskets.store)), axis=1, return_counts=True)
    order = np.lexsort((-pairs[1], visits))
    most = dict(zip(pairs[0][order].tolist(), pairs[1][order].tolist(), strict=True))
    return dict(zip(household.tolist(), baskets.store[first].tolist(), strict=True)), most


def _people(households: Integers, female: NDArray[np.bool_], who: str = "") -> list[_Person]:
    chinese = fractions(f"{who}language", households) < CHINESE_SHARE
    family, given = (below(f"{who}{part} name", households, 1 << 30) for part in ("family", "given"))
    people = []
    for at, household in enumerate(households.tolist()):
        if chinese[at]:
            people.append(_chinese(household, bool(female[at]), int(family[at]), int(given[at])))
        else:
            people.append(_english(household, bool(female[at]), int(family[at]), int(given[at])))
    return people


def _chinese(household: int, female: bool, family: int, given: int) -> _Person:
    names = GIVEN_FEMALE if female else GIVEN_MALE
    name = SURNAMES[family % len(SURNAMES)] + names[given % len(names)]
    # The factor is odd and no multiple of five, so that no two households get the same eight digits.
    return _Person(name, "member", f"+86154{household * 31_337_771 % 100_000_000:08d}")


def _english(household: int, female: bool, family: int, given: int) -> _Person:
    names = FIRST_FEMALE if female else FIRST_MALE
    first, last = names[given % len(names)], FAMILY[family % len(FAMILY)]
    area = AREA_CODES[household // 100 % len(AREA_CODES)]
    return _Person(f"{first} {last}", f"{first}.{last}".lower(), f"+1{area}55501{household % 100:02d}")


def _birthdays(households: Integers, age_band: dict[int, str], offset_weeks: int) -> list[date]:
    """A birthday for each household, inside the age band that the source gives or, without one, that the seed draws.

    The years move with the data, so that the bands stay true.
    """
    year = SOURCE_YEAR + round(offset_weeks * 7 / 365.2425)
    drawn = np.array(list(AGES))[weighted("age band", households, [share for _, _, share in AGES.values()])]
    spread = fractions("age", households)
    month = 1 + below("birth month", households, 12)
    day = 1 + below("birth day", households, 28)
    born = []
    for at, household in enumerate(households.tolist()):
        youngest, oldest, _ = AGES[age_band.get(household, str(drawn[at]))]
        age = youngest + int(spread[at] * (oldest - youngest + 1))
        born.append(date(year - age, int(month[at]), int(day[at])))
    return born
