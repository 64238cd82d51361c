"""A department store that closes its days: three counters of two legal units, desks, a manager, things to plant."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

from flask.testing import FlaskClient

from foundation.access import Principal, PrincipalKind, acting_as
from foundation.clock import local_date
from foundation.database import Database, Tx
from foundation.events import consume, move_batch
from organisation.contract import StoreFacts, stores_by_code
from pos_adapter.day import subscribers as _subscribers  # noqa: F401 - registers
from pos_adapter.day.operations import close_day, differences_of
from pos_adapter.day.rules import DayClose, Difference
from tests.member_api.callers import Caller
from tests.pos_adapter.returns.callers import CASH_DESK, ReturnFloor

ZONE = "Asia/Shanghai"
MANAGER = ("day.read", "day.close", "shifts.work", "sales.read", "tickets.read")


def manager(*stores: str) -> Principal:
    """Whoever closes the day."""
    places = frozenset(f"store/{store}" for store in stores or ("S01",))
    return Principal(PrincipalKind.PERSON, "88", "Manager", frozenset(MANAGER), places)


class DayFloor(ReturnFloor):
    """The floor, with what closing its day needs."""

    def __init__(self, http: FlaskClient, database: Database) -> None:
        super().__init__(http, database)
        self.http = http
        scopes = (*CASH_DESK, "shifts.work", "topups.write")
        self.desk = Caller(http, database, scopes, store="S01", terminal="D1")
        self.other_desk = Caller(http, database, scopes, store="S01", terminal="D2")
        self.office = Caller(http, database, (*MANAGER, "rules.write"))

    @property
    def today(self) -> date:
        return local_date(self.database.clock.now(), ZONE)

    @property
    def yesterday(self) -> date:
        return self.today - timedelta(days=1)

    def store(self, tx: Tx) -> StoreFacts:
        return stores_by_code(tx, ["S01"])["S01"]

    def close(self, day: date | None = None, note: str | None = None) -> DayClose:
        who = manager()
        with acting_as(who), self.database.transaction() as tx:
            return close_day(tx, who, self.store(tx), day or self.today, note)

    def differences(self, day: date | None = None) -> list[Difference]:
        with self.database.transaction(read_only=True) as tx:
            return differences_of(tx, self.store(tx), day or self.today)

    def deliver(self) -> None:
        """What the relay and the workers do all day."""
        with self.database.transaction() as tx:
            move_batch(tx)
        while consume(self.database, "pos.late_arrivals"):
            pass

    def till_sale(self, sequence: int, amount: int, day: date | None = None, **more: Any) -> str:
        """A receipt of a till of the store, at the start of a day; its id."""
        on = day or self.today
        body: dict[str, Any] = {
            "store": "S01", "terminal": "T1", "business_date": on.isoformat(), "sequence": sequence, "type": "sale",
            "occurred_at": f"{on.isoformat()}T00:00:00+08:00", "currency": "CNY",
            "lines": [{"line": 1, "quantity": "1", "amount": amount, "counter": "C1", "tax_rate": "0.13"}],
            "tenders": [{"kind": "cash", "amount": amount}],
        } | more  # fmt: skip
        answer = self.erp.post("/v1/sales", body)
        assert answer.status_code == 201, answer.text
        id: str = answer.get_json()["sale"]["id"]
        return id

    @property
    def erp(self) -> Caller:
        if not hasattr(self, "_erp"):
            self._erp = Caller(self.http, self.database, ("sales.post", "sales.read"))
        return self._erp

    @contextmanager
    def behind(self, *tables: str) -> Iterator[Tx]:
        """Change rows behind the product's back: the triggers of these tables are off meanwhile."""
        with self.database.transaction() as tx:
            for table in tables:
                tx.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            yield tx
            for table in tables:
                tx.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
