"""The one gate: takes what is due, gathers what is known about its members, lets the rules decide, writes it down.

Set-based: some ten statements for a batch of hundreds. Everything happens in one transaction, under two locks. The
messages of the batch are locked, those that others hold are skipped. Then the contact rows of everybody who would be
reached, in order of id: whoever counts what a member got holds that row, so two workers never count one member at once,
and no cap is passed, however many they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from foundation.database import Tx
from foundation.settings import get_settings
from marketing.messages.contents import Template, Text, finished_text, language_for, templates_by_id
from marketing.messages.policy import Policy, policy_in_force
from marketing.messages.rendering import TextUnusable
from marketing.messages.rules import (
    Candidate,
    Channel,
    Decision,
    Expire,
    Language,
    LetThrough,
    MessageClass,
    MessageState,
    Reached,
    Reason,
    Recipient,
    Refuse,
    Wait,
    Word,
    caps_reach_back,
    decide_all,
)
from marketing.messages.standing import complaining, held_out
from member_api.contract import contacts as contract
from organisation.contract import StoreFacts, stores_by_code

BATCH_MAX = 500
# Whoever took a message and says nothing for so long is given up; far longer than a gateway is waited for.
LEASE = timedelta(seconds=90)
CONSENT_CHANNELS: Mapping[Channel, contract.Channel] = {
    Channel.SMS: contract.Channel.SMS,
    Channel.INBOX: contract.Channel.APP,
}
# A code that a member waits for does not stand in line behind a campaign.
ORDER = (MessageClass.TRANSACTIONAL, MessageClass.SERVICE, MessageClass.MARKETING)


class Waiting(msgspec.Struct, frozen=True):
    """A queued message, as the gate takes it up."""

    id: int
    member_id: int
    campaign_id: int | None
    step: str
    message_class: MessageClass
    channel: Channel
    template_id: int
    facts: Mapping[str, Any]
    expires_at: datetime
    attempts: int
    handed_over: bool
    gateway_key: UUID


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way to a gateway. Its text form hides the address and the text; neither is ever stored.

    `maybe_before`: a gateway may have it from an earlier try.
    """

    id: int
    gateway_id: str
    attempts: int
    maybe_before: bool
    address: str = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Passed:
    """What came of one batch: how many were looked at, and what leaves now. `at` is when the gate decided."""

    looked_at: int
    outgoing: tuple[Outgoing, ...]
    at: datetime


def gateway_id(id_: int, key: UUID) -> str:
    """The id under which a gateway knows a message."""
    return f"{id_}-{key.hex}"


def read_gateway_id(text: str) -> tuple[int, UUID] | None:
    """Back again; None for what is none of ours."""
    id_, _, key = text.partition("-")
    try:
        return (int(id_), UUID(hex=key)) if id_.isascii() and id_.isdigit() and len(id_) < 19 else None
    except ValueError:
        return None


def pass_gate(tx: Tx, channel: Channel, limit: int = BATCH_MAX) -> Passed:
    """Look at up to `limit` due messages of a channel. What leaves is `sending` (a text message) or there (the inbox).

    Call it in a transaction of its own: the locks are held until its end.
    """
    waiting = _take(tx, channel, limit)
    if not waiting:
        return Passed(0, (), tx.now)
    policy = policy_in_force(tx)
    people = _people(tx, channel, waiting)
    languages = _lock_contacts(tx, {person.id for person in people.values()})
    decisions = _decide(tx, policy, waiting, people)
    texts = _texts(tx, policy, waiting, decisions, people, languages)
    return _record(tx, policy, waiting, decisions, people, texts)


TAKE = """
SELECT id, member_id, campaign_id, step, message_class, channel, template_id, facts, expires_at, attempts, handed_over,
    gateway_key
FROM marketing.message
WHERE channel = %s AND message_class = %s AND state = 'queued' AND due_at <= %s
ORDER BY due_at, id LIMIT %s FOR UPDATE SKIP LOCKED
"""


def _take(tx: Tx, channel: Channel, limit: int) -> list[Waiting]:
    taken: list[Waiting] = []
    for message_class in ORDER:
        rows = tx.ask(TAKE, (channel, message_class, tx.now, limit - len(taken)))
        taken += [
            Waiting(row[0], row[1], row[2], row[3], MessageClass(row[4]), Channel(row[5]), *row[6:]) for row in rows
        ]
        if len(taken) == limit:
            break
    return taken


# ------------------------------------------------------------------------------------------------ the facts
def _people(tx: Tx, channel: Channel, waiting: Sequence[Waiting]) -> dict[int, Recipient]:
    """By the member that was wished for; who does not exist is left out. Control groups are looked up by the rest."""
    said_on = CONSENT_CHANNELS[channel]
    found = contract.reach(tx, {message.member_id for message in waiting}, [said_on])
    stores = _stores(tx, found.values())
    complaints = complaining(tx, {reach.id for reach in found.values()})
    company = get_settings().company_timezone
    return {
        asked: Recipient(
            id=reach.id,
            status=reach.status,
            timezone=stores[reach.home_store].timezone if reach.home_store in stores else company,
            words={channel: _word(reach.words.get(said_on))},
            addresses=frozenset({channel} if said_on in reach.addresses else ()),
            complaint=reach.id in complaints,
            store=reach.home_store,
            store_name=stores[reach.home_store].name if reach.home_store in stores else None,
        )
        for asked, reach in found.items()
    }


def _stores(tx: Tx, found: Iterable[contract.Reach]) -> dict[str | None, StoreFacts]:
    codes = {reach.home_store for reach in found if reach.home_store is not None}
    return {code: store for code, store in stores_by_code(tx, codes).items()} if codes else {}  # noqa: C416 (widened)


def _word(said: bool | None) -> Word:
    if said is None:
        return Word.NEVER
    return Word.YES if said else Word.NO


def _lock_contacts(tx: Tx, people: set[int]) -> dict[int, Language]:
    """Lock everybody's contact row, in order of id, making those that are not there; the languages they chose."""
    ids = sorted(people)
    tx.ask(
        "INSERT INTO marketing.member_contact (member_id) SELECT id FROM unnest(%s::bigint[]) AS id "
        "WHERE NOT EXISTS (SELECT FROM marketing.member_contact c WHERE c.member_id = id) ORDER BY id "
        "ON CONFLICT DO NOTHING",
        (ids,),
    )
    rows = tx.ask(
        "SELECT member_id, language FROM marketing.member_contact WHERE member_id = ANY(%s) ORDER BY member_id "
        "FOR NO KEY UPDATE",
        (ids,),
    )
    return {member_id: Language(language) for member_id, language in rows if language is not None}


def _decide(tx: Tx, policy: Policy, waiting: Sequence[Waiting], people: Mapping[int, Recipient]) -> list[Decision]:
    own = [message.id for message in waiting]
    stopped = _stopped(tx, {message.campaign_id for message in waiting if message.campaign_id is not None})
    withheld = held_out(tx, {(m.campaign_id, people[m.member_id].id) for m in waiting if m.member_id in people})
    candidates = [
        Candidate(
            message.id,
            message.message_class,
            message.channel,
            message.expires_at,
            people.get(message.member_id),
            message.campaign_id,
            message.step,
            stopped=message.campaign_id in stopped,
            held_out=message.member_id in people and (message.campaign_id, people[message.member_id].id) in withheld,
        )
        for message in waiting
    ]
    return decide_all(
        candidates,
        now=tx.now,
        quiet=policy.says.quiet,
        caps=policy.says.caps,
        reached=_reached(tx, policy, candidates, own),
        sent=_sent_before(tx, candidates, own),
    )


def _stopped(tx: Tx, campaigns: set[int]) -> set[int]:
    if not campaigns:
        return set()
    rows = tx.ask("SELECT campaign_id FROM marketing.message_stop WHERE campaign_id = ANY(%s)", (list(campaigns),))
    return {campaign_id for (campaign_id,) in rows}


def _reached(tx: Tx, policy: Policy, candidates: Sequence[Candidate], own: Sequence[int]) -> dict[int, list[Reached]]:
    """What these people got within the windows of the caps, and what is on its way to them.

    What a gateway took counts, even if it reports that the phone was not reached: reports have been corrected before.
    """
    capped = {cap.message_class for cap in policy.says.caps}
    people = {c.recipient.id for c in candidates if c.recipient is not None and c.message_class in capped}
    if not people:
        return {}
    rows = tx.ask(
        "SELECT recipient_id, message_class, channel, let_through_at FROM marketing.message "
        "WHERE recipient_id = ANY(%s) AND let_through_at > %s AND message_class = ANY(%s) "
        "AND (state <> 'failed' OR sent_at IS NOT NULL) AND id <> ALL(%s)",
        (list(people), tx.now - caps_reach_back(policy.says.caps), list(capped), list(own)),
    )
    found: dict[int, list[Reached]] = {}
    for person, message_class, channel, at in rows:
        found.setdefault(person, []).append(Reached(MessageClass(message_class), Channel(channel), at))
    return found


def _sent_before(tx: Tx, candidates: Sequence[Candidate], own: Sequence[int]) -> frozenset[tuple[int | None, int, str]]:
    """Those of these sends that happened already, under another member's name who was merged into this one."""
    sends = [candidate.once for candidate in candidates if candidate.recipient is not None]
    rows = tx.ask(
        "SELECT m.campaign_id, m.recipient_id, m.step FROM json_to_recordset(%s::json) "
        "AS x(campaign_id bigint, recipient_id bigint, step text) JOIN marketing.message m "
        "ON m.recipient_id = x.recipient_id AND m.step = x.step AND m.campaign_id IS NOT DISTINCT FROM x.campaign_id "
        "WHERE m.id <> ALL(%s)",
        (_json([dict(zip(("campaign_id", "recipient_id", "step"), send, strict=True)) for send in sends]), list(own)),
    )
    return frozenset((campaign_id, person, step) for campaign_id, person, step in rows)


# ------------------------------------------------------------------------------------------------ the texts
@dataclass(frozen=True, slots=True)
class _Made:
    """A text and where it goes, of one message that is let through."""

    text: Text
    address: str = field(repr=False)


def _texts(
    tx: Tx,
    policy: Policy,
    waiting: Sequence[Waiting],
    decisions: Sequence[Decision],
    people: Mapping[int, Recipient],
    languages: Mapping[int, Language],
) -> dict[int, _Made | Reason]:
    """The texts of what is let through, or why one cannot be made; by message."""
    leaving = [m for m, decision in zip(waiting, decisions, strict=True) if isinstance(decision, LetThrough)]
    if not leaving:
        return {}
    templates = templates_by_id(tx, list({message.template_id for message in leaving}))
    # Names and numbers are opened here, only of those who are written to now, and live as long as the batch. What is
    # for the inbox is filled in when it is read; here it is only tried.
    on_paper = leaving[0].channel == Channel.SMS
    ids = {people[message.member_id].id for message in leaving}
    opened = contract.contacts(tx, ids, contract.Channel.SMS) if on_paper else {}
    made: dict[int, _Made | Reason] = {}
    for message in leaving:
        person = people[message.member_id]
        contact = opened.get(person.id)
        if on_paper and contact is None:
            made[message.id] = Reason.NO_ADDRESS
            continue
        try:
            text = _text(policy, templates[message.template_id], message, person, languages, contact)
        except TextUnusable:
            made[message.id] = Reason.UNREADABLE
            continue
        made[message.id] = _Made(text, contact.address if contact else "")
    return made


def _text(
    policy: Policy,
    template: Template,
    message: Waiting,
    person: Recipient,
    languages: Mapping[int, Language],
    contact: contract.Contact | None,
) -> Text:
    language = language_for(template.says, languages.get(person.id), policy.says.default_language)
    name = contact.name if contact else None
    return finished_text(policy, template.says, language, message.facts, name=name, store=person.store_name)


# ------------------------------------------------------------------------------------------------ the book
class _Outcome(msgspec.Struct, frozen=True):
    """What becomes of a message's row; None leaves a column as it is."""

    id: int
    state: MessageState
    reason: Reason | None = None
    due_at: datetime | None = None
    recipient_id: int | None = None
    store: str | None = None
    let_through_at: datetime | None = None
    tries: int = 0
    handed_over: bool = False
    language: Language | None = None
    segments: int | None = None
    cost_milli: int | None = None
    cost_currency: str | None = None
    sent_at: datetime | None = None
    ended_at: datetime | None = None


WRITE = """
UPDATE marketing.message AS m SET state = x.state, reason = x.reason, due_at = coalesce(x.due_at, m.due_at),
    recipient_id = coalesce(x.recipient_id, m.recipient_id), store = x.store,
    let_through_at = coalesce(x.let_through_at, m.let_through_at), attempts = m.attempts + x.tries,
    handed_over = m.handed_over OR x.handed_over, language = coalesce(x.language, m.language),
    segments = coalesce(x.segments, m.segments), cost_milli = coalesce(x.cost_milli, m.cost_milli),
    cost_currency = coalesce(x.cost_currency, m.cost_currency), sent_at = coalesce(x.sent_at, m.sent_at),
    ended_at = x.ended_at
FROM json_to_recordset(%s::json) AS x(id bigint, state text, reason text, due_at timestamptz, recipient_id bigint,
    store text, let_through_at timestamptz, tries smallint, handed_over boolean, language text, segments smallint,
    cost_milli bigint, cost_currency text, sent_at timestamptz, ended_at timestamptz)
WHERE m.id = x.id
"""


def _record(
    tx: Tx,
    policy: Policy,
    waiting: Sequence[Waiting],
    decisions: Sequence[Decision],
    people: Mapping[int, Recipient],
    texts: Mapping[int, _Made | Reason],
) -> Passed:
    outcomes: list[_Outcome] = []
    outgoing: list[Outgoing] = []
    for message, decision in zip(waiting, decisions, strict=True):
        made = texts.get(message.id)
        if isinstance(made, Reason):
            decision = Refuse(made)
        if not isinstance(made, _Made):
            outcomes.append(_kept_back(tx.now, message, decision, people.get(message.member_id)))
            continue
        person = people[message.member_id]
        outcomes.append(_leaving(tx.now, policy, message, person, made.text))
        if message.channel == Channel.SMS:
            outgoing.append(
                Outgoing(
                    message.id,
                    gateway_id(message.id, message.gateway_key),
                    message.attempts + 1,
                    message.handed_over,
                    made.address,
                    made.text.body,
                )
            )
    tx.ask(WRITE, (_json(outcomes),))
    return Passed(len(waiting), tuple(outgoing), tx.now)


def _kept_back(now: datetime, message: Waiting, decision: Decision, person: Recipient | None) -> _Outcome:
    store = person.store if person else None
    match decision:
        case Wait(until, reason):
            return _Outcome(message.id, MessageState.QUEUED, reason, due_at=until, store=store)
        case Refuse(reason) | Expire(reason):
            if message.handed_over:
                # A gateway may have it from a try before: "it was not sent" would be more than we know.
                state = MessageState.UNKNOWN
            else:
                state = MessageState.REFUSED if isinstance(decision, Refuse) else MessageState.EXPIRED
            return _Outcome(message.id, state, reason, ended_at=now, store=store)
        case _:
            raise AssertionError("what is let through has a text")


def _leaving(now: datetime, policy: Policy, message: Waiting, person: Recipient, text: Text) -> _Outcome:
    if message.channel == Channel.INBOX:
        return _Outcome(
            message.id,
            MessageState.DELIVERED,
            recipient_id=person.id,
            store=person.store,
            let_through_at=now,
            language=text.language,
            cost_milli=0,
            sent_at=now,
            ended_at=now,
        )
    assert text.size is not None
    return _Outcome(
        message.id,
        MessageState.SENDING,
        due_at=now + LEASE,
        recipient_id=person.id,
        store=person.store,
        let_through_at=now,
        tries=1,
        handed_over=True,
        language=text.language,
        segments=text.size.segments,
        cost_milli=text.cost_milli,
        cost_currency=policy.cost_currency,
    )


def _json(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows).decode()
