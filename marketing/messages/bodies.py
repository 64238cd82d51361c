"""The shapes of messages, templates and rules of sending over HTTP."""

from collections.abc import Mapping
from datetime import time
from typing import Any

from marshmallow import ValidationError, fields, validate

from foundation.http import PageArguments, Schema
from foundation.http.fields import Code, Currency, is_text
from foundation.http.fields import Words as OneLine
from marketing.messages.contents import Template, TemplateWish, Text, Words
from marketing.messages.policy import CAPS_MAX, Policy, PolicyWish
from marketing.messages.rendering import SOURCE_MAX
from marketing.messages.rules import Cap, Channel, Language, MessageClass, MessageState, QuietHours, Reason

SIGN_MAX = 40
COST_MAX = 1_000_000_000
_LINES = str.maketrans("\r\n\t", "   ")


class Id(fields.String):
    """An id in a query: digits."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=[validate.Regexp(r"^[0-9]{1,18}\Z", error="must be an id")], **options)

    def _deserialize(self, *arguments: Any, **options: Any) -> Any:
        return super()._deserialize(*arguments, **options)


def _showable(text: str) -> None:
    if not is_text(text.translate(_LINES)):
        raise ValidationError("must have visible characters only")


class Prose(fields.String):
    """A text of several lines."""

    def __init__(self, length_max: int, **options: Any) -> None:
        super().__init__(validate=[validate.Length(0, length_max), _showable], **options)


class Sign(OneLine):
    """Who writes, or how to opt out: a few words that no commercial message goes without."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.validators.insert(0, validate.Length(1, SIGN_MAX))


# ------------------------------------------------------------------------------------------------ messages
class MessageOut(Schema):
    """One message, and what became of it."""

    id = fields.String(required=True)
    member = fields.String(required=True)
    recipient = fields.String(required=True, allow_none=True)
    campaign = fields.String(required=True, allow_none=True)
    step = fields.String(required=True)
    message_class = fields.Enum(MessageClass, by_value=True, required=True)
    channel = fields.Enum(Channel, by_value=True, required=True)
    template = fields.String(required=True)
    state = fields.Enum(MessageState, by_value=True, required=True)
    reason = fields.Enum(Reason, by_value=True, required=True, allow_none=True)
    queued_at = fields.AwareDateTime(required=True)
    due_at = fields.AwareDateTime(required=True)
    sent_at = fields.AwareDateTime(required=True, allow_none=True)
    ended_at = fields.AwareDateTime(required=True, allow_none=True)
    segments = fields.Integer(required=True, allow_none=True)


class MessageQuery(PageArguments):
    campaign = Id(load_default=None)
    state = fields.Enum(MessageState, by_value=True, load_default=None)
    reason = fields.Enum(Reason, by_value=True, load_default=None)
    channel = fields.Enum(Channel, by_value=True, load_default=None)


class MessageFigureOut(Schema):
    channel = fields.Enum(Channel, by_value=True, required=True)
    state = fields.Enum(MessageState, by_value=True, required=True)
    reason = fields.Enum(Reason, by_value=True, required=True, allow_none=True)
    count = fields.Integer(required=True)


class MessageStandingOut(Schema):
    """How sending stands: the gateway, and the messages queued in the last 30 days."""

    waiting = fields.Integer(required=True)
    circuit_open_until = fields.AwareDateTime(required=True, allow_none=True)
    last_good_at = fields.AwareDateTime(required=True, allow_none=True)
    last_failed_at = fields.AwareDateTime(required=True, allow_none=True)
    last_failure = fields.String(required=True, allow_none=True)
    figures = fields.List(fields.Nested(MessageFigureOut), required=True)


class LetterOut(Schema):
    """A letter in a member's inbox. `html` has nothing of the text's own markup: everything in it is escaped."""

    id = fields.String(required=True)
    at = fields.AwareDateTime(required=True)
    read_at = fields.AwareDateTime(required=True, allow_none=True)
    campaign = fields.String(required=True, allow_none=True)
    language = fields.Enum(Language, by_value=True, required=True)
    subject = fields.String(required=True)
    text = fields.String(required=True)
    html = fields.String(required=True)


class LetterReadOut(Schema):
    id = fields.String(required=True)
    read_at = fields.AwareDateTime(required=True)


class MemberLanguageSchema(Schema):
    language = fields.Enum(Language, by_value=True, required=True, allow_none=True)


# ------------------------------------------------------------------------------------------------ templates
class MessageWordsSchema(Schema):
    subject = OneLine(load_default=None, allow_none=True)
    body = Prose(SOURCE_MAX, required=True)


class MessageTextsSchema(Schema):
    en = fields.Nested(MessageWordsSchema)
    zh = fields.Nested(MessageWordsSchema)


class MessageTemplateIn(Schema):
    code = Code(required=True)
    name = OneLine(required=True)
    channel = fields.Enum(Channel, by_value=True, required=True)
    message_class = fields.Enum(MessageClass, by_value=True, required=True)
    texts = fields.Nested(MessageTextsSchema, required=True)


class MessageTemplateOut(Schema):
    """A version of a template; `facts` is what every message of it must bring along."""

    id = fields.String(required=True)
    code = fields.String(required=True)
    version = fields.Integer(required=True)
    name = fields.String(required=True)
    channel = fields.Enum(Channel, by_value=True, required=True)
    message_class = fields.Enum(MessageClass, by_value=True, required=True)
    texts = fields.Nested(MessageTextsSchema, required=True)
    facts = fields.List(fields.String(), required=True)
    retired = fields.Boolean(required=True)
    written_at = fields.AwareDateTime(required=True)


class MessagePreviewIn(Schema):
    """A template as it is being written. With `member` its name (masked) and store are filled in."""

    channel = fields.Enum(Channel, by_value=True, required=True)
    message_class = fields.Enum(MessageClass, by_value=True, required=True)
    texts = fields.Nested(MessageTextsSchema, required=True)
    member = Id(load_default=None, allow_none=True)


class MessagePreviewTextOut(Schema):
    """What a member would read, or what is wrong (`fault`)."""

    subject = fields.String(required=True, allow_none=True)
    text = fields.String(required=True)
    html = fields.String(required=True)
    encoding = fields.String(required=True, allow_none=True)
    units = fields.Integer(required=True, allow_none=True)
    segments = fields.Integer(required=True, allow_none=True)
    cost_milli = fields.Integer(required=True)
    cost_currency = fields.String(required=True)
    fault = fields.String(required=True, allow_none=True)


class MessagePreviewTextsOut(Schema):
    en = fields.Nested(MessagePreviewTextOut)
    zh = fields.Nested(MessagePreviewTextOut)


class MessagePreviewOut(Schema):
    texts = fields.Nested(MessagePreviewTextsOut, required=True)


def read_texts(body: Mapping[str, Any]) -> dict[Language, Words]:
    """The texts of a body, by language; a language with an empty body and no subject is left out."""
    given = {Language(language): Words(words["body"].strip(), words["subject"]) for language, words in body.items()}
    return {language: words for language, words in given.items() if words.body or words.subject}


def read_template(body: Mapping[str, Any]) -> TemplateWish:
    return TemplateWish(body["code"], body["name"], body["channel"], body["message_class"], read_texts(body["texts"]))


def template_body(template: Template) -> dict[str, Any]:
    says = template.says
    return {
        "id": str(template.id),
        "code": says.code,
        "version": template.version,
        "name": says.name,
        "channel": says.channel,
        "message_class": says.message_class,
        "texts": {language: {"subject": w.subject, "body": w.body} for language, w in says.texts.items()},
        "facts": sorted(template.facts),
        "retired": template.retired,
        "written_at": template.written_at,
    }


def preview_body(text: Text | None, currency: str, fault: str | None) -> dict[str, Any]:
    size = text.size if text else None
    return {
        "subject": text.subject if text else None,
        "text": text.body if text else "",
        "html": text.html if text else "",
        "encoding": size.encoding if size else None,
        "units": size.units if size else None,
        "segments": size.segments if size else None,
        "cost_milli": text.cost_milli if text else 0,
        "cost_currency": currency,
        "fault": fault,
    }


# ------------------------------------------------------------------------------------------------ rules of sending
class ClockTime(fields.Time):
    """A time of day, 21:00."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="%H:%M", **options)


class MessageCapSchema(Schema):
    """At most `count_max` in any `window_days` times 24 hours."""

    message_class = fields.Enum(MessageClass, by_value=True, required=True)
    channel = fields.Enum(Channel, by_value=True, required=True)
    window_days = fields.Integer(required=True, strict=True, validate=validate.Range(1, 366))
    count_max = fields.Integer(required=True, strict=True, validate=validate.Range(0, 10_000))


class MessageSignsSchema(Schema):
    en = Sign(required=True)
    zh = Sign(required=True)


class MessagePolicyIn(Schema):
    """Rules of sending, from `valid_from` (now, if it is left out) on."""

    valid_from = fields.AwareDateTime(load_default=None, allow_none=True)
    quiet_from = ClockTime(required=True)
    quiet_to = ClockTime(required=True)
    caps = fields.List(
        fields.Nested(MessageCapSchema, allow_none=True),
        required=True,
        validate=validate.Length(0, CAPS_MAX),
        metadata={"description": "An empty row of a form is null, and left out"},
    )
    default_language = fields.Enum(Language, by_value=True, required=True)
    signs = fields.Nested(MessageSignsSchema, required=True)
    opt_outs = fields.Nested(MessageSignsSchema, required=True)
    segment_cost_milli = fields.Integer(required=True, strict=True, validate=validate.Range(0, COST_MAX))
    cost_currency = Currency(load_default=None, allow_none=True)
    rate_per_second = fields.Integer(required=True, strict=True, validate=validate.Range(1, 100_000))
    gateway_idempotent = fields.Boolean(load_default=True)


class MessagePolicyOut(MessagePolicyIn):
    """A version of the rules; it holds until the next one begins."""

    version = fields.Integer(required=True)
    valid_from = fields.AwareDateTime(required=True)
    published_at = fields.AwareDateTime(required=True)


def read_policy(body: Mapping[str, Any]) -> PolicyWish:
    return PolicyWish(
        quiet=QuietHours(_naive(body["quiet_from"]), _naive(body["quiet_to"])),
        caps=tuple(Cap(**cap) for cap in body["caps"] if cap is not None),
        default_language=body["default_language"],
        signs={Language(language): sign for language, sign in body["signs"].items()},
        opt_outs={Language(language): words for language, words in body["opt_outs"].items()},
        segment_cost_milli=body["segment_cost_milli"],
        cost_currency=body["cost_currency"],
        rate_per_second=body["rate_per_second"],
        gateway_idempotent=body["gateway_idempotent"],
    )


def _naive(moment: time) -> time:
    return moment.replace(tzinfo=None)


def policy_body(policy: Policy) -> dict[str, Any]:
    says = policy.says
    return {
        "version": policy.version,
        "valid_from": policy.valid_from,
        "published_at": policy.published_at,
        "quiet_from": says.quiet.begins,
        "quiet_to": says.quiet.ends,
        "caps": says.caps,
        "default_language": says.default_language,
        "signs": says.signs,
        "opt_outs": says.opt_outs,
        "segment_cost_milli": says.segment_cost_milli,
        "cost_currency": policy.cost_currency,
        "rate_per_second": says.rate_per_second,
        "gateway_idempotent": says.gateway_idempotent,
    }
