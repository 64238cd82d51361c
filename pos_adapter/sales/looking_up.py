"""What the tables of this package know of receipts before they are posted: one question for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from foundation.round_trips import Reply, RoundTrip, Statement
from pos_adapter.sales.incoming import Incoming
from pos_adapter.sales.selling import Catalogue

LOOK_UP = Statement("SELECT posted, products FROM pos.look_up($1::json, $2::json)")


class PostedBefore(msgspec.Struct, frozen=True, array_like=True):
    """A receipt on record: the digest of its content (hex), and what was answered."""

    id: UUID
    content_hash: str
    answer: Any


class _Number(msgspec.Struct, frozen=True):
    day: date
    id: UUID


@dataclass(slots=True)
class LookedUp:
    """On its way; `found()` once the round trip is over."""

    reply: Reply

    def found(self) -> tuple[Mapping[UUID, PostedBefore], Catalogue]:
        """Receipts that were posted before, by id, and the products that exist, by code."""
        posted, products = self.reply.row()
        return (
            {before.id: before for before in _posted(posted)} if posted is not None else {},
            {product[0]: product for product in _products(products)} if products is not None else {},
        )


_encode = msgspec.json.Encoder(uuid_format="canonical").encode
_posted = msgspec.json.Decoder(list[PostedBefore]).decode
_products = msgspec.json.Decoder(list[tuple[str, int, int | None, int | None, int | None, str | None]]).decode


def look_up(trip: RoundTrip, items: Sequence[Incoming]) -> LookedUp:
    """Ask which of these were posted before, and for the products that they name."""
    numbers = [_Number(item.receipt.business_date, item.sale_id) for item in items]
    codes = {line.product for item in items for line in item.receipt.lines if line.product is not None}
    return LookedUp(trip.ask(LOOK_UP, _encode(numbers), _encode(codes)))
