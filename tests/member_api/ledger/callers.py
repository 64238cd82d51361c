"""Who calls about accounts, and members with something in them."""

from datetime import date
from typing import Any

from foundation.access import Principal, PrincipalKind
from foundation.database import Database
from member_api.ledger.operations import Grant, Posted, Step, grant
from member_api.ledger.rules import Kind, Wallet
from member_api.ledger.wallets import read_wallet

ERP = (
    "members.read", "members.write", "members.personal", "accounts.read", "accounts.grant", "accounts.redeem",
    "accounts.adjust", "holds.write", "rules.read", "rules.write", "desk.use",
)  # fmt: skip
TILL = ("accounts.read", "accounts.redeem", "holds.write")


def a_person(name: str, *places: str) -> Principal:
    """Somebody of head office, or of these stores, who may adjust and approve."""
    permissions = {"accounts.read", "accounts.grant", "accounts.adjust", "accounts.approve", "members.personal"}
    where = frozenset(f"store/{place}" for place in places) if places else None
    return Principal(PrincipalKind.PERSON, name, name, frozenset(permissions), where)


def given(
    database: Database, member: int, amount: int, *, kind: Kind = Kind.POINTS, key: str = "", **more: Any
) -> Posted:
    """A committed grant."""
    with database.transaction() as tx:
        return grant(tx, member, Grant(kind, amount, more.pop("source", "welcome"), **more), step(key))


_keys = iter(range(10**9))


def step(key: str = "", store: str | None = None) -> Step:
    """A step of a request with this key, or with one of its own."""
    return Step(f"machine:test/{key or next(_keys)}", "machine:test", store)


def the_wallet(database: Database, member: int) -> Wallet:
    """What a spend would find now."""
    with database.transaction(read_only=True) as tx:
        return read_wallet(tx, member)


def balance(database: Database, member: int, kind: Kind = Kind.POINTS) -> tuple[int, int]:
    return the_wallet(database, member).balance(kind)


def everything(database: Database) -> dict[str, list[Any]]:
    """Every row of the ledger, and what was announced: what a refusal must leave as it was."""
    with database.transaction(read_only=True) as tx:
        outbox = [str(tuple(row)) for row in tx.execute("SELECT * FROM foundation.outbox ORDER BY id")]
    return the_books(database) | {"outbox": outbox}


def the_books(database: Database) -> dict[str, list[Any]]:
    """Every row of the ledger."""
    tables = ("account", "lot", "substitution", "hold", "hold_lot", "journal", "entry", "purchase", "approval")
    with database.transaction(read_only=True) as tx:
        return {
            table: sorted(str(tuple(row)) for row in tx.execute(f"SELECT * FROM member.{table}")) for table in tables
        }


SOON = date(2026, 3, 1)
