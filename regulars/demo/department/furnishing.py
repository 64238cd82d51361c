"""Building the store over the routes of head office: places, goods, people, promotions, rules and limits."""

from collections import Counter as Counts
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from regulars.demo.connection import Connection, DemoStopped
from regulars.demo.department.building import STORE, later_terms, names, store, terms
from regulars.demo.department.calendar import Calendar
from regulars.demo.department.floor import RETURN_LIMIT
from regulars.demo.department.goods import catalogue, promotions, rebate
from regulars.demo.department.machines import get, post
from regulars.demo.department.staffing import staff
from regulars.demo.report import Outcomes

BATCH = 500
CLERKS_MAY_TAKE_OFF = 1_000  # hundredths of a percent


def furnish(office: Connection, calendar: Calendar, told: Callable[[str], None]) -> Counts[int]:
    """Make the whole store; made again, nothing changes. Raises DemoStopped when anything of it is refused.

    `told` hears what comes next. Returns how many things were made (201), and how many were there or changed (200).
    """
    statuses: Counts[int] = Counts()

    def put(what: str, path: str, items: Sequence[Any], *, of: str | None = None) -> None:
        told(what)
        for at in range(0, len(items), BATCH):
            chunk = items[at : at + BATCH]
            reply = office.send("PUT", path, {of or what: chunk})
            statuses.update(_statuses(what, reply.content))

    put("stores", "/v1/stores/batch", [store()])
    put("counters", "/v1/counters/batch", terms())
    put("promotions", "/v1/promotions/batch", promotions(calendar))
    put("changed terms", "/v1/counters/batch", later_terms(calendar), of="counters")
    for path, named in names().items():
        put(path, f"/v1/{path}/batch", named, of=path.replace("-", "_"))
    put("staff", "/v1/staff/batch", staff())
    put("products", "/v1/products/batch", catalogue())
    _set_limits(office, calendar)
    _publish_rebate(office, calendar)
    return statuses


def _set_limits(office: Connection, calendar: Calendar) -> None:
    """What clerks may take off, and up to what a red ticket needs no manager, since the first day."""
    since = calendar.first_day.isoformat()
    discounts = {"percent": CLERKS_MAY_TAKE_OFF, "store": STORE, "valid_from": since}
    post(office, "/v1/discount-limits", discounts, f"discount-limit-{since}")
    returns = {"amount": RETURN_LIMIT, "store": STORE, "valid_from": since}
    post(office, "/v1/return-limits", returns, f"return-limit-{since}")


def _publish_rebate(office: Connection, calendar: Calendar) -> None:
    """The rules in force, and the anniversary's 满返; nothing where it is in them."""
    versions = get(office, "/v1/earning-rules?limit=100")["items"]
    programme = next(version["programme"] for version in versions if version["in_force"])
    offer = rebate(calendar)
    others = [each for each in programme["thresholds"] if each["name"] != offer["name"]]
    if len(others) < len(programme["thresholds"]):
        return
    wish = {"programme": programme | {"thresholds": [*others, offer]}, "note": "云章店庆 Anniversary (made up)"}
    post(office, "/v1/earning-rules", wish, f"rebate-{calendar.first_day}")


def _statuses(what: str, content: bytes) -> list[int]:
    outcomes = msgspec.json.decode(content, type=Outcomes).results
    for outcome in outcomes:
        if outcome.status >= 400 and outcome.problem is not None:
            raise DemoStopped(f"{what}: {outcome.status} {outcome.problem.code} {outcome.problem.detail}")
    return [outcome.status for outcome in outcomes]
