"""A shop with one member, for the field lessons about money and points."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from foundation.clock import FixedClock
from foundation.database import Database, use_database
from foundation.events import move_batch
from foundation.settings import Settings
from member_api.contract.ledger import verify_ledger
from member_api.seal.operations import seal_everything
from pos_adapter.sales.receipts import Receipt
from pos_adapter.sales.rules import RefundSplitDiffers
from regulars.running.workers import register_everything
from tests.member_api.people import PHONE, a_member
from tests.organisation.factories import committed_store
from tests.pos_adapter.sales.factories import post, receipt, return_of

PHONE_REF = {"kind": "phone", "value": PHONE}


def a_shop(database: Database) -> int:
    """A store, and the id of the member who shops there."""
    committed_store(database, format="supermarket", currency="CNY", timezone="Asia/Shanghai")
    return a_member(database)


@contextmanager
def wide_database(settings: Settings, database: Database, clock: FixedClock, connections: int) -> Iterator[Database]:
    """The database with so many connections, and patience for a machine that does other things too."""
    patient = replace(settings, database_pool=connections, lock_timeout_s=60, statement_timeout_s=120)
    wide = Database(patient, clock)
    use_database(wide)
    try:
        yield wide
    finally:
        wide.dispose()
        use_database(database)


def sells(database: Database, *amounts: int, points: int = 0, **more: Any) -> Receipt:
    """A sale to the member; `points` is the money that points pay (ten points a minor unit), the rest by card."""
    if points:
        rest = sum(amounts) - points
        more["tenders"] = [{"kind": "points", "amount": points, "units": points * 10}, {"kind": "card", "amount": rest}]
    sold = receipt(*amounts, **{"member": PHONE_REF} | more)
    assert post(database, sold).status == 201
    return sold


def takes_back(database: Database, sold: Receipt, *back: tuple[int, int], **more: Any) -> Any:
    """A return as a till does it: where the split differs from its guess, as the refusal says. The answer's body."""
    try:
        answer = post(database, return_of(sold, *back, **more))
    except RefundSplitDiffers as refusal:
        answer = post(database, return_of(sold, *back, **{"tenders": refusal.facts["expected"]["tenders"]} | more))
    assert answer.status == 201
    return answer.body


def points_of(database: Database) -> int:
    """The member's points, debts included."""
    with database.transaction(read_only=True) as tx:
        found = tx.execute("SELECT coalesce(sum(balance), 0) FROM member.account WHERE kind = 'points'")
        return int(found.scalar_one())


def open_lots(database: Database) -> list[tuple[Any, ...]]:
    """Every lot with something in it."""
    with database.transaction(read_only=True) as tx:
        rows = tx.execute(
            "SELECT id, account_id, origin, remaining, held FROM member.lot WHERE remaining <> 0 ORDER BY id"
        )
        return [tuple(row) for row in rows]


def remainders(database: Database) -> list[int]:
    with database.transaction(read_only=True) as tx:
        rows = tx.execute("SELECT remainder FROM member.account WHERE remainder <> 0 ORDER BY id")
        return list(rows.scalars())


def prove(database: Database) -> None:
    """The books are in order, the seal included."""
    register_everything()
    with database.transaction() as tx:
        while move_batch(tx):
            pass
    seal_everything(database)
    assert [str(finding) for finding in verify_ledger(database)] == []
