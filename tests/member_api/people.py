"""People for tests: one enrolment, varied by what the test is about; and members made from it."""

from typing import Any

from foundation.database import Database, Tx
from member_api.contract.members import Identifier
from member_api.identifiers.operations import read
from member_api.members.operations import enrol_one
from member_api.members.rules import NewMember

PHONE = "13800138000"
# An enrolment as a till sends it.
ZHANG: dict[str, Any] = {
    "name": "张三丰",
    "phone": "+86 138-0013-8000",
    "card": "vip00012345",
    "email": "Zhang.Sanfeng@Example.com",
    "national_id": "11010519491231002x",
    "birthday": "1949-12-31",
    "gender": "male",
    "home_store": "S01",
    "joined": {"store": "S01", "counter": "C12", "staff": "E7", "channel": "counter"},
    "consents": {"sms": True},
}


def new_member(tx: Tx, phone: str | None = PHONE, *, others: dict[str, str] | None = None, **facts: Any) -> NewMember:
    """An enrolment with a phone and nothing else, unless the test says more."""
    written = ({"phone": phone} if phone else {}) | (others or {})
    identifiers = tuple(read(tx, Identifier(kind, value)) for kind, value in written.items())
    return NewMember(identifiers, **{"name": "张三"} | facts)


def enrolled(tx: Tx, phone: str | None = PHONE, *, others: dict[str, str] | None = None, **facts: Any) -> int:
    """A member in the transaction; its id."""
    return enrol_one(tx, new_member(tx, phone, others=others, **facts), by="test", source="test").member_id


def a_member(
    database: Database, phone: str | None = PHONE, *, others: dict[str, str] | None = None, **facts: Any
) -> int:
    """A committed member; its id."""
    with database.transaction() as tx:
        return enrolled(tx, phone, others=others, **facts)
