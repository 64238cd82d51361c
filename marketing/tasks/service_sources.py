"""What messages and campaigns tell the service file of a member."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from foundation.database import Tx
from foundation.pages import lazy
from marketing.messages.rules import Channel, MessageState, Reason
from marketing.messages.words import CHANNEL_WORDS, REASON_WORDS, STATE_WORDS
from marketing.permissions import MESSAGES_READ
from marketing.tasks.service_file import Entry, register_source

MESSAGES: LiteralString = """
SELECT id, queued_at, channel, state, reason, campaign_id FROM marketing.message
WHERE (member_id = %s OR recipient_id = %s) AND queued_at <= %s ORDER BY id DESC LIMIT %s
"""
# Who is in a control group got nothing: it stands with the campaign, not in the member's file.
CAMPAIGNS: LiteralString = """
SELECT c.id, m.assigned_at, c.name FROM marketing.campaign_member AS m
JOIN marketing.campaign AS c ON c.id = m.campaign_id
WHERE m.member_id = %s AND m.arm = 'treated' AND m.assigned_at <= %s ORDER BY m.assigned_at DESC, c.id DESC LIMIT %s
"""


def _messages(tx: Tx, member_id: int, until: datetime, limit: int) -> Sequence[Entry]:
    rows = tx.ask(MESSAGES, (member_id, member_id, until, limit)).fetchall()
    return [
        Entry(
            at=queued_at,
            source="messages",
            id=id_,
            words=lazy("Message"),
            kind=f"message_{state}",
            facts={
                "channel": channel,
                "state": state,
                "reason": reason,
                "campaign": None if campaign is None else str(campaign),
            },
            detail=_said(Channel(channel), MessageState(state), reason),
        )
        for id_, queued_at, channel, state, reason, campaign in rows
    ]


def _said(channel: Channel, state: MessageState, reason: str | None) -> str:
    """How a message went, in words: Text message · Not sent: never agreed to messages this way."""
    words = f"{CHANNEL_WORDS[channel]} · {STATE_WORDS[state][0]}"
    return words if reason is None else f"{words}: {REASON_WORDS[Reason(reason)]}"


def _campaigns(tx: Tx, member_id: int, until: datetime, limit: int) -> Sequence[Entry]:
    rows = tx.ask(CAMPAIGNS, (member_id, until, limit)).fetchall()
    return [
        Entry(
            at=assigned_at,
            source="campaigns",
            id=id_,
            words=lazy("Chosen for a campaign"),
            kind="campaign",
            facts={"campaign": str(id_)},
            detail=name,
        )
        for id_, assigned_at, name in rows
    ]


register_source("messages", _messages, MESSAGES_READ)
register_source("campaigns", _campaigns)
