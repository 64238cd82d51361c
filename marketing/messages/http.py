"""Messages over HTTP: what was sent and why not, the inbox, templates, rules of sending; and the gateway's own door."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import flask
import msgspec

from foundation.access import Principal, allow, allow_anyone, current_principal
from foundation.database import Tx
from foundation.errors import BadRequest, DomainError
from foundation.http import (
    Blueprint,
    PageArguments,
    first_page,
    id_of,
    idempotent,
    page_of,
    paged,
    read_cursor,
    transactional,
)
from foundation.settings import get_settings
from marketing.messages import bodies
from marketing.messages.contents import (
    TemplateUnknown,
    TemplateWish,
    Text,
    finished_text,
    newest_templates,
    preview_text,
    retire_template,
    save_template,
    template,
)
from marketing.messages.history import (
    MessageFilter,
    MessageRecord,
    MessageUnknown,
    choose_language,
    chosen_language,
    figures,
    gateway_health,
    inbox_of,
    list_messages,
    mark_read,
    messages_of,
)
from marketing.messages.policy import Policy, policies, policy_in_force, publish_policy
from marketing.messages.rendering import CURRENCY, VARIABLES, TextUnusable
from marketing.messages.reports import Reply, Report, hear_replies, hear_reports
from marketing.messages.rules import Language
from marketing.messages.signing import verify
from marketing.permissions import MESSAGES_READ, MESSAGES_WRITE
from member_api.contract.members import MemberUnknown, masked_names, resolve_member
from organisation.contract import stores_by_code

messages_blueprint = Blueprint("messages", __name__, description="Messages to members: what was sent, and why not")
Call = TypeVar("Call", bound=msgspec.Struct)


def stores_seen(principal: Principal) -> frozenset[str] | None:
    """The home stores whose members' messages somebody may list; None: all."""
    if principal.places is None:
        return None
    return frozenset(place.removeprefix("store/") for place in principal.places if place.startswith("store/"))


def member_named(tx: Tx, text: str) -> int:
    """The member (the survivor, where merged) that an address names. Raises MemberUnknown."""
    return resolve_member(tx, id_of(text, MemberUnknown("There is no such member"))).id


def _number(text: str, error: type[DomainError]) -> int:
    return id_of(text, error("There is no such thing"))


def message_body(record: MessageRecord) -> dict[str, Any]:
    return {
        "id": str(record.id),
        "member": str(record.member_id),
        "recipient": None if record.recipient_id is None else str(record.recipient_id),
        "campaign": None if record.campaign_id is None else str(record.campaign_id),
        "step": record.step,
        "message_class": record.message_class,
        "channel": record.channel,
        "template": str(record.template_id),
        "state": record.state,
        "reason": record.reason,
        "queued_at": record.queued_at,
        "due_at": record.due_at,
        "sent_at": record.sent_at,
        "ended_at": record.ended_at,
        "segments": record.segments,
    }


def _before(cursor: str | None) -> int | None:
    return read_cursor(cursor, int)[0] if cursor else None


# ------------------------------------------------------------------------------------------------ the send ledger
@messages_blueprint.route("/messages", methods=["GET"])
@allow(MESSAGES_READ)
@transactional
@messages_blueprint.arguments(bodies.MessageQuery, location="query")
@messages_blueprint.response(200, page_of(bodies.MessageOut))
def get_messages(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Messages, the newest first: by campaign, state, reason, channel. Of one's own stores' members only."""
    wanted = MessageFilter(
        None if query["campaign"] is None else int(query["campaign"]),
        query["state"],
        query["reason"],
        query["channel"],
        stores_seen(current_principal()),
    )
    found = list_messages(tx, wanted, _before(query["cursor"]), query["limit"] + 1)
    return _page(found, query["limit"])


def _page(found: Sequence[MessageRecord], limit: int) -> Any:
    shown, following = first_page(found, limit, lambda record: record.id)
    return paged([message_body(record) for record in shown], following)


@messages_blueprint.route("/messages/standing", methods=["GET"])
@allow(MESSAGES_READ)
@transactional
@messages_blueprint.response(200, bodies.MessageStandingOut)
def get_standing(tx: Tx) -> dict[str, Any]:
    """How sending stands: the gateway, what waits, and what became of the last 30 days' messages."""
    health = gateway_health(tx)
    return {
        "waiting": health.waiting,
        "circuit_open_until": health.open_until,
        "last_good_at": health.last_good_at,
        "last_failed_at": health.last_failed_at,
        "last_failure": health.last_failure,
        "figures": figures(tx, stores_seen(current_principal())),
    }


@messages_blueprint.route("/members/<member>/messages", methods=["GET"])
@allow(MESSAGES_READ)
@transactional
@messages_blueprint.arguments(PageArguments, location="query")
@messages_blueprint.response(200, page_of(bodies.MessageOut))
def get_history(tx: Tx, query: Mapping[str, Any], member: str) -> Any:
    """The contact history: what was sent to a member, what was not and why, by which campaign."""
    found = messages_of(tx, member_named(tx, member), _before(query["cursor"]), query["limit"] + 1)
    return _page(found, query["limit"])


# ------------------------------------------------------------------------------------------------ the inbox
@messages_blueprint.route("/members/<member>/inbox", methods=["GET"])
@allow(MESSAGES_READ)
@transactional
@messages_blueprint.arguments(PageArguments, location="query")
@messages_blueprint.response(200, page_of(bodies.LetterOut))
def get_inbox(tx: Tx, query: Mapping[str, Any], member: str) -> Any:
    """A member's inbox, the newest first. The name in a letter is masked unless the caller holds members.personal."""
    personal = current_principal().may("members.personal")
    found = inbox_of(tx, member_named(tx, member), _before(query["cursor"]), query["limit"] + 1, personal=personal)
    shown, following = first_page(found, query["limit"], lambda letter: letter.id)
    items = [
        {
            "id": str(letter.id),
            "at": letter.at,
            "read_at": letter.read_at,
            "campaign": None if letter.campaign_id is None else str(letter.campaign_id),
            "language": letter.language,
            "subject": letter.subject,
            "text": letter.text,
            "html": letter.html,
        }
        for letter in shown
    ]
    return paged(items, following)


@messages_blueprint.route("/members/<member>/inbox/<message>/read", methods=["POST"])
@allow("members.write")
@idempotent
@messages_blueprint.response(200, bodies.LetterReadOut)
def post_read(tx: Tx, member: str, message: str) -> dict[str, Any]:
    """The member has read a letter; the first time counts."""
    id_ = _number(message, MessageUnknown)
    return {"id": message, "read_at": mark_read(tx, member_named(tx, member), id_)}


@messages_blueprint.route("/members/<member>/language", methods=["GET"])
@allow(MESSAGES_READ)
@transactional
@messages_blueprint.response(200, bodies.MemberLanguageSchema)
def get_language(tx: Tx, member: str) -> dict[str, Language | None]:
    """The language in which a member wants to be written to; null: as the house does."""
    return {"language": chosen_language(tx, member_named(tx, member))}


@messages_blueprint.route("/members/<member>/language", methods=["PUT"])
@allow("members.write")
@transactional
@messages_blueprint.arguments(bodies.MemberLanguageSchema)
@messages_blueprint.response(200, bodies.MemberLanguageSchema)
def put_language(tx: Tx, body: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    """The member chooses a language."""
    choose_language(tx, member_named(tx, member), body["language"])
    return body


# ------------------------------------------------------------------------------------------------ templates
@messages_blueprint.route("/message-templates", methods=["GET"])
@allow(MESSAGES_READ)
@transactional
@messages_blueprint.response(200, page_of(bodies.MessageTemplateOut))
def get_templates(tx: Tx) -> Any:
    """The newest version of every template, by name."""
    return paged([bodies.template_body(found) for found in newest_templates(tx)], None)


@messages_blueprint.route("/message-templates", methods=["POST"])
@allow(MESSAGES_WRITE)
@idempotent
@messages_blueprint.arguments(bodies.MessageTemplateIn)
@messages_blueprint.response(201, bodies.MessageTemplateOut)
def post_template(tx: Tx, body: Mapping[str, Any]) -> dict[str, Any]:
    """Save a template: the next version of its code. Refused with the place of every fault in its texts.

    Templates and rules of sending are the company's: whoever acts in some stores only does not change them.
    """
    current_principal().require_everywhere()
    return bodies.template_body(save_template(tx, bodies.read_template(body), by=current_principal().actor))


@messages_blueprint.route("/message-templates/<template_id>", methods=["GET"])
@allow(MESSAGES_READ)
@transactional
@messages_blueprint.response(200, bodies.MessageTemplateOut)
def get_template(tx: Tx, template_id: str) -> dict[str, Any]:
    """One version of a template, by its id."""
    return bodies.template_body(template(tx, _number(template_id, TemplateUnknown)))


@messages_blueprint.route("/message-templates/<template_id>/retire", methods=["POST"])
@allow(MESSAGES_WRITE)
@idempotent
@messages_blueprint.response(200, bodies.MessageTemplateOut)
def post_retire(tx: Tx, template_id: str) -> dict[str, Any]:
    """Offer a template no more; what is queued keeps it."""
    current_principal().require_everywhere()
    id_ = _number(template_id, TemplateUnknown)
    retire_template(tx, template(tx, id_).says.code)
    return bodies.template_body(template(tx, id_))


@messages_blueprint.route("/message-templates/preview", methods=["POST"])
@allow(MESSAGES_READ)
@transactional
@messages_blueprint.arguments(bodies.MessagePreviewIn)
@messages_blueprint.response(200, bodies.MessagePreviewOut)
def post_preview(tx: Tx, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a member would read, by language, with the parts and the cost of a text message. Writes nothing."""
    wish = TemplateWish("preview", "preview", body["channel"], body["message_class"], bodies.read_texts(body["texts"]))
    policy = policy_in_force(tx)
    member = None if body["member"] is None else _shown_member(tx, int(body["member"]))
    return {"texts": {language: _preview(policy, wish, language, member) for language in wish.texts}}


def _shown_member(tx: Tx, member_id: int) -> tuple[str | None, str | None]:
    """Masked name and home store of a member, for a preview. Raises MemberUnknown."""
    facts = resolve_member(tx, member_id)
    store = stores_by_code(tx, [facts.home_store]).get(facts.home_store) if facts.home_store else None
    return masked_names(tx, [facts.id]).get(facts.id), store.name if store else None


def _preview(
    policy: Policy, wish: TemplateWish, language: Language, member: tuple[str | None, str | None] | None
) -> dict[str, Any]:
    try:
        text: Text | None = (
            preview_text(policy, wish, language)
            if member is None
            else finished_text(policy, wish, language, _samples(language), name=member[0], store=member[1])
        )
        return bodies.preview_body(text, policy.cost_currency, None)
    except TextUnusable as error:
        return bodies.preview_body(None, policy.cost_currency, error.detail)


def _samples(language: Language) -> dict[str, Any]:
    made_up = {
        name: variable.sample[language] if isinstance(variable.sample, dict) else variable.sample
        for name, variable in VARIABLES.items()
    }
    return made_up | {CURRENCY: get_settings().company_currency}


# ------------------------------------------------------------------------------------------------ rules of sending
@messages_blueprint.route("/message-policies", methods=["GET"])
@allow(MESSAGES_READ)
@transactional
@messages_blueprint.response(200, page_of(bodies.MessagePolicyOut))
def get_policies(tx: Tx) -> Any:
    """Every version of the rules of sending, the newest first."""
    return paged([bodies.policy_body(policy) for policy in policies(tx)], None)


@messages_blueprint.route("/message-policies", methods=["POST"])
@allow(MESSAGES_WRITE)
@idempotent
@messages_blueprint.arguments(bodies.MessagePolicyIn)
@messages_blueprint.response(201, bodies.MessagePolicyOut)
def post_policy(tx: Tx, body: Mapping[str, Any]) -> dict[str, Any]:
    """Publish rules of sending: quiet hours, caps, sign and way out, cost, rate. The versions before stay."""
    current_principal().require_everywhere()
    begins: datetime | None = body["valid_from"]
    made = publish_policy(tx, bodies.read_policy(body), valid_from=begins, by=current_principal().actor)
    return bodies.policy_body(made)


# ------------------------------------------------------------------------------------------------ the gateway's door
REPORTS_MAX = 1_000
EPOCH_YEAR = 2000


class _Report(msgspec.Struct, frozen=True):
    id: str
    status: str
    at: datetime
    code: str = ""


class _Reports(msgspec.Struct, frozen=True):
    reports: list[_Report]


class _Reply(msgspec.Struct, frozen=True):
    id: str
    at: datetime
    sender: str = msgspec.field(name="from", default="")
    text: str = ""
    about: str | None = None


class _Replies(msgspec.Struct, frozen=True):
    replies: list[_Reply]


class CallUnreadable(BadRequest):
    """The call is signed, but not in the shape that was agreed."""

    code = "gateway_call_unreadable"


@messages_blueprint.route("/gateways/sms/reports", methods=["POST"])
@allow_anyone
@transactional
def post_reports(tx: Tx) -> Any:
    """The gateway says what arrived. Open to whoever signs with the shared key (Standard Webhooks); twice is once."""
    call = _signed(tx, _Reports)
    if len(call.reports) > REPORTS_MAX or any(_unusable(each.at, each.id, each.code) for each in call.reports):
        raise CallUnreadable(f"at most {REPORTS_MAX} reports, each with its time zone")
    reports = [
        Report(each.id, each.status == "delivered", each.at, each.code)
        for each in call.reports
        if each.status in ("delivered", "failed")
    ]
    return {"news": hear_reports(tx, reports)}


@messages_blueprint.route("/gateways/sms/replies", methods=["POST"])
@allow_anyone
@transactional
def post_replies(tx: Tx) -> Any:
    """The gateway passes on what members answered; a no acts at once. Open to whoever signs with the shared key."""
    call = _signed(tx, _Replies)
    if len(call.replies) > REPORTS_MAX or any(
        _unusable(each.at, each.id, each.sender, each.about or "") for each in call.replies
    ):
        raise CallUnreadable(f"at most {REPORTS_MAX} replies, each with its time zone")
    replies = [Reply(each.id, each.at, each.about, each.sender, each.text.replace("\x00", "")) for each in call.replies]
    return {"news": hear_replies(tx, replies)}


def _signed(tx: Tx, shape: type[Call]) -> Call:
    body = flask.request.get_data()
    headers = {name.lower(): value for name, value in flask.request.headers.items()}
    verify(get_settings().sms_gateway_key, headers, body, tx.now)
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise CallUnreadable("the call cannot be read") from None


def _unusable(at: datetime, *texts: str) -> bool:
    return at.tzinfo is None or at.year < EPOCH_YEAR or any(len(text) > 200 or "\x00" in text for text in texts)
