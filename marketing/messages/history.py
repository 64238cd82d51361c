"""What was sent to whom, what was not, and why: the send ledger, as people, campaigns and attribution read it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from foundation.database import Tx
from foundation.errors import NotFound
from marketing.messages.contents import finished_text, language_for, templates_by_id
from marketing.messages.policy import policy_in_force
from marketing.messages.rendering import TextUnusable, as_html
from marketing.messages.rules import Channel, Language, MessageClass, MessageState, Reason
from member_api.contract import contacts
from member_api.contract.members import mask_name
from organisation.contract import stores_by_code

PAGE_MAX = 1_000
FIGURES_WINDOW = timedelta(days=30)


class MessageUnknown(NotFound):
    """There is no such message."""

    code = "message_unknown"


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """One message. `recipient_id` is who got it, if the member was merged somebody else; `due_at` when the gate looks
    again at what is queued. `cost_milli` in thousandths of a minor unit of `cost_currency`."""

    id: int
    member_id: int
    recipient_id: int | None
    store: str | None
    campaign_id: int | None
    step: str
    message_class: MessageClass
    channel: Channel
    template_id: int
    facts: Mapping[str, Any]
    state: MessageState
    reason: Reason | None
    queued_at: datetime
    due_at: datetime
    expires_at: datetime
    sent_at: datetime | None
    ended_at: datetime | None
    read_at: datetime | None
    language: Language | None
    segments: int | None
    cost_milli: int | None
    cost_currency: str | None


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages; what is None does not matter. `stores` are home stores (None: all)."""

    campaign_id: int | None = None
    state: MessageState | None = None
    reason: Reason | None = None
    channel: Channel | None = None
    stores: Collection[str] | None = None


_SELECT: LiteralString = (
    "SELECT id, member_id, recipient_id, store, campaign_id, step, message_class, channel, template_id, facts, state, "
    "reason, queued_at, due_at, expires_at, sent_at, ended_at, read_at, language, segments, cost_milli, cost_currency "
    "FROM marketing.message "
)


def _record(row: Sequence[Any]) -> MessageRecord:
    values: tuple[Any, ...] = (
        *row[:6],
        MessageClass(row[6]),
        Channel(row[7]),
        row[8],
        row[9],
        MessageState(row[10]),
        None if row[11] is None else Reason(row[11]),
        *row[12:18],
        None if row[18] is None else Language(row[18]),
        *row[19:],
    )
    return MessageRecord(*values)


def list_messages(tx: Tx, wanted: MessageFilter, before: int | None, limit: int) -> list[MessageRecord]:
    """Messages with an id below `before`, the newest first, at most `limit`."""
    rows = tx.ask(
        _SELECT + "WHERE id < coalesce(%(before)s, 9223372036854775807) "
        "AND (%(campaign)s::bigint IS NULL OR campaign_id = %(campaign)s) "
        "AND (%(state)s::text IS NULL OR state = %(state)s) AND (%(reason)s::text IS NULL OR reason = %(reason)s) "
        "AND (%(channel)s::text IS NULL OR channel = %(channel)s) "
        "AND (%(stores)s::text[] IS NULL OR store = ANY(%(stores)s::text[])) ORDER BY id DESC LIMIT %(limit)s",
        {
            "before": before, "campaign": wanted.campaign_id, "state": wanted.state, "reason": wanted.reason,
            "channel": wanted.channel, "stores": None if wanted.stores is None else sorted(wanted.stores),
            "limit": min(limit, PAGE_MAX),
        },
    )  # fmt: skip
    return [_record(row) for row in rows]


def messages_of(tx: Tx, member_id: int, before: int | None, limit: int) -> list[MessageRecord]:
    """Everything that was ever wished for or sent to a member, also under a name merged into this one; newest first."""
    rows = tx.ask(
        _SELECT + "WHERE (member_id = %(member)s OR recipient_id = %(member)s) "
        "AND id < coalesce(%(before)s, 9223372036854775807) ORDER BY id DESC LIMIT %(limit)s",
        {"member": member_id, "before": before, "limit": min(limit, PAGE_MAX)},
    )
    return [_record(row) for row in rows]


# ------------------------------------------------------------------------------------------------ the inbox
@dataclass(frozen=True, slots=True)
class Letter:
    """A message in a member's inbox, filled in for the reader. Its text form would show a name: never log it."""

    id: int
    at: datetime
    read_at: datetime | None
    campaign_id: int | None
    language: Language
    subject: str
    text: str

    @property
    def html(self) -> str:
        return as_html(self.text)


def inbox_of(tx: Tx, member_id: int, before: int | None, limit: int, *, personal: bool) -> list[Letter]:
    """The letters of a member, newest first. Without `personal` the name in them is masked."""
    rows = tx.ask(
        _SELECT + "WHERE recipient_id = %s AND channel = 'inbox' AND state = 'delivered' "
        "AND id < coalesce(%s, 9223372036854775807) ORDER BY id DESC LIMIT %s",
        (member_id, before, min(limit, PAGE_MAX)),
    )
    records = [_record(row) for row in rows]
    templates = templates_by_id(tx, list({record.template_id for record in records}))
    filling = _filling(tx, member_id, personal=personal)
    policy = policy_in_force(tx)
    letters = []
    for record in records:
        template = templates[record.template_id]
        language = language_for(template.says, record.language, policy.says.default_language)
        try:
            text = finished_text(policy, template.says, language, record.facts, name=filling[0], store=filling[1])
            subject, body = text.subject or "", text.body
        except TextUnusable:
            # It could be made when it was sent; a name that grew since must not hide the other letters.
            subject, body = template.says.name, ""
        letters.append(Letter(record.id, _when(record), record.read_at, record.campaign_id, language, subject, body))
    return letters


def _when(record: MessageRecord) -> datetime:
    return record.sent_at or record.queued_at


def _filling(tx: Tx, member_id: int, *, personal: bool) -> tuple[str | None, str | None]:
    """Name and home store of the member, as they are today."""
    found = contacts.contacts(tx, [member_id], contacts.Channel.APP).get(member_id)
    standing = contacts.reach(tx, [member_id], []).get(member_id)
    store = standing.home_store if standing else None
    known = stores_by_code(tx, [store]).get(store) if store else None
    name = found.name if found else None
    return (name if personal or not name else mask_name(name)), (known.name if known else None)


def mark_read(tx: Tx, member_id: int, message_id: int) -> datetime:
    """The member has read a letter; the first time counts. Raises MessageUnknown."""
    row = tx.ask(
        "UPDATE marketing.message SET read_at = coalesce(read_at, %s) "
        "WHERE id = %s AND recipient_id = %s AND channel = 'inbox' AND state = 'delivered' RETURNING read_at",
        (tx.now, message_id, member_id),
    ).fetchone()
    if row is None:
        raise MessageUnknown("There is no such letter in this inbox")
    read_at: datetime = row[0]
    return read_at


def mark_shown(tx: Tx, member_id: int, letters: Sequence[Letter]) -> int:
    """The member has been shown these letters; how many of them were new. Nobody else's letter is touched."""
    fresh = [letter.id for letter in letters if letter.read_at is None]
    if not fresh:
        return 0
    return tx.ask(
        "UPDATE marketing.message SET read_at = %s WHERE id = ANY(%s) AND recipient_id = %s "
        "AND channel = 'inbox' AND state = 'delivered' AND read_at IS NULL",
        (tx.now, fresh, member_id),
    ).rowcount


def unread_count(tx: Tx, member_id: int) -> int:
    """How many letters wait to be read."""
    row = tx.ask(
        "SELECT count(*) FROM marketing.message WHERE recipient_id = %s AND channel = 'inbox' "
        "AND state = 'delivered' AND read_at IS NULL",
        (member_id,),
    ).fetchone()
    assert row is not None
    return int(row[0])


# ------------------------------------------------------------------------------------------------ the member's language
def choose_language(tx: Tx, member_id: int, language: Language | None) -> None:
    """The member wants to be written to in this language; None: as the house does."""
    tx.ask(
        "INSERT INTO marketing.member_contact (member_id, language) VALUES (%s, %s) "
        "ON CONFLICT (member_id) DO UPDATE SET language = excluded.language",
        (member_id, language),
    )


def chosen_language(tx: Tx, member_id: int) -> Language | None:
    """What the member chose."""
    row = tx.ask("SELECT language FROM marketing.member_contact WHERE member_id = %s", (member_id,)).fetchone()
    return None if row is None or row[0] is None else Language(row[0])


# ------------------------------------------------------------------------------------------------ figures
@dataclass(frozen=True, slots=True)
class Figure:
    """So many messages of a channel in this state, for this reason."""

    channel: Channel
    state: MessageState
    reason: Reason | None
    count: int


def figures(tx: Tx, stores: Collection[str] | None, since: datetime | None = None) -> list[Figure]:
    """What became of the messages queued in the last 30 days, by channel, state and reason."""
    rows = tx.ask(
        "SELECT channel, state, reason, count(*) FROM marketing.message WHERE queued_at >= %s "
        "AND (%s::text[] IS NULL OR store = ANY(%s::text[])) GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2",
        (
            since or tx.now - FIGURES_WINDOW,
            None if stores is None else sorted(stores),
            None if stores is None else sorted(stores),
        ),
    )
    return [
        Figure(Channel(channel), MessageState(state), None if reason is None else Reason(reason), count)
        for channel, state, reason, count in rows
    ]


@dataclass(frozen=True, slots=True)
class GatewayHealth:
    """How the gateway of a channel does. `open_until` in the future: nobody tries before."""

    channel: Channel
    failures: int
    open_until: datetime | None
    last_good_at: datetime | None
    last_failed_at: datetime | None
    last_failure: str | None
    waiting: int
    oldest_due_at: datetime | None


def gateway_health(tx: Tx, channel: Channel = Channel.SMS) -> GatewayHealth:
    """The circuit, the last calls, and what waits to leave now."""
    row = tx.ask(
        "SELECT failures, open_until, last_good_at, last_failed_at, last_failure FROM marketing.message_gateway "
        "WHERE channel = %s",
        (channel,),
    ).fetchone()
    assert row is not None
    due = tx.ask(
        "SELECT count(*), min(due_at) FROM marketing.message WHERE channel = %s AND state = 'queued' AND due_at <= %s",
        (channel, tx.now),
    ).fetchone()
    assert due is not None
    failures, open_until, good_at, failed_at, failure = row
    return GatewayHealth(channel, failures, open_until, good_at, failed_at, failure, int(due[0]), due[1])


# ------------------------------------------------------------------------------------------------ names
def campaign_names(tx: Tx, campaign_ids: Collection[int]) -> dict[int, str]:
    """Names of campaigns, for lists of messages."""
    rows = tx.ask("SELECT id, name FROM marketing.campaign WHERE id = ANY(%s)", (list(campaign_ids),))
    return {id_: name for id_, name in rows}  # noqa: C416 (typed)
