"""What follows from what a rail said: on values, without a rail."""

from datetime import UTC, datetime, timedelta

import pytest

from pos_adapter.payments.rules import (
    ALIPAY,
    CARD,
    WECHAT,
    Action,
    Outcome,
    Patience,
    PaymentState,
    RefundState,
    after,
    after_refund,
    first_of_refund,
)

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("patience", "outcome", "sent_s_ago", "action", "in_s"),
    [
        (CARD, Outcome.NO_ANSWER, 10, Action.REVERSE, 0),
        (CARD, Outcome.SYSTEM_ERROR, 1, Action.REVERSE, 0),
        (WECHAT, Outcome.SYSTEM_ERROR, 1, Action.QUERY, 5),
        (WECHAT, Outcome.PAYING, 1, Action.QUERY, 5),
        (WECHAT, Outcome.NO_ANSWER, 31, Action.REVERSE, 0),
        (ALIPAY, Outcome.PAYING, 1, Action.QUERY, 3),
        (ALIPAY, Outcome.SYSTEM_ERROR, 10, Action.QUERY, 3),
        (ALIPAY, Outcome.NO_ANSWER, 31, Action.REVERSE, 0),
    ],
)
def test_a_payment_without_an_answer_follows_its_rail(
    patience: Patience, outcome: Outcome, sent_s_ago: float, action: Action, in_s: float
) -> None:
    follows = after(patience, PaymentState.PENDING, Action.PAY, outcome, 0, ago(sent_s_ago), NOW)
    assert (follows.action, follows.at) == (action, NOW + timedelta(seconds=in_s))


def test_a_wechat_payment_is_not_reversed_within_fifteen_seconds() -> None:
    follows = after(WECHAT, PaymentState.REVERSING, Action.QUERY, Outcome.SUCCEEDED, 0, ago(5), NOW)
    assert (follows.action, follows.at) == (Action.REVERSE, NOW + timedelta(seconds=10))


def test_an_approval_that_comes_too_late_is_reversed_too() -> None:
    follows = after(CARD, PaymentState.REVERSING, Action.PAY, Outcome.SUCCEEDED, 0, ago(20), NOW)
    assert (follows.state, follows.action) == (PaymentState.REVERSING, Action.REVERSE)


@pytest.mark.parametrize("outcome", [Outcome.DECLINED, Outcome.NO_ANSWER, Outcome.SYSTEM_ERROR, Outcome.PAYING])
def test_a_reversal_that_was_not_acknowledged_has_undone_nothing(outcome: Outcome) -> None:
    for reversals in range(1, 200):
        follows = after(CARD, PaymentState.REVERSING, Action.REVERSE, outcome, reversals, ago(10**6), NOW)
        assert follows.action is Action.REVERSE
        assert follows.at is not None
        assert NOW < follows.at <= NOW + timedelta(seconds=CARD.slowest_s)
        expected = PaymentState.UNKNOWN if reversals >= CARD.unknown_after else PaymentState.REVERSING
        assert follows.state is expected


def test_no_such_payment_is_the_truth_only_when_no_message_can_be_under_way() -> None:
    early = after(CARD, PaymentState.REVERSING, Action.REVERSE, Outcome.NOT_FOUND, 1, ago(20), NOW)
    late = after(CARD, PaymentState.REVERSING, Action.REVERSE, Outcome.NOT_FOUND, 1, ago(61), NOW)
    assert (early.state, late.state) == (PaymentState.REVERSING, PaymentState.REVERSED)


def test_only_the_whole_of_a_card_payment_is_voided_and_only_on_its_day() -> None:
    assert first_of_refund(CARD, whole=True, same_day=True) is Action.VOID
    assert first_of_refund(CARD, whole=False, same_day=True) is Action.PAY
    assert first_of_refund(CARD, whole=True, same_day=False) is Action.PAY
    assert first_of_refund(WECHAT, whole=True, same_day=True) is Action.PAY


def test_a_void_that_is_refused_becomes_a_refund_unless_it_may_have_been_done() -> None:
    first = after_refund(CARD, Action.VOID, Outcome.DECLINED, 1, 0, ago(1), NOW)
    again = after_refund(CARD, Action.VOID, Outcome.DECLINED, 2, 0, ago(1), NOW)
    assert (first.action, again.action) == (Action.PAY, Action.VOID)


def test_a_card_refund_without_an_answer_is_undone_before_it_is_asked_for_again() -> None:
    silent = after_refund(CARD, Action.PAY, Outcome.NO_ANSWER, 1, 0, ago(1), NOW)
    undone = after_refund(CARD, Action.REVERSE, Outcome.UNDONE, 2, 0, ago(2), NOW)
    assert silent.action is Action.REVERSE
    assert (undone.action, undone.anew) == (Action.PAY, True)
    at_last = after_refund(CARD, Action.REVERSE, Outcome.UNDONE, 12, 5, ago(2), NOW)
    assert at_last.state is RefundState.FAILED


def test_a_wallet_refund_that_never_arrived_is_asked_for_under_the_same_number() -> None:
    follows = after_refund(ALIPAY, Action.QUERY, Outcome.NOT_FOUND, 2, 0, ago(5), NOW)
    assert (follows.action, follows.anew) == (Action.PAY, False)


def test_a_hurried_clock_keeps_the_order_of_waits() -> None:
    fast = WECHAT.hurried(10)
    assert (fast.paying_s, fast.reverse_after_s, fast.unknown_after) == (3.0, 1.5, WECHAT.unknown_after)
