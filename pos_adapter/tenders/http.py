"""The registry of tenders over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import fields, validate

from foundation.access import allow
from foundation.database import Tx
from foundation.errors import DomainError
from foundation.http import Blueprint, Schema, page_of, paged, transactional
from foundation.http.batches import BatchResult, EachItem
from foundation.http.fields import Words
from foundation.http.puts import answer_each
from pos_adapter import permissions
from pos_adapter.tenders.operations import put_tender_kinds, tender_kinds
from pos_adapter.tenders.rules import TenderKindWish, TenderRole

BATCH_MAX = 200

tenders_blueprint = Blueprint("tenders", __name__, description="How receipts are paid")


class TenderKindIn(Schema):
    """What a way of paying shall be; what is left out stays as it is."""

    kind = fields.String(
        required=True,
        validate=validate.Regexp(r"[a-z][a-z0-9_]{0,31}\Z"),
        metadata={"description": "As tills send it: small letters, digits and _"},
    )
    name = Words(metadata={"description": "A new one without a name is called by its kind"})
    role = fields.Enum(
        TenderRole,
        by_value=True,
        metadata={"description": "Needed for a new one; receipts that were posted before keep what it was"},
    )


class TenderKindBatch(Schema):
    tender_kinds = EachItem(fields.Nested(TenderKindIn), required=True, validate=validate.Length(1, BATCH_MAX))


class TenderKindOut(Schema):
    """A way of paying as it is now."""

    kind = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.Enum(TenderRole, by_value=True, required=True)


@tenders_blueprint.route("/tender-kinds/batch", methods=["PUT"])
@allow(permissions.CATALOGUE)
@transactional
@tenders_blueprint.arguments(TenderKindBatch)
@tenders_blueprint.response(200, BatchResult)
def put_tender_kinds_batch(tx: Tx, body: Mapping[str, Sequence[Mapping[str, Any] | DomainError]]) -> dict[str, Any]:
    """Make or change up to 200 ways of paying, each on its own; unchanged content answers 200 and changes nothing."""
    return answer_each(
        "tender_kinds",
        [item if isinstance(item, DomainError) else TenderKindWish(**item) for item in body["tender_kinds"]],
        lambda wishes: put_tender_kinds(tx, wishes),
        TenderKindOut().dump,
    )


@tenders_blueprint.route("/tender-kinds", methods=["GET"])
@allow(permissions.READ)
@transactional
@tenders_blueprint.response(200, page_of(TenderKindOut))
def get_tender_kinds(tx: Tx) -> Any:
    """Every way of paying that is known; tills may send others, which are taken as money and flagged."""
    return paged(tender_kinds(tx), None)
