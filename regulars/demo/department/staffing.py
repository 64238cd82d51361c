"""Who works in the department store: two clerks a counter, a manager a floor, cashiers, and one who runs it all."""

from random import Random
from typing import Any

from regulars.demo.chance import SEED
from regulars.demo.department.building import COUNTERS, OPENED, STORE, Counter
from regulars.demo.names import GIVEN_FEMALE, GIVEN_MALE, SURNAMES

CLERKS_A_COUNTER = 2
FLOORS = (1, 2, 3, 4, 5)
DESKS = ("D1", "D2", "D3")
CASHIERS = tuple(f"YZ-{desk}" for desk in DESKS)
MANAGER = "YZ-1"
FEMALE_SHARE = 0.66


def clerk_number(counter: Counter, place: int) -> str:
    """The number of a counter's clerk: `YZ-101-1`."""
    return f"YZ-{counter.code}-{place}"


def staff() -> list[dict[str, Any]]:
    """Everybody as `PUT /v1/staff/batch` takes them; the first clerk of a counter has a role and a user name."""
    people = [_person(MANAGER, "store_manager", "yunzhang-manager")]
    people += [_person(f"YZ-F{floor}", "store_manager", f"yunzhang-floor-{floor}") for floor in FLOORS]
    people += [_person(number, "service_desk", number.replace("YZ-", "yunzhang-").lower()) for number in CASHIERS]
    for counter in COUNTERS:
        people.append(_person(clerk_number(counter, 1), "counter_staff", f"yunzhang-{counter.code}", counter))
        people += [_person(clerk_number(counter, n), None, None, counter) for n in range(2, CLERKS_A_COUNTER + 1)]
    return people


def _person(number: str, role: str | None, username: str | None, counter: Counter | None = None) -> dict[str, Any]:
    person: dict[str, Any] = {
        "number": number,
        "name": _name(number),
        "home_store": STORE,
        "effective_from": OPENED.isoformat(),
        "counters": [counter.code] if counter is not None else [],
    }
    if role is not None:
        person |= {"role": role, "scope": "store", "username": username}
    return person


def _name(number: str) -> str:
    chance = Random(f"{SEED}/department staff/{number}")  # noqa: S311
    given = GIVEN_FEMALE if chance.random() < FEMALE_SHARE else GIVEN_MALE
    return chance.choice(SURNAMES) + chance.choice(given)
