"""The routes of the sales intake: who, what, valid? Everything else is decided in operations."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from foundation.access import allow, current_principal
from foundation.database import Tx, database
from foundation.errors import DomainError, problem
from foundation.http import (
    Blueprint,
    Keyed,
    convert,
    idempotent,
    keyed,
    msgspec_answer,
    msgspec_body,
    transactional,
    uuid_of,
)
from foundation.idempotency import Answer, claim
from member_api.contract.members import read_ref
from pos_adapter.permissions import POST, READ, REPAIR
from pos_adapter.sales.correcting import give_sale
from pos_adapter.sales.incoming import Incoming, incoming
from pos_adapter.sales.operations import post_batch, post_one
from pos_adapter.sales.quoting import Quote, QuoteAnswer, quote
from pos_adapter.sales.reading import RecordedSale, SaleUnknown, read_sale
from pos_adapter.sales.receipts import MemberId, MemberRef, Receipt, SaleAnswer

BATCH_MAX = 500

sales_blueprint = Blueprint("sales", __name__, description="Sales, returns and voids as tills post them")


class ReceiptBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to 500 receipts, each judged for itself: every item is a Receipt."""

    sales: Annotated[list[Any], Meta(max_length=BATCH_MAX)]


class SaleResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one receipt: 201 posted, 200 posted before, or the problem that refused it."""

    status: int
    body: Any = None
    problem: Any = None


class BatchAnswer(msgspec.Struct, frozen=True):
    """One result for each receipt, in the order sent."""

    results: list[SaleResult]


@sales_blueprint.route("/sales", methods=["POST"])
@allow(POST)
@keyed
@msgspec_body(Receipt)
@msgspec_answer(201, SaleAnswer, "Posted; 200 when the same receipt was posted before")
def post_sale(key: Keyed, receipt: Receipt) -> Answer:
    """Post a sale, a return or a void. A receipt is known by its number: posted again it is answered as before."""
    return post_one(database(), current_principal(), incoming(receipt), key)


@sales_blueprint.route("/sales/batch", methods=["POST"])
@allow(POST)
@keyed
@msgspec_body(ReceiptBatch)
@msgspec_answer(200, BatchAnswer, "A result for each receipt")
def post_sales(key: Keyed, batch: ReceiptBatch) -> Answer:
    """Post up to 500 receipts. One bad receipt never blocks the rest: it is parked with its reason.

    Sent twice at the same moment, both are worked on and each receipt is posted once; the later answer is the first's.
    """
    home = database()
    with home.transaction() as tx:
        with tx.round_trip() as trip:
            asked = claim(trip, key.client, key.key, key.content_hash)
        before = asked.answer()
    if before is not None:
        return before
    results: list[SaleResult | None] = [None] * len(batch.sales)
    items: dict[int, Incoming] = {}
    for n, content in enumerate(batch.sales):
        try:
            items[n] = incoming(convert(content, Receipt))
        except DomainError as error:
            results[n] = _refused(error)
    post_batch(home, current_principal(), list(items.values()))
    for n, item in items.items():
        outcome = item.outcome
        assert outcome is not None
        results[n] = (
            _refused(outcome.error) if outcome.error is not None else SaleResult(outcome.status, outcome.answer)
        )
    answer = Answer(200, BatchAnswer([result for result in results if result is not None]))
    with home.transaction() as tx:
        with tx.round_trip() as trip:
            asked = claim(trip, key.client, key.key, key.content_hash)
        before = asked.answer()
        if before is None:
            asked.record(tx, answer)
    return before or answer


def _refused(error: DomainError) -> SaleResult:
    return SaleResult(error.treatment.status, problem=problem(error))


@sales_blueprint.route("/sales/<sale_id>", methods=["GET"])
@allow(READ)
@transactional
@msgspec_answer(200, RecordedSale)
def get_sale(tx: Tx, sale_id: str) -> RecordedSale:
    """A receipt as recorded, with what paid for each line and what is back of it."""
    return read_sale(tx, current_principal(), receipt_id(sale_id))


class GiveIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who the receipt belongs to, and why it is given now."""

    member: MemberRef | MemberId
    reason: Annotated[str, Meta(min_length=3, max_length=500)]


class GiveOut(msgspec.Struct, frozen=True):
    """`from_member` is null where the receipt had been anonymous."""

    sale: str
    from_member: str | None
    to_member: str


@sales_blueprint.route("/sales/<sale_id>/member", methods=["POST"])
@allow(REPAIR)
@idempotent
@msgspec_body(GiveIn)
@msgspec_answer(201, GiveOut)
def give_sale_to_member(tx: Tx, body: GiveIn, sale_id: str) -> GiveOut:
    """Late points by receipt, or the wrong member corrected."""
    named = (
        {"kind": body.member.kind, "value": body.member.value} if isinstance(body.member, MemberRef) else body.member
    )
    given = give_sale(tx, current_principal(), receipt_id(sale_id), read_ref(named), body.reason)
    before = str(given.from_member) if given.from_member is not None else None
    return GiveOut(str(given.sale), before, str(given.to_member))


def receipt_id(text: str) -> UUID:
    """The id in an address. Raises SaleUnknown."""
    return uuid_of(text, SaleUnknown("There is no receipt with this id"))


@sales_blueprint.route("/sales/quote", methods=["POST"])
@allow(POST)
@transactional
@msgspec_body(Quote)
@msgspec_answer(200, QuoteAnswer)
def quote_sale(tx: Tx, asked: Quote) -> QuoteAnswer:
    """What a basket would earn and what could pay for it; writes nothing."""
    return quote(tx, current_principal(), asked)
