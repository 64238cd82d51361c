"""The made-up department store on a fresh database, called through the web application, its clock in our hands."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import msgspec
from flask import Flask

from foundation.clock import FixedClock
from foundation.database import Database
from foundation.events import consume, move_batch
from pos_adapter.day import subscribers as _subscribers  # noqa: F401 - registers
from pos_adapter.payments.operations import sweep
from pos_adapter.payments.refunds import sweep_refunds
from pos_adapter.returns.operations import conclude_returns
from regulars.demo.connection import ClientLogin, Connection
from regulars.demo.department.building import ZONE
from regulars.demo.department.calendar import Calendar
from regulars.demo.department.floor import DayOnTheFloor, customers_of
from regulars.demo.department.furnishing import furnish
from regulars.demo.department.machines import Machines, make_machines
from regulars.demo.department.staffing import DESKS
from regulars.demo.department.takings import Takings
from regulars.demo.department.tills import Past
from regulars.demo.people import ean13
from regulars.running.bootstrap import make_log_ins
from tests.journeys.handheld_scene import rails
from tests.pos_adapter.payments.simulators import simulated, wallet_apps, wallet_environment

LATE_ARRIVALS = "pos.late_arrivals"
OPENS = time(10)
BETWEEN_CUSTOMERS = timedelta(minutes=2)
WHILE_A_BANK_IS_ASKED = timedelta(seconds=6)


def card_of(number: int) -> str:
    """The card of one of the store's members."""
    return ean13(f"29{number:010d}")


class Store:
    """The store, its machines and members, and how each of its days was played."""

    def __init__(self, app: Flask, database: Database, clock: FixedClock, calendar: Calendar, members: int) -> None:
        self.database, self.clock, self.calendar = database, clock, calendar
        self.cards = [card_of(number) for number in range(members)]
        self._transport = httpx.WSGITransport(app=app)
        self.opens_on(calendar.first_day)
        with database.transaction() as tx:
            erp = make_log_ins(tx)["erp"]
        self.office = self.connect(ClientLogin(erp["client_id"], erp["client_secret"]))
        furnish(self.office, calendar, lambda what: None)
        self._enrol()
        self.machines: Machines = make_machines(self.office, self.connect)

    def connect(self, login: ClientLogin) -> Connection:
        return Connection("http://regulars.test", login, transport=self._transport)

    def _enrol(self) -> None:
        people = [
            {"name": f"王{number}", "phone": f"+86154{number:08d}", "card": card, "consents": {}}
            for number, card in enumerate(self.cards)
        ]
        self.office.send("POST", "/v1/members/batch", {"members": people}, key="members")

    def opens_on(self, day: date) -> None:
        """Morning of a day; tokens of the day before have run out by then, and machines ask for new ones."""
        morning = datetime.combine(day, OPENS, ZoneInfo(ZONE)).astimezone(UTC)
        self.clock.advance(morning - self.clock.now())

    def ring(self, day: date, rung: Past, *, of: date | None = None) -> int:
        """Post on a day what the tills of the store have rung on it, or `of` an earlier one; the e-coins it earned."""
        sales = [each for each in rung.receipts if each["business_date"] == (of or day).isoformat()]
        answer = self.machines.tills.send("POST", "/v1/sales/batch", {"sales": sales}, key=f"tills-{of}-{day}")
        results = msgspec.json.decode(answer.content)["results"]
        assert {each["status"] for each in results} == {201}, results
        earned = [(each["body"]["ecoins"] or {}).get("earned", 0) for each in results]
        return sum(ecoins for ecoins in earned if ecoins > 0)

    def play(self, day: date, share: float, miscounted: Mapping[str, int]) -> Takings:
        """Play a day on the floor, from opening the desks to handing the cash in; its takings.

        `miscounted`: by how much a desk's drawer is over, or short.
        """
        self.opens_on(day)
        played = DayOnTheFloor(self.machines, day, self.clock.now, self._while_a_bank_is_asked)
        played.open_shifts()
        for _ in played.play(customers_of(self.calendar, day, share, self.cards)):
            self.clock.advance(BETWEEN_CUSTOMERS)
        for desk in DESKS:
            played.hand_in(desk, miscounted.get(desk, 0))
        return played.takings

    def follow(self) -> None:
        """What the relay and the workers do with what has happened: late arrivals are noted."""
        with self.database.transaction() as tx:
            while move_batch(tx):
                pass
        consume(self.database, LATE_ARRIVALS)

    def _while_a_bank_is_asked(self) -> None:
        sweep(self.database)
        sweep_refunds(self.database)
        conclude_returns(self.database)
        self.clock.advance(WHILE_A_BANK_IS_ASKED)


@contextmanager
def banks(folder: Path) -> Iterator[dict[str, str]]:
    """The acquirer and the wallet apps as programs, our rails to them, and the settings of a server that uses them."""
    with (
        simulated("regulars.simulators.acquirer", folder) as acquirer,
        wallet_apps(folder) as apps,
        rails(acquirer, apps),
    ):
        yield {"ACQUIRER": acquirer.address, **wallet_environment(apps)}
