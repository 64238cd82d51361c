"""May this message leave, now? One pure decision for every message of every class, and the words for its answer.

The gate looks at facts that others gathered and says one of four things: let it through, wait, expire, refuse. A
message that waits because of the hour is looked at again when the hour is over; all else is final and has a reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from member_api.contract.members import MemberStatus


class Channel(StrEnum):
    """The ways a message takes. A phone call is no message but a task."""

    SMS = "sms"
    INBOX = "inbox"  # the member's own page: stored here, read there


class MessageClass(StrEnum):
    """What a message is for: to sell, to serve, or because the member did something (a receipt, a code)."""

    MARKETING = "marketing"
    SERVICE = "service"
    TRANSACTIONAL = "transactional"


class Language(StrEnum):
    """Languages of texts to members."""

    EN = "en"
    ZH = "zh"


class MessageState(StrEnum):
    """queued -> sending -> sent -> delivered; the others are ends. `unknown`: a gateway may have it."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    REFUSED = "refused"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


# What these count against is that the member was, or may have been, reached.
REACHED = (MessageState.SENDING, MessageState.SENT, MessageState.DELIVERED, MessageState.UNKNOWN)


class Reason(StrEnum):
    """Why a message did not leave, or waits, or did not arrive."""

    # the gate
    NO_CONSENT = "no_consent"
    OPTED_OUT = "opted_out"
    CAPPED = "capped"
    QUIET_HOURS = "quiet_hours"
    HELD_OUT = "held_out"
    COMPLAINT = "complaint"
    MEMBER_UNKNOWN = "member_unknown"
    MEMBER_FROZEN = "member_frozen"
    MEMBER_CLOSED = "member_closed"
    MEMBER_ERASED = "member_erased"
    NO_ADDRESS = "no_address"
    CAMPAIGN_STOPPED = "campaign_stopped"
    DUPLICATE = "duplicate"
    TOO_LATE = "too_late"
    UNREADABLE = "unreadable"  # the text cannot be made for this member
    # the way
    NUMBER_INVALID = "number_invalid"
    BLOCKED_BY_NETWORK = "blocked_by_network"
    REJECTED = "rejected"
    UNDELIVERED = "undelivered"
    GATEWAY_AWAY = "gateway_away"
    NO_ANSWER = "no_answer"


class Word(StrEnum):
    """What a member said about marketing on a channel; never having been asked means no."""

    YES = "yes"
    NO = "no"
    NEVER = "never"


# ------------------------------------------------------------------------------------------------ the facts
@dataclass(frozen=True, slots=True)
class Cap:
    """At most `count_max` messages of a class on a channel in any `window_days` times 24 hours."""

    message_class: MessageClass
    channel: Channel
    window_days: int
    count_max: int


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `begins` to `ends` by a local clock, over midnight if need be; equal times mean none."""

    begins: time
    ends: time


@dataclass(frozen=True, slots=True)
class Reached:
    """A message that a member got, or may have got."""

    message_class: MessageClass
    channel: Channel
    at: datetime


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a message would reach: the survivor where the member was merged.

    `timezone` (IANA), `store` (its code) and `store_name` are the home store's.
    """

    id: int
    status: MemberStatus
    timezone: str
    words: Mapping[Channel, Word] = field(default_factory=dict)
    addresses: frozenset[Channel] = frozenset({Channel.INBOX})
    complaint: bool = False
    store: str | None = None
    store_name: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message before the gate. `recipient` None: there is no such member. A stopped campaign sends nothing more; one
    that is `held_out` belongs to a control group."""

    id: int
    message_class: MessageClass
    channel: Channel
    expires_at: datetime
    recipient: Recipient | None
    campaign_id: int | None = None
    step: str = ""
    stopped: bool = False
    held_out: bool = False

    @property
    def once(self) -> tuple[int | None, int, str]:
        """What may happen once: one send per campaign, person and step."""
        assert self.recipient is not None
        return (self.campaign_id, self.recipient.id, self.step)


# ------------------------------------------------------------------------------------------------ the answers
@dataclass(frozen=True, slots=True)
class LetThrough:
    """It may leave now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not at this hour; ask again at `until`."""

    until: datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class Expire:
    """Its time is over, or will be before it may leave."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Refuse:
    """It never leaves."""

    reason: Reason


Decision = LetThrough | Wait | Expire | Refuse
LET_THROUGH = LetThrough()


def decide(
    candidate: Candidate,
    *,
    now: datetime,
    quiet: QuietHours,
    caps: Sequence[Cap],
    reached: Sequence[Reached] = (),
    sent_before: bool = False,
) -> Decision:
    """The one decision. `reached` is what this person got so far; `sent_before`: this very send happened already."""
    if candidate.stopped:
        return Refuse(Reason.CAMPAIGN_STOPPED)
    if candidate.expires_at <= now:
        return Expire(Reason.TOO_LATE)
    if candidate.recipient is None:
        return Refuse(Reason.MEMBER_UNKNOWN)
    if sent_before:
        return Refuse(Reason.DUPLICATE)
    refused = _by_member(candidate, candidate.recipient) or _by_word(candidate, candidate.recipient)
    if refused is not None:
        return Refuse(refused)
    if candidate.channel not in candidate.recipient.addresses:
        return Refuse(Reason.NO_ADDRESS)
    if candidate.message_class == MessageClass.TRANSACTIONAL:
        return LET_THROUGH
    until = quiet_until(now, candidate.recipient.timezone, quiet)
    if until is not None:
        return Wait(until, Reason.QUIET_HOURS) if until < candidate.expires_at else Expire(Reason.QUIET_HOURS)
    if _capped(candidate, now, caps, reached):
        return Refuse(Reason.CAPPED)
    return LET_THROUGH


def decide_all(
    candidates: Sequence[Candidate],
    *,
    now: datetime,
    quiet: QuietHours,
    caps: Sequence[Cap],
    reached: Mapping[int, Sequence[Reached]],
    sent: frozenset[tuple[int | None, int, str]] = frozenset(),
) -> list[Decision]:
    """`decide` for many, in order: what is let through counts for those after it.

    `reached` is by person (recipient id); `sent` are the sends (Candidate.once) that happened already.
    """
    so_far = {person: list(got) for person, got in reached.items()}
    done = set(sent)
    decisions: list[Decision] = []
    for candidate in candidates:
        person = candidate.recipient
        decision = decide(
            candidate,
            now=now,
            quiet=quiet,
            caps=caps,
            reached=so_far.get(person.id, ()) if person else (),
            sent_before=person is not None and candidate.once in done,
        )
        if person is not None and isinstance(decision, LetThrough):
            done.add(candidate.once)
            so_far.setdefault(person.id, []).append(Reached(candidate.message_class, candidate.channel, now))
        decisions.append(decision)
    return decisions


def _by_member(candidate: Candidate, recipient: Recipient) -> Reason | None:
    """Closed and erased get nothing at all; frozen, complaining and held-out people are not sold to."""
    if recipient.status == MemberStatus.ERASED:
        return Reason.MEMBER_ERASED
    if recipient.status not in (MemberStatus.ACTIVE, MemberStatus.FROZEN):
        return Reason.MEMBER_CLOSED
    if candidate.message_class != MessageClass.MARKETING:
        return None
    if recipient.status == MemberStatus.FROZEN:
        return Reason.MEMBER_FROZEN
    if recipient.complaint:
        return Reason.COMPLAINT
    return Reason.HELD_OUT if candidate.held_out else None


def _by_word(candidate: Candidate, recipient: Recipient) -> Reason | None:
    """To sell needs a yes; to serve needs no no; what the member asked for needs neither."""
    word = recipient.words.get(candidate.channel, Word.NEVER)
    if candidate.message_class == MessageClass.TRANSACTIONAL or word == Word.YES:
        return None
    if word == Word.NO:
        return Reason.OPTED_OUT
    return Reason.NO_CONSENT if candidate.message_class == MessageClass.MARKETING else None


def _capped(candidate: Candidate, now: datetime, caps: Sequence[Cap], reached: Sequence[Reached]) -> bool:
    kind = (candidate.message_class, candidate.channel)
    moments = [got.at for got in reached if (got.message_class, got.channel) == kind]
    for cap in caps:
        if (cap.message_class, cap.channel) != kind:
            continue
        since = now - timedelta(days=cap.window_days)
        if sum(at > since for at in moments) >= cap.count_max:
            return True
    return False


def quiet_until(now: datetime, timezone: str, quiet: QuietHours) -> datetime | None:
    """When the quiet hours end that `now` (aware) lies in, aware in UTC; None outside of them.

    By the wall clock of `timezone`, so that a night in which clocks change is quiet to its end.
    """
    if quiet.begins == quiet.ends:
        return None
    zone = ZoneInfo(timezone)
    local = now.astimezone(zone)
    clock = local.time()
    over_midnight = quiet.begins > quiet.ends
    if over_midnight:
        inside = clock >= quiet.begins or clock < quiet.ends
    else:
        inside = quiet.begins <= clock < quiet.ends
    if not inside:
        return None
    day = local.date() + timedelta(days=1 if over_midnight and clock >= quiet.begins else 0)
    end = datetime.combine(day, quiet.ends, zone)
    # An hour that comes twice in autumn ends for good the second time.
    ends = sorted((end.astimezone(UTC), end.replace(fold=1).astimezone(UTC)))
    return next((moment for moment in ends if moment > now), ends[-1])


def caps_reach_back(caps: Sequence[Cap]) -> timedelta:
    """How far back a count has to look."""
    return timedelta(days=max((cap.window_days for cap in caps), default=0))
