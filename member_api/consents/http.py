"""Consents over HTTP: what a member says, what was ever said, and the words that were shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import fields, validate

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import Blueprint, Schema, idempotent, page_of, paged, transactional
from foundation.http.fields import Code, Words
from member_api.consents.operations import (
    consents_of,
    history,
    publish_wording,
    say,
    wordings_published,
)
from member_api.consents.rules import Channel, ConsentWord, Purpose
from member_api.fields import Moment, Prose, member_id_of
from member_api.members.bodies import ConsentOut
from member_api.members.lookup import resolve_member
from member_api.members.rules import StatusForbids
from member_api.permissions import MEMBERS_PERSONAL

consents_blueprint = Blueprint("consents", __name__, description="What members allow: channel by purpose")

WORDS_AT_ONCE_MAX = 50


class ConsentWordIn(Schema):
    """One yes or no. Marketing names its channel; profiling and national_id go with the channel `any`."""

    channel = fields.Enum(Channel, by_value=True, required=True)
    purpose = fields.Enum(Purpose, by_value=True, required=True)
    granted = fields.Boolean(required=True)
    wording = Code(allow_none=True, metadata={"description": "Version of the text shown; the newest if left out"})
    at = Moment(allow_none=True, metadata={"description": "Now, if it is left out"})
    place = Code(allow_none=True)
    proof = Words(allow_none=True, metadata={"description": "Where the signature or recording lies; kept sealed"})


class ConsentsIn(Schema):
    consents = fields.List(fields.Nested(ConsentWordIn), required=True, validate=validate.Length(1, WORDS_AT_ONCE_MAX))


class ConsentsOut(Schema):
    id = fields.String(required=True)
    consents = fields.List(fields.Nested(ConsentOut), required=True)


class ConsentRecordOut(Schema):
    """One word of the history."""

    channel = fields.String(required=True)
    purpose = fields.String(required=True)
    granted = fields.Boolean(required=True)
    at = fields.AwareDateTime(required=True)
    wording = fields.String(required=True, allow_none=True)
    place = fields.String(required=True, allow_none=True)
    taken_by = fields.String(required=True)
    source = fields.String(required=True)
    proof = fields.String(required=True, allow_none=True)


class WordingSchema(Schema):
    """What members are shown; published words never change."""

    version = Code(required=True)
    text_en = Prose(required=True)
    text_zh = Prose(required=True)
    published_at = fields.AwareDateTime(dump_only=True)


@consents_blueprint.route("/members/<member>/consents", methods=["POST"])
@allow("members.write")
@idempotent
@consents_blueprint.arguments(ConsentsIn)
@consents_blueprint.response(200, ConsentsOut)
def post_consents(tx: Tx, body: Mapping[str, Sequence[Mapping[str, Any]]], member: str) -> dict[str, Any]:
    """The member says yes or no; a no withdraws an earlier yes at once. Answers what holds now."""
    principal = current_principal()
    facts = resolve_member(tx, member_id_of(member), lock="exclusive")
    if not facts.may_earn:
        raise StatusForbids("A member of this status consents to nothing", status=facts.status)
    words = [
        ConsentWord(
            said["channel"],
            said["purpose"],
            granted=said["granted"],
            at=said.get("at") or tx.now,
            wording=said.get("wording"),
            place=said.get("place") or principal.bindings.get("store"),
            proof=said.get("proof"),
        )
        for said in body["consents"]
    ]
    say(tx, facts.id, words, taken_by=principal.actor, source="api")
    return {"id": str(facts.id), "consents": consents_of(tx, [facts.id]).get(facts.id, ())}


@consents_blueprint.route("/members/<member>/consents", methods=["GET"])
@allow("members.read")
@transactional
@consents_blueprint.response(200, page_of(ConsentRecordOut))
def get_consents(tx: Tx, member: str) -> Any:
    """Everything a member ever said, newest first; the proofs for whoever sees members unmasked."""
    facts = resolve_member(tx, member_id_of(member))
    return paged(history(tx, facts.id, with_proof=current_principal().may(MEMBERS_PERSONAL)), None)


@consents_blueprint.route("/consent-wordings", methods=["GET"])
@allow("members.read")
@transactional
@consents_blueprint.response(200, page_of(WordingSchema))
def get_wordings(tx: Tx) -> Any:
    """Every wording, oldest first; the last one is shown today."""
    return paged(wordings_published(tx), None)


@consents_blueprint.route("/consent-wordings", methods=["PUT"])
@allow("rules.write")
@transactional
@consents_blueprint.arguments(WordingSchema)
@consents_blueprint.response(200, WordingSchema)
def put_wording(tx: Tx, body: Mapping[str, str]) -> Any:
    """Publish a wording; the same again is harmless, other words under a published version are refused."""
    current_principal().require_everywhere()
    return publish_wording(tx, body["version"], body["text_en"], body["text_zh"])
