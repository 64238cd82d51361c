"""What to do next about a payment, from what its rail said: pure decisions on values.

    created -> pending -> succeeded | failed | reversing -> reversed | unknown

A payment is sent once. When its answer does not come, the truth is asked for or the payment is undone, by the rules of
its rail, again and again until the rail has answered: nobody is charged twice, and nothing hangs for ever.

- card (ISO 8583): no answer in time: a reversal with the original's trace number and date, repeated until it is
  acknowledged; an approval that comes late is reversed too.
- code, WeChat style: SYSTEMERROR is asked about after 5 s, USERPAYING every few seconds up to 30 s; then it is
  reversed, not earlier than 15 s after the payment, until answered.
- code, Alipay style: 10003 is waiting and asked about; 20000 or no answer is asked about, then cancelled, until
  answered.
"""

from dataclasses import dataclass
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


class Action(StrEnum):
    """What is asked of a rail next."""

    PAY = "pay"
    QUERY = "query"
    REVERSE = "reverse"
    NOTHING = "nothing"


class Outcome(StrEnum):
    """What a rail said. `PAYING`: the payer types a password; `NO_ANSWER`: nothing came, or nothing that can be read;
    `SYSTEM_ERROR`: the rail does not know itself; `NOT_FOUND`: it has no such payment; `UNDONE`: it is reversed."""

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
    `unknown_after_tries`: from then on a person is told, and we go on asking.
    """

    can_query: bool
    first_query_s: float = 5.0
    query_s: float = 3.0
    paying_s: float = 30.0
    reverse_after_s: float = 0.0
    reverse_s: float = 5.0
    slowest_s: float = 300.0
    unknown_after_tries: int = 20


CARD = Patience(can_query=False, reverse_s=2.0)
WECHAT = Patience(can_query=True, reverse_after_s=15.0)
ALIPAY = Patience(can_query=True, first_query_s=3.0)


@dataclass(frozen=True, slots=True)
class Next:
    """What a payment becomes, and what is asked of its rail at `at` (None: nothing more)."""

    state: PaymentState
    action: Action
    at: datetime | None


def after(
    patience: Patience, state: PaymentState, action: Action, outcome: Outcome, tries: int, started_at: datetime,
    now: datetime,
) -> Next:  # fmt: skip
    """What follows from the outcome of an action; `tries` counts the messages so far, `started_at` is the first."""
    if action is Action.REVERSE or state is PaymentState.REVERSING:
        return _after_reversal(patience, outcome, tries, now)
    if outcome is Outcome.SUCCEEDED:
        return Next(PaymentState.SUCCEEDED, Action.NOTHING, None)
    if outcome in (Outcome.DECLINED, Outcome.UNDONE):
        return Next(PaymentState.FAILED, Action.NOTHING, None)
    if not patience.can_query:
        return _undo(patience, started_at, now)
    waited_s = (now - started_at).total_seconds()
    if waited_s >= patience.paying_s:
        return _undo(patience, started_at, now)
    wait_s = patience.first_query_s if action is Action.PAY else patience.query_s
    return Next(PaymentState.PENDING, Action.QUERY, now + timedelta(seconds=wait_s))


def undo(patience: Patience, started_at: datetime | None, now: datetime) -> Next:
    """What follows when a payment is not wanted any more: one that was never sent has simply failed."""
    if started_at is None:
        return Next(PaymentState.FAILED, Action.NOTHING, None)
    return _undo(patience, started_at, now)


def _undo(patience: Patience, started_at: datetime, now: datetime) -> Next:
    earliest = started_at + timedelta(seconds=patience.reverse_after_s)
    return Next(PaymentState.REVERSING, Action.REVERSE, max(now, earliest))


def _after_reversal(patience: Patience, outcome: Outcome, tries: int, now: datetime) -> Next:
    """Until the rail has acknowledged it: more and more slowly, and from some time on a person is told."""
    if outcome in (Outcome.UNDONE, Outcome.NOT_FOUND, Outcome.DECLINED):
        return Next(PaymentState.REVERSED, Action.NOTHING, None)
    wait_s = min(patience.reverse_s * 2 ** min(tries, 10), patience.slowest_s)
    state = PaymentState.UNKNOWN if tries >= patience.unknown_after_tries else PaymentState.REVERSING
    return Next(state, Action.REVERSE, now + timedelta(seconds=wait_s))
