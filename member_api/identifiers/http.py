"""The registry of kinds of identifiers over HTTP."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Blueprint, Schema, page_of, paged, transactional
from foundation.http.fields import Words
from member_api.fields import KindCode
from member_api.identifiers.operations import kinds, register_kind

identifiers_blueprint = Blueprint("identifiers", __name__, description="By what members are recognised")

KINDS_AT_ONCE_MAX = 50


class KindSchema(Schema):
    """A kind of identifier. Those with a rule of their own: phone, card, email, national_id."""

    code = KindCode(required=True)
    name = Words(required=True)


class KindsIn(Schema):
    kinds = fields.List(fields.Nested(KindSchema), required=True, validate=validate.Length(1, KINDS_AT_ONCE_MAX))


@identifiers_blueprint.route("/identifier-kinds", methods=["GET"])
@allow("members.read")
@transactional
@identifiers_blueprint.response(200, page_of(KindSchema))
def get_kinds(tx: Tx) -> Any:
    """Every registered kind, by code."""
    return paged(kinds(tx), None)


@identifiers_blueprint.route("/identifier-kinds", methods=["PUT"])
@allow("rules.write")
@transactional
@identifiers_blueprint.arguments(KindsIn)
@identifiers_blueprint.response(200, page_of(KindSchema))
def put_kinds(tx: Tx, body: Mapping[str, Any]) -> Any:
    """Register kinds, or rename them; none goes away. Values of a new kind are kept letter for letter."""
    current_principal().require_everywhere()
    for kind in body["kinds"]:
        register_kind(tx, kind["code"], kind["name"])
    return paged(kinds(tx), None)
