"""Messages for tests: a template, and a wish varied by what the test is about."""

from typing import Any

from foundation.database import Tx
from marketing.messages.operations import MessageWish
from marketing.messages.rules import Channel, MessageClass


def a_template(
    tx: Tx,
    body: str = "Hello",
    *,
    channel: Channel = Channel.SMS,
    message_class: MessageClass = MessageClass.MARKETING,
    code: str = "hello",
) -> int:
    """A template with one English text; its id."""
    (id_,) = tx.ask(
        "INSERT INTO marketing.message_template (code, version, name, channel, message_class, written_by, written_at) "
        "SELECT %s, coalesce(max(version), 0) + 1, %s, %s, %s, 'test', %s FROM marketing.message_template "
        "WHERE code = %s RETURNING id",
        (code, code, channel, message_class, tx.now, code),
    ).fetchone() or (0,)
    tx.ask("INSERT INTO marketing.message_text (template_id, language, body) VALUES (%s, 'en', %s)", (id_, body))
    return int(id_)


def a_wish(template_id: int, member_id: int = 1, **wishes: Any) -> MessageWish:
    """A marketing text message of campaign 7 for a member."""
    plain: dict[str, Any] = {
        "campaign_id": 7,
        "step": "invitation",
        "message_class": MessageClass.MARKETING,
        "channel": Channel.SMS,
    }
    return MessageWish(member_id=member_id, template_id=template_id, **(plain | wishes))
