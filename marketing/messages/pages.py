"""The pages of messages: how sending stands, what became of each, templates with preview, the rules; a member's tab."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlencode

import flask

from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.errors import BadRequest
from foundation.http import Pages, id_of, make_cursor, read_cursor, transactional
from foundation.money import exponent
from foundation.pages import lazy, render
from foundation.settings import get_settings
from marketing.messages import words
from marketing.messages.contents import TemplateUnknown, newest_templates, template, templates_by_id
from marketing.messages.history import (
    Figure,
    Letter,
    MessageFilter,
    MessageRecord,
    campaign_names,
    chosen_language,
    figures,
    gateway_health,
    inbox_of,
    list_messages,
    messages_of,
    unread_count,
)
from marketing.messages.http import stores_seen
from marketing.messages.policy import Policy, policies, policy_in_force
from marketing.messages.rendering import VARIABLES
from marketing.messages.rules import Channel, Language, MessageClass, MessageState, Reason
from marketing.permissions import CAMPAIGNS_READ, MESSAGES_READ, MESSAGES_WRITE
from member_api.contract.members import masked_names
from member_api.contract.pages import MemberTab, add_tab, framed, render_member

messages_pages = Pages("messages", __name__)
add_tab(MemberTab("messages", lazy("Messages"), MESSAGES_READ, 60))

SHOWN = 50
LETTERS_SHOWN = 20
VERSIONS_SHOWN = 20
SPARE_CAPS = 2
MEMBERS_WRITE = "members.write"
Choice = TypeVar("Choice", bound=StrEnum)


class ChoiceUnknown(BadRequest):
    """The address asks for a state, reason or channel that there is not."""

    code = "choice_unknown"


# ------------------------------------------------------------------------------------------------ how sending stands
@messages_pages.route("/messages")
@allow(MESSAGES_READ)
@transactional
def standing_page(tx: Tx) -> str:
    """The gateway, what waits, and what became of the last 30 days' messages, with the reasons."""
    health = gateway_health(tx)
    found = figures(tx, stores_seen(current_principal()))
    return render(
        "messages/standing.html",
        health=health,
        has_gateway=bool(get_settings().sms_gateway_url),
        circuit_open=health.open_until is not None and health.open_until > tx.now,
        channels=[(channel, _sums(found, channel)) for channel in Channel],
        reasons=[figure for figure in found if figure.reason is not None],
        total=sum(figure.count for figure in found),
        **_common(),
    )


def _sums(found: Sequence[Figure], channel: Channel) -> dict[MessageState, int]:
    return {
        state: sum(figure.count for figure in found if figure.channel == channel and figure.state == state)
        for state in MessageState
    }


def _common() -> dict[str, Any]:
    return {
        "state_words": words.STATE_WORDS,
        "reason_words": words.REASON_WORDS,
        "class_words": words.CLASS_WORDS,
        "channel_words": words.CHANNEL_WORDS,
        "may_write": current_principal().may(MESSAGES_WRITE) and current_principal().places is None,
    }


# ------------------------------------------------------------------------------------------------ each message
@messages_pages.route("/messages/list")
@allow(MESSAGES_READ)
@transactional
def list_page(tx: Tx) -> str:
    """Messages, the newest first, by campaign, state, reason and channel."""
    chosen = {name: flask.request.args.get(name, "") for name in ("campaign", "state", "reason", "channel")}
    wanted = MessageFilter(
        _number(chosen["campaign"]),
        _choice(MessageState, chosen["state"]),
        _choice(Reason, chosen["reason"]),
        _choice(Channel, chosen["channel"]),
        stores_seen(current_principal()),
    )
    cursor = flask.request.args.get("cursor", "")
    found = list_messages(tx, wanted, read_cursor(cursor, int)[0] if cursor else None, SHOWN + 1)
    shown = found[:SHOWN]
    kept = {name: value for name, value in chosen.items() if value}
    return render(
        "messages/list.html",
        rows=shown,
        names=masked_names(tx, {_person(record) for record in shown}),
        chosen=chosen,
        states=[(state, shown_as) for state, (shown_as, _) in words.STATE_WORDS.items()],
        first=f"/messages/list?{urlencode(kept)}" if cursor else "",
        following=_following(kept, found, "/messages/list"),
        **_about(tx, shown),
        **_common(),
    )


def _person(record: MessageRecord) -> int:
    return record.recipient_id or record.member_id


def _following(kept: Mapping[str, str], found: Sequence[MessageRecord], path: str) -> str:
    if len(found) <= SHOWN:
        return ""
    return f"{path}?{urlencode({**kept, 'cursor': make_cursor(found[SHOWN - 1].id)})}"


def _about(tx: Tx, shown: Collection[MessageRecord]) -> dict[str, Any]:
    """Names of the templates and campaigns of these messages."""
    campaigns = {record.campaign_id for record in shown if record.campaign_id is not None}
    return {
        "templates": templates_by_id(tx, list({record.template_id for record in shown})),
        "campaigns": campaign_names(tx, campaigns) if campaigns else {},
        "may_see_campaigns": current_principal().may(CAMPAIGNS_READ),
    }


def _choice(kind: type[Choice], text: str) -> Choice | None:
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        raise ChoiceUnknown("There is no such choice") from None


def _number(text: str) -> int | None:
    if not text:
        return None
    return id_of(text, ChoiceUnknown("There is no such choice"))


# ------------------------------------------------------------------------------------------------ templates
@messages_pages.route("/messages/templates")
@allow(MESSAGES_READ)
@transactional
def templates_page(tx: Tx) -> str:
    """Every template, by name."""
    return render("messages/templates.html", templates=newest_templates(tx), **_common())


@messages_pages.route("/messages/templates/new")
@allow(MESSAGES_WRITE)
@transactional
def new_template_page(tx: Tx) -> str:
    """A new template, with a preview while it is written."""
    return _editor(tx, None)


@messages_pages.route("/messages/templates/<template_id>")
@allow(MESSAGES_READ)
@transactional
def template_page(tx: Tx, template_id: str) -> str:
    """One template: its texts, and how they look to a member."""
    return _editor(tx, id_of(template_id, TemplateUnknown("There is no such template")))


def _editor(tx: Tx, template_id: int | None) -> str:
    shown = None if template_id is None else template(tx, template_id)
    return render(
        "messages/template.html",
        shown=shown,
        texts=shown.says.texts if shown else {},
        languages_of_texts=list(words.LANGUAGE_WORDS.items()),
        channels=list(words.CHANNEL_WORDS.items()),
        classes=list(words.CLASS_WORDS.items()),
        class_hints=words.CLASS_HINTS,
        variables=[(name, words.VARIABLE_WORDS[name]) for name in VARIABLES],
        **_common(),
    )


# ------------------------------------------------------------------------------------------------ the rules
@messages_pages.route("/messages/rules")
@allow(MESSAGES_READ)
@transactional
def rules_page(tx: Tx) -> str:
    """Quiet hours, caps, sign, cost and rate: what holds, and every version before."""
    policy = policy_in_force(tx)
    versions = policies(tx, VERSIONS_SHOWN)
    return render(
        "messages/rules.html",
        policy=policy,
        says=policy.says,
        cost=_cost(policy),
        caps=[*policy.says.caps, *[None] * SPARE_CAPS],
        versions=versions,
        channels=list(words.CHANNEL_WORDS.items()),
        capped_classes=[(kind, words.CLASS_WORDS[kind]) for kind in (MessageClass.MARKETING, MessageClass.SERVICE)],
        languages_of_texts=list(words.LANGUAGE_WORDS.items()),
        **_common(),
    )


def _cost(policy: Policy) -> str:
    """What a part of a text message costs, in the currency's main unit, with its thousandths of a minor unit."""
    amount = Decimal(policy.says.segment_cost_milli).scaleb(-3 - exponent(policy.cost_currency))
    return format(amount.normalize(), "f")


# ------------------------------------------------------------------------------------------------ a member's tab
@messages_pages.route("/members/<member>/messages")
@allow(MESSAGES_READ)
@transactional
def member_page(tx: Tx, member: str) -> str:
    """What was sent to a member, what was not and why; and the inbox as the member sees it."""
    frame = framed(tx, member)
    cursor = flask.request.args.get("cursor", "")
    before = read_cursor(cursor, int)[0] if cursor else None
    found = messages_of(tx, frame.member.id, before, SHOWN + 1)
    shown = found[:SHOWN]
    path = f"/members/{frame.member.id}/messages"
    kept = {"whole": "1"} if frame.whole else {}
    letters: list[Letter] = [] if cursor else inbox_of(tx, frame.member.id, None, LETTERS_SHOWN, personal=frame.whole)
    return render_member(
        "messages/member.html",
        frame,
        rows=shown,
        letters=letters,
        unread=unread_count(tx, frame.member.id),
        chosen=chosen_language(tx, frame.member.id),
        languages_of_texts=list(words.LANGUAGE_WORDS.items()),
        house_language=words.LANGUAGE_WORDS[_house_language(tx)],
        may_choose=current_principal().may(MEMBERS_WRITE),
        first=path if cursor else "",
        following=_following(kept, found, path),
        **_about(tx, shown),
        **_common(),
    )


def _house_language(tx: Tx) -> Language:
    return policy_in_force(tx).says.default_language
