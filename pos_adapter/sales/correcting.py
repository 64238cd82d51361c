"""The service desk gives a receipt to the member whose it is: late points, or the wrong member corrected."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import BigInteger, Column, Date, DateTime, Table, Text, Uuid, insert

from foundation.access import Principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.errors import Conflict
from foundation.events import announce
from foundation.identifiers import day_of
from member_api.contract.members import MemberRef, resolve_member
from member_api.contract.purchases import Named, ask_buyers, move_purchase
from organisation.contract import place_of, stores_by_id
from pos_adapter.permissions import APPROVE, REPAIR
from pos_adapter.sales.attaching import attach_sale
from pos_adapter.sales.incoming import SERVER_SERIES
from pos_adapter.sales.originals import OriginalSale, read_original
from pos_adapter.sales.reading import SaleUnknown
from pos_adapter.sales.rules import returns_from
from pos_adapter.sales.tables import CHANGE_SALE_MEMBER, SaleMember, metadata

# Older receipts need somebody who may also approve: a shoe box of old slips is how points are stolen.
DAYS_AT_THE_DESK = 30

sale_correction = Table(
    "sale_correction",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("business_date", Date, nullable=False),
    Column("sale_id", Uuid, nullable=False),
    Column("from_member", BigInteger),
    Column("to_member", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)


class SaleNotGivable(Conflict):
    """Only a posted sale that is not voided can be given to a member."""

    code = "sale_not_givable"


@dataclass(frozen=True, slots=True)
class Given:
    """A receipt given to a member, and whose it had been."""

    sale: UUID
    from_member: int | None
    to_member: int


def give_sale(tx: Tx, principal: Principal, sale_id: UUID, to: MemberRef, reason: str) -> Given:
    """Give a receipt to a member: what it earned, less what was returned, moves to that member's accounts.

    Locks the sale, then members, then accounts. Raises SaleUnknown, SaleNotGivable, PurchaseNotMovable, MemberUnknown,
    PlaceForbidden, PermissionMissing (older than 30 days).
    """
    day = day_of(sale_id)
    sale = read_original(tx, day, sale_id) if day is not None else None
    if sale is None:
        raise SaleUnknown("There is no receipt with this id")
    store = stores_by_id(tx, [sale.store_id])[sale.store_id]
    principal.require(REPAIR, place_of(store.code))
    if local_date(tx.now, store.timezone) - sale.day > timedelta(days=DAYS_AT_THE_DESK):
        principal.require(APPROVE)
    if sale.type != "sale" or sale.state != "posted":
        raise SaleNotGivable(f"This is a {sale.state} {sale.type}; only a posted sale can be given to a member")
    member = resolve_member(tx, to).id
    before = sale.member_id if sale.member_part == "done" else None
    if before is None:
        _attach(tx, sale, member)
    else:
        _move(tx, sale, member, principal)
    tx.execute(
        insert(sale_correction).values(
            business_date=sale.day, sale_id=sale.id, from_member=before, to_member=member, reason=reason,
            actor=principal.id, at=tx.now,
        )
    )  # fmt: skip
    announce(
        tx,
        "sale.given",
        {"sale": str(sale.id), "from": str(before) if before is not None else None, "to": str(member)},
    )
    return Given(sale.id, before, member)


def _attach(tx: Tx, sale: OriginalSale, member: int) -> None:
    # Returns of an anonymous sale were done with nobody; now they wait like the sale itself, and are settled with it.
    tx.execute(
        "UPDATE pos.sale SET member_part = 'waiting' WHERE (business_date, id) = (:day, :id)"
        " OR (original_id = :id AND business_date >= :since AND member_part = 'none')",
        {"day": sale.day, "id": sale.id, "since": returns_from(sale.day)},
    )
    if not attach_sale(tx, sale.id, member):
        raise SaleNotGivable(
            "The member's account does not allow it: closed, or the balance it was paid with is missing"
        )


def _shares_its_purchase(tx: Tx, sale: OriginalSale) -> bool:
    if sale.purchase != sale.id:
        return True
    others = "SELECT EXISTS (SELECT FROM pos.sale WHERE business_date = :day AND purchase_ref = :ref)"
    return sale.series == SERVER_SERIES and bool(tx.execute(others, {"day": sale.day, "ref": sale.id}).scalar())


def _move(tx: Tx, sale: OriginalSale, member: int, principal: Principal) -> None:
    if _shares_its_purchase(tx, sale):
        raise SaleNotGivable("It was settled together with goods of other legal units; return it and sell it again")
    with tx.pipeline():
        asked = ask_buyers(tx, [Named(tx.now, id=member), Named(tx.now, id=sale.member_id)])
    buyer = asked.buyers()[0]
    if buyer is None or not buyer.earns:
        raise SaleNotGivable("The member's account is closed")
    move_purchase(tx, sale.id, sale.day, buyer.id, buyer.tier, principal.id)
    tx.flush()
    # A return that waits to be settled goes on waiting: it is settled with whoever has the sale then.
    rows = tx.ask(
        "SELECT business_date, id, original_id, open_flags FROM pos.sale WHERE (business_date, id) = (%s, %s)"
        " OR (original_id = %s AND business_date >= %s AND member_part = 'done')",
        (sale.day, sale.id, sale.id, returns_from(sale.day)),
    ).fetchall()
    for day, id, original, flags in rows:
        tx.rows.add(CHANGE_SALE_MEMBER, SaleMember(day, id, buyer.id, "done", original, flags))
    tx.flush()
