"""The floor of a department store where goods come back: handhelds, desks, a floor manager."""

from secrets import token_hex
from typing import Any

from flask.testing import FlaskClient

from foundation.access import Principal, PrincipalKind
from foundation.database import Database, Tx
from member_api.contract.ledger import Kind, Origin
from member_api.earning.operations import publish_rules
from tests.field.shop import PHONE_REF
from tests.member_api.callers import Caller
from tests.member_api.ledger.callers import SOON, given
from tests.member_api.people import a_member
from tests.pos_adapter.tickets.callers import DESK, HANDHELD, Floor

COUNTER = (*HANDHELD, "returns.issue")
CASH_DESK = (*DESK, "returns.issue", "returns.refund")


def manager(id: str = "77", *stores: str) -> Principal:
    """A floor manager of the store."""
    permissions = frozenset({"tickets.read", "sales.read", "returns.issue", "returns.approve", "discounts.approve"})
    places = frozenset(f"store/{store}" for store in stores or ("S01",))
    return Principal(PrincipalKind.PERSON, id, "Floor manager", permissions, places)


class ReturnFloor(Floor):
    """The floor, with what giving back needs."""

    def __init__(self, http: FlaskClient, database: Database) -> None:
        super().__init__(http, database)
        self.database = database
        self.handhelds = {
            code: Caller(http, database, COUNTER, store="S01", counter=code) for code in ("C1", "C2", "C3")
        }
        self.desk = Caller(http, database, CASH_DESK, store="S01", terminal="D1")
        self.other_desk = Caller(http, database, CASH_DESK, store="S01", terminal="D2")

    def sold(self, *amounts: int, **more: Any) -> Any:
        """A settlement of one line at C1, C2 ... ; the answer's body, with the `tickets`."""
        tickets = [
            self.issued(f"C{n}", amount, member=more.get("member")) for n, amount in enumerate(amounts, 1) if amount
        ]
        more.pop("member", None)
        answer = self.settle(*tickets, **more)
        assert answer.status_code == 201, answer.text
        return answer.get_json() | {"tickets": tickets}

    def back(self, counter: str, body: Any, key: str | None = None) -> Any:
        """A red ticket of a counter; the response."""
        return self.handhelds[counter].post("/v1/returns", body, key=key or token_hex(8))

    def refund(self, red: str, *, desk: Caller | None = None, terminal: str = "D1", **more: Any) -> Any:
        return (desk or self.desk).post(f"/v1/returns/{red}/refund", {"terminal": terminal} | more, key=token_hex(8))

    def red(self, id: str) -> Any:
        return self.desk.get(f"/v1/returns/{id}").get_json()


def three_counters_paid_by_everything(floor: ReturnFloor, database: Database) -> tuple[int, Any]:
    """100 + 200 + 300 at three counters, paid by card 350, stored value 150 and e-coins 100; it earns 60 e-coins.

    Of those 45 are spent at once. Returns the member and the settlement.
    """
    member = a_member(database)
    given(database, member, 20_000, kind=Kind.CASH, origin=Origin.TOPUP, source="topup")
    given(database, member, 10_000, kind=Kind.ECOIN, expires_on=SOON)
    with database.transaction() as tx:
        offer = {"name": "anniversary", "currency": "CNY", "spend": 50_000, "get": 6_000, "repeat": False}
        publish_rules(tx, {"thresholds": [offer]}, tx.now, "", "test")
    tenders = [
        {"kind": "card", "amount": 35_000},
        {"kind": "stored_value", "amount": 15_000},
        {"kind": "ecoin", "amount": 10_000},
    ]
    body = floor.sold(10_000, 20_000, 30_000, member=PHONE_REF, tenders=tenders)
    assert body["ecoins"]["earned"] == 6_000
    spent = floor.settle(
        floor.issued("C2", 4_600, member=PHONE_REF),
        tenders=[{"kind": "ecoin", "amount": 4_500}, {"kind": "cash", "amount": 100}],
    )
    assert spent.status_code == 201, spent.text
    return member, body


def counts(tx: Tx) -> list[int]:
    """How many rows there are of everything that a return could write."""
    tables = (
        "pos.sale", "pos.sale_line", "pos.tender", "pos.red_ticket", "pos.red_ticket_change", "pos.number_series",
        "member.journal", "member.entry", "member.lot", "foundation.outbox",
    )  # fmt: skip
    return [tx.execute(f"SELECT count(*) FROM {table}").scalar_one() for table in tables]
