"""What to do next about a payment or a refund, from what its rail said: pure decisions on values.

    payment:  created -> pending -> succeeded | failed | reversing -> reversed | unknown
    refund:   created -> pending -> succeeded | failed | unknown

A payment is sent once. When its answer does not come, the truth is asked for or the payment is undone, by the rules of
its rail, again and again until the rail has answered: nobody is charged twice, and nothing hangs for ever. `unknown`
says that a person should look; we go on asking.

- card (ISO 8583): no answer in time: a reversal with the original's trace number and date, repeated until it is
  acknowledged; an approval that comes late is reversed too.
- code, WeChat style: SYSTEMERROR is asked about after 5 s, USERPAYING every few seconds up to 30 s; then it is
  reversed, not earlier than 15 s after the payment, until answered.
- code, Alipay style: 10003 is waiting and asked about; 20000 or no answer is asked about, then cancelled, until
  answered.

A refund keeps its number over all retries. Where a rail knows refunds by that number, it is asked what became of it;
where it does not (ISO 8583), a refund whose answer did not come is reversed, and asked for again once that has been
acknowledged. The whole of a card payment goes back on its day as a void: a reversal of the sale.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class PaymentState(StrEnum):
    CREATED = "created"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REVERSING = "reversing"
    REVERSED = "reversed"
    UNKNOWN = "unknown"


ENDED = frozenset({PaymentState.SUCCEEDED, PaymentState.FAILED, PaymentState.REVERSED})
UNDOING = frozenset({PaymentState.REVERSING, PaymentState.UNKNOWN})


class RefundState(StrEnum):
    CREATED = "created"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


REFUND_ENDED = frozenset({RefundState.SUCCEEDED, RefundState.FAILED})


class Action(StrEnum):
    """What is asked of a rail next. For a refund `pay` asks for it, and `void` undoes the whole payment instead."""

    PAY = "pay"
    VOID = "void"
    QUERY = "query"
    REVERSE = "reverse"
    NOTHING = "nothing"


class Outcome(StrEnum):
    """What a rail said. `PAYING`: the payer types a password, or a refund is under way; `NO_ANSWER`: nothing came, or
    nothing that can be read; `SYSTEM_ERROR`: the rail does not know itself; `NOT_FOUND`: it has no such payment;
    `UNDONE`: it is reversed."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    PAYING = "paying"
    NO_ANSWER = "no_answer"
    SYSTEM_ERROR = "system_error"
    NOT_FOUND = "not_found"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Patience:
    """How a rail wants to be asked. `can_query`: it tells what became of a payment; ISO 8583 does not.

    `paying_s`: how long the payer may type; `reverse_after_s`: no reversal earlier than that after the payment;
    `late_s`: so long after it was sent a message may still arrive: "no such payment" is the truth only then;
    `unknown_after`: from so many reversals (or questions about a refund) on a person is told, and we go on asking.
    """

    can_query: bool
    first_query_s: float = 5.0
    query_s: float = 3.0
    paying_s: float = 30.0
    reverse_after_s: float = 0.0
    reverse_s: float = 2.0
    late_s: float = 60.0
    slowest_s: float = 300.0
    unknown_after: int = 6

    def hurried(self, times: int) -> "Patience":
        """The same rules on a clock that runs so many times as fast."""
        waits = ("first_query_s", "query_s", "paying_s", "reverse_after_s", "reverse_s", "late_s", "slowest_s")
        return replace(self, **{name: getattr(self, name) / times for name in waits})

    def pause_s(self, times: int) -> float:
        """How long to wait after so many reversals or questions without an end: longer each time, within a bound."""
        return float(min(self.reverse_s * 2 ** min(max(times - 1, 0), 12), self.slowest_s))


CARD = Patience(can_query=False)
WECHAT = Patience(can_query=True, reverse_after_s=15.0)
ALIPAY = Patience(can_query=True, first_query_s=3.0)


@dataclass(frozen=True, slots=True)
class Next:
    """What a payment becomes, and what is asked of its rail at `at` (None: nothing more)."""

    state: PaymentState
    action: Action
    at: datetime | None


def after(
    patience: Patience, state: PaymentState, sent: Action, outcome: Outcome, reversals: int, started_at: datetime,
    now: datetime,
) -> Next:  # fmt: skip
    """What follows from the outcome of the message `sent` about a payment that is in `state` now.

    `reversals` counts those sent so far; `started_at` is when the payment was sent. A payment that was given up while
    its message was out is `reversing` already; then the answer says only what there is to undo.
    """
    if sent is Action.REVERSE:
        return _after_reversal(patience, outcome, reversals, started_at, now)
    if outcome is Outcome.UNDONE:
        return Next(PaymentState.REVERSED, Action.NOTHING, None)
    if outcome is Outcome.DECLINED:
        return Next(PaymentState.FAILED, Action.NOTHING, None)
    if state in UNDOING:
        return _undo(patience, started_at, now)
    if outcome is Outcome.SUCCEEDED:
        return Next(PaymentState.SUCCEEDED, Action.NOTHING, None)
    waited_s = (now - started_at).total_seconds()
    if not patience.can_query or waited_s >= patience.paying_s:
        return _undo(patience, started_at, now)
    wait_s = patience.first_query_s if sent is Action.PAY else patience.query_s
    return Next(PaymentState.PENDING, Action.QUERY, now + timedelta(seconds=wait_s))


def undo(patience: Patience, started_at: datetime | None, now: datetime) -> Next:
    """What follows when a payment is not wanted any more: one that was never sent has simply failed."""
    if started_at is None:
        return Next(PaymentState.FAILED, Action.NOTHING, None)
    return _undo(patience, started_at, now)


def _undo(patience: Patience, started_at: datetime, now: datetime) -> Next:
    earliest = started_at + timedelta(seconds=patience.reverse_after_s)
    return Next(PaymentState.REVERSING, Action.REVERSE, max(now, earliest))


def _after_reversal(patience: Patience, outcome: Outcome, reversals: int, started_at: datetime, now: datetime) -> Next:
    """Until the rail has acknowledged it. A refused reversal undid nothing: that is for a person, and asked again."""
    overtaken = (now - started_at).total_seconds() >= patience.late_s
    if outcome is Outcome.UNDONE or (outcome is Outcome.NOT_FOUND and overtaken):
        return Next(PaymentState.REVERSED, Action.NOTHING, None)
    state = PaymentState.UNKNOWN if reversals >= patience.unknown_after else PaymentState.REVERSING
    return Next(state, Action.REVERSE, now + timedelta(seconds=patience.pause_s(reversals)))


# ------------------------------------------------------------------------------------------------------- refunds


@dataclass(frozen=True, slots=True)
class RefundNext:
    """What a refund becomes, and what is asked next. `anew`: under a new trace number, the old one being undone."""

    state: RefundState
    action: Action
    at: datetime | None
    anew: bool = False


ASKED_ANEW_MAX = 5


def first_of_refund(patience: Patience, *, whole: bool, same_day: bool) -> Action:
    """A card payment that goes back whole on its day is voided; everything else is a refund."""
    return Action.VOID if whole and same_day and not patience.can_query else Action.PAY


def after_refund(
    patience: Patience, sent: Action, outcome: Outcome, tries: int, anew: int, started_at: datetime, now: datetime
) -> RefundNext:
    """What follows from the outcome of the message `sent` about a refund.

    `tries` counts the messages so far, `anew` how often it was asked for under another trace number already.
    """
    if sent is Action.VOID:
        return _after_void(patience, outcome, tries, now)
    if sent is Action.REVERSE:
        return _after_undone_refund(patience, outcome, tries, anew, started_at, now)
    if outcome is Outcome.SUCCEEDED:
        return RefundNext(RefundState.SUCCEEDED, Action.NOTHING, None)
    if outcome is Outcome.DECLINED:
        return RefundNext(RefundState.FAILED, Action.NOTHING, None)
    if not patience.can_query:
        if outcome is Outcome.NOT_FOUND:
            return RefundNext(RefundState.FAILED, Action.NOTHING, None)
        return RefundNext(RefundState.PENDING, Action.REVERSE, now)
    if outcome is Outcome.NOT_FOUND and sent is Action.QUERY:
        # It never arrived; the same number asked for again is the same refund.
        return RefundNext(_waiting(patience, tries), Action.PAY, now)
    return RefundNext(_waiting(patience, tries), Action.QUERY, now + timedelta(seconds=patience.pause_s(tries)))


def _after_void(patience: Patience, outcome: Outcome, tries: int, now: datetime) -> RefundNext:
    if outcome is Outcome.UNDONE:
        return RefundNext(RefundState.SUCCEEDED, Action.NOTHING, None)
    if outcome in (Outcome.DECLINED, Outcome.NOT_FOUND) and tries == 1:
        # The acquirer's day is over: what cannot be undone any more is given back. Not where an earlier void was never
        # answered: it may have been done, and refused the second time.
        return RefundNext(RefundState.PENDING, Action.PAY, now)
    return RefundNext(_waiting(patience, tries), Action.VOID, now + timedelta(seconds=patience.pause_s(tries)))


def _after_undone_refund(
    patience: Patience, outcome: Outcome, tries: int, anew: int, started_at: datetime, now: datetime
) -> RefundNext:
    overtaken = (now - started_at).total_seconds() >= patience.late_s
    if outcome is Outcome.UNDONE or (outcome is Outcome.NOT_FOUND and overtaken):
        if anew >= ASKED_ANEW_MAX:
            return RefundNext(RefundState.FAILED, Action.NOTHING, None)
        return RefundNext(_waiting(patience, tries), Action.PAY, now, anew=True)
    return RefundNext(_waiting(patience, tries), Action.REVERSE, now + timedelta(seconds=patience.pause_s(tries)))


def _waiting(patience: Patience, tries: int) -> RefundState:
    return RefundState.UNKNOWN if tries >= 2 * patience.unknown_after else RefundState.PENDING
