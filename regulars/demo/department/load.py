"""Post the department store: build it, ring its weeks at its tills, close their days, and play today on its floor."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import msgspec
import numpy as np
from rich.console import Console
from rich.progress import Progress

from regulars.demo.chance import draw
from regulars.demo.connection import ClientLogin, Connection, key_of
from regulars.demo.department.building import STORE, ZONE
from regulars.demo.department.calendar import Calendar, since_last_month
from regulars.demo.department.floor import Customer, DayOnTheFloor, customers_of
from regulars.demo.department.furnishing import furnish
from regulars.demo.department.machines import Machines, get, make_machines, post
from regulars.demo.department.notes import Made, read_made, write_made
from regulars.demo.department.staffing import DESKS
from regulars.demo.department.takings import Takings
from regulars.demo.department.tills import TILLS, Past, past
from regulars.demo.lanes import Lanes
from regulars.demo.load import offset_of
from regulars.demo.people import Member, members
from regulars.demo.places import Store, find_places
from regulars.demo.progress import Spoken, bars_on, timed
from regulars.demo.receipts import Batch
from regulars.demo.report import Part, Refusal, Tally
from regulars.demo.source import read_source

MEMBERS = 420
LANES = 2
FLOOR_SHARE = 0.22
SALES, DAYS_CLOSED, FLOOR = "till sales", "days closed", "customers"
# The first cashier of this desk has handed in, a little short; the others are at work.
RELIEVED, MISCOUNTED = DESKS[-1], -500


@dataclass(frozen=True, slots=True)
class DepartmentReport:
    """What became of a load. `takings` are those of the day on the floor; money in fen."""

    calendar: Calendar
    parts: tuple[Part, ...]
    taken: int
    takings: Takings
    closed: int
    flags: dict[str, int]
    refusals: tuple[Refusal, ...]
    seconds: float

    @property
    def complete(self) -> bool:
        return not self.refusals


def load_department(
    base_url: str,
    home: Path,
    erp: ClientLogin,
    *,
    offset_weeks: int | None = None,
    share: float = 1.0,
    floor_share: float = FLOOR_SHARE,
    again: bool = False,
    console: Console | None = None,
) -> DepartmentReport | None:
    """Post the made-up department store to the server at `base_url`; None where this home has it already.

    `erp` is the head office's client; every other machine of the store gets its own. Its customers are members of the
    demo. `share` makes the weeks at the tills smaller, `floor_share` the day on the floor; both count on the first run
    only. `again`: send everything once more, which changes nothing.

    A load that was stopped goes on; its day on the floor is then the day on which it ends. Raises DemoStopped.
    """
    console = console or Console()
    started = time.monotonic()
    made = read_made(home)
    if made is not None and made.played is not None and not again:
        return None
    made = _begin(home, made, share, floor_share)
    today = made.began.astimezone(ZoneInfo(ZONE)).date()
    tally = Tally()
    transport = httpx.HTTPTransport(limits=httpx.Limits(max_connections=LANES, max_keepalive_connections=LANES))

    def connect(login: ClientLogin) -> Connection:
        return Connection(base_url, login, connections=LANES, transport=transport)

    with connect(erp) as office, bars_on(console) as bars:
        cards = _enrol(office, customers(home, offset_weeks), tally)
        _furnish(office, made.calendar, tally, bars)
        rung = past(made.calendar, made.share, cards)
        with make_machines(office, connect) as machines:
            _ring(machines, rung, tally, bars)
            closed = _close(machines, made.calendar, tally, bars)
            stories = customers_of(made.calendar, today, made.floor_share, cards)
            takings = _play(DayOnTheFloor(machines, today, lambda: made.began), stories, tally, bars)
    if made.played is None:
        tally.new[FLOOR] = len(stories)
    else:
        tally.known[FLOOR] = len(stories)
    report = DepartmentReport(
        made.calendar,
        tuple(tally.part(what) for what in tally.seconds),
        sum(total.net for total in rung.totals().values()),
        takings,
        closed,
        dict(tally.flags.most_common()),
        tally.refusals(),
        time.monotonic() - started,
    )
    if report.complete:
        write_made(home, msgspec.structs.replace(made, played=today))
    return report


def _begin(home: Path, made: Made | None, share: float, floor_share: float) -> Made:
    """What is made, noted: as before, but that a day on the floor which was not played to its end begins again on the
    day on which it can be."""
    now = datetime.now(UTC)
    if made is None:
        calendar = since_last_month(now, ZONE)
        made = Made(calendar.first_day, calendar.days, share, floor_share, now)
    zone = ZoneInfo(ZONE)
    if made.played is None:
        if made.began.astimezone(zone).date() != now.astimezone(zone).date():
            made = msgspec.structs.replace(made, began=now)
        write_made(home, made)
    return made


@dataclass(frozen=True, slots=True)
class Customers:
    """Members of the demo who shop here too, and the stores that they name as their own."""

    members: list[Member]
    stores: list[Store]


def customers(home: Path, offset_weeks: int | None) -> Customers:
    """Those with a mainland phone, dealt by the seed; each as the year of groceries makes them."""
    source = read_source()
    near = [member for member in members(source, offset_of(home, offset_weeks)) if "+86" in member.phone]
    dealt = np.argsort(draw("department customer", np.arange(len(near))), kind="stable")
    chosen = [near[at] for at in dealt[:MEMBERS].tolist()]
    named = {member.home_store for member in chosen} | {member.joined.store for member in chosen}
    return Customers(chosen, [store for store in find_places(source.baskets).stores if store.code in named])


def _enrol(office: Connection, people: Customers, tally: Tally) -> list[str]:
    """The cards of these people, who are enrolled with this where they are not yet; the same content as the demo's."""
    body = msgspec.json.encode({"members": people.members})
    with timed(tally, "members"):
        office.send("PUT", "/v1/stores/batch", {"stores": people.stores})
        tally.count("members", office.send("POST", "/v1/members/batch", body, key=key_of(body)))
    return [person.card for person in people.members]


def _furnish(office: Connection, calendar: Calendar, tally: Tally, bars: Progress) -> None:
    bar = bars.add_task("building", total=None)
    with timed(tally, "building"):
        statuses = furnish(office, calendar, lambda what: bars.update(bar, description=what))
    tally.new["building"], tally.known["building"] = statuses[201], statuses[200]
    bars.update(bar, description="building", total=1, completed=1)


def _ring(machines: Machines, rung: Past, tally: Tally, bars: Progress) -> None:
    """The receipts of the weeks, the tills of a lane one after the other."""
    bar = bars.add_task(SALES, total=len(rung.receipts))
    spoken = Spoken(bars.console, len(rung.receipts), SALES)

    def post(batch: Batch) -> None:
        count = tally.count(SALES, machines.tills.send("POST", "/v1/sales/batch", batch.body, key=batch.key))
        bars.advance(bar, count)
        spoken.advance(count)

    with timed(tally, SALES), Lanes(min(LANES, len(TILLS)), post) as lanes:
        for batch in rung.batches(LANES):
            lanes.put(batch)


def _close(machines: Machines, calendar: Calendar, tally: Tally, bars: Progress) -> int:
    """Close the days of the tills in order, as a person does; how many are closed then."""
    bar = bars.add_task(DAYS_CLOSED, total=calendar.days)
    days = f"/v1/stores/{STORE}/days"
    with timed(tally, DAYS_CLOSED):
        before = {each["date"] for each in get(machines.office, f"{days}?limit=1000")["items"]}
        for day in calendar:
            if day.isoformat() not in before:
                post(machines.office, f"{days}/{day}/close", {}, f"close-{day}")
            tally.skipped[DAYS_CLOSED] += day.isoformat() in before
            tally.new[DAYS_CLOSED] += day.isoformat() not in before
            bars.advance(bar)
    return calendar.days


def _play(floor: DayOnTheFloor, stories: Sequence[Customer], tally: Tally, bars: Progress) -> Takings:
    bar = bars.add_task(FLOOR, total=len(stories))
    with timed(tally, FLOOR):
        floor.open_shifts()
        for _ in floor.play(stories):
            bars.advance(bar)
        floor.hand_in(RELIEVED, MISCOUNTED)
    return floor.takings
