"""A department store with three counters of two legal units, their handhelds and a cash desk."""

from secrets import token_hex
from typing import Any

from flask.testing import FlaskClient

from foundation.database import Database
from tests.member_api.callers import Caller
from tests.organisation.factories import a_counter, committed_store

HANDHELD = ("tickets.read", "tickets.write", "sales.post", "sales.read", "settlements.write", "members.read")
DESK = ("tickets.read", "settlements.write", "sales.post", "sales.read", "members.read", "coupons.read")


class Floor:
    """What stands on the floor: handhelds by counter, and two desks."""

    def __init__(self, http: FlaskClient, database: Database) -> None:
        committed_store(database, format="department", currency="CNY", timezone="Asia/Shanghai", legal_unit="MALL")
        with database.transaction() as tx:
            a_counter(tx, code="C1", name="Cosmetics")
            a_counter(tx, code="C2", name="Shoes")
            a_counter(tx, code="C3", name="Gold", legal_unit="JEWEL")
        self.handhelds = {
            code: Caller(http, database, HANDHELD, store="S01", counter=code) for code in ("C1", "C2", "C3")
        }
        self.desk = Caller(http, database, DESK, store="S01", terminal="D1")
        self.other_desk = Caller(http, database, DESK, store="S01", terminal="D2")

    def issue(self, counter: str, *amounts: int, **more: Any) -> Any:
        """A ticket of a counter; the response."""
        lines = [{"line": n, "quantity": "1", "amount": amount} for n, amount in enumerate(amounts, 1)]
        body = {"store": "S01", "counter": counter, "member": None, "lines": lines} | more
        return self.handhelds[counter].post("/v1/tickets", body, key=more.pop("key", None))

    def issued(self, counter: str, *amounts: int, **more: Any) -> str:
        """The id of a new ticket."""
        answer = self.issue(counter, *amounts, **more)
        assert answer.status_code == 201, answer.text
        id: str = answer.get_json()["id"]
        return id

    def settle(self, *tickets: str, desk: Caller | None = None, terminal: str = "D1", **more: Any) -> Any:
        """Settle tickets, by card unless said otherwise; the response."""
        body: dict[str, Any] = {"store": "S01", "terminal": terminal, "tickets": list(tickets)} | more
        if "tenders" not in body:
            owed = sum(self.ticket(ticket)["amount"] for ticket in tickets)
            body["tenders"] = [{"kind": "card", "amount": owed}]
        return (desk or self.desk).post("/v1/settlements", body, key=token_hex(8))

    def ticket(self, id: str) -> Any:
        return self.desk.get(f"/v1/tickets/{id}").get_json()

    def state(self, id: str) -> str:
        state: str = self.ticket(id)["state"]
        return state
