"""Messages for tests: a template, a wish, members who may be written to, rules of sending without a night."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import time
from typing import Any

from foundation.database import Database, Tx
from marketing.messages.contents import TemplateWish, Words, save_template
from marketing.messages.operations import MessageWish
from marketing.messages.policy import Policy, policy_in_force, publish_policy
from marketing.messages.rules import Cap, Channel, Language, MessageClass, QuietHours
from member_api.consents.rules import Channel as ConsentChannel
from member_api.consents.rules import ConsentWord, Purpose
from tests.member_api.people import enrolled

AWAKE = QuietHours(time(3), time(3))


def a_template(
    tx: Tx,
    body: str = "Hello {{ name }}",
    *,
    channel: Channel = Channel.SMS,
    message_class: MessageClass = MessageClass.MARKETING,
    code: str | None = None,
    texts: Mapping[Language, Words] | None = None,
) -> int:
    """A template with one English text, or these texts; its id."""
    subject = "News" if channel == Channel.INBOX else None
    wish = TemplateWish(
        code or f"{channel}-{message_class}",
        "Hello",
        channel,
        message_class,
        texts or {Language.EN: Words(body, subject)},
    )
    return save_template(tx, wish, by="test").id


def a_wish(template_id: int, member_id: int = 1, **wishes: Any) -> MessageWish:
    """A marketing text message of campaign 7 for a member."""
    plain: dict[str, Any] = {
        "campaign_id": 7,
        "step": "invitation",
        "message_class": MessageClass.MARKETING,
        "channel": Channel.SMS,
    }
    return MessageWish(member_id=member_id, template_id=template_id, **(plain | wishes))


def said(tx: Tx, channel: ConsentChannel = ConsentChannel.SMS, *, granted: bool = True) -> ConsentWord:
    """A word on marketing."""
    return ConsentWord(channel, Purpose.MARKETING, granted=granted, at=tx.now)


def a_reader(tx: Tx, number: int = 1, *, words: Mapping[ConsentChannel, bool] | None = None, **facts: Any) -> int:
    """A member with a phone who agrees to text messages, unless `words` say otherwise; its id."""
    spoken = {ConsentChannel.SMS: True} if words is None else words
    consents = tuple(said(tx, channel, granted=granted) for channel, granted in spoken.items())
    return enrolled(tx, f"138{number:08d}", consents=consents, **({"name": f"Reader {number}"} | facts))


def rules_of_sending(database: Database, *, caps: tuple[Cap, ...] = (), **says: Any) -> Policy:
    """Publish rules: no quiet hours and no caps unless the test says so."""
    with database.transaction() as tx:
        wish = replace(replace(policy_in_force(tx).says, quiet=AWAKE, caps=caps), **says)
        return publish_policy(tx, wish, valid_from=None, by="test")
