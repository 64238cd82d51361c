"""Messages are wished for once; what cannot be is said before anything is queued."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from foundation.database import Tx
from marketing.messages import operations
from marketing.messages.operations import (
    QueuedCounts,
    WishUnreadable,
    queue_messages,
    sending_state,
    stop_messages,
)
from marketing.messages.rules import Channel, MessageClass, MessageState, Reason
from tests.marketing.messages.factories import a_template, a_wish


def queued(tx: Tx) -> int:
    return int(tx.ask("SELECT count(*) FROM marketing.message WHERE state = 'queued'").fetchone()[0])  # type: ignore[index]


def test_the_same_wish_twice_is_one_message(tx: Tx) -> None:
    template = a_template(tx)
    wishes = [a_wish(template, member) for member in (1, 2, 3)]
    assert queue_messages(tx, wishes) == QueuedCounts(3, 0)
    assert queue_messages(tx, [*wishes, a_wish(template, 4)]) == QueuedCounts(1, 3)
    assert queued(tx) == 4


def test_without_a_campaign_the_step_alone_tells_wishes_apart(tx: Tx) -> None:
    template = a_template(tx, message_class=MessageClass.TRANSACTIONAL)
    wish = a_wish(template, campaign_id=None, step="sale/1/receipt", message_class=MessageClass.TRANSACTIONAL)
    queue_messages(tx, [wish])
    assert queue_messages(tx, [wish]) == QueuedCounts(0, 1)


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"template_id": 999}, "/0/template_id"),
        ({"channel": Channel.INBOX}, "/0/template_id"),
        ({"message_class": MessageClass.TRANSACTIONAL}, "/0/template_id"),
        ({"step": ""}, "/0/step"),
        ({"facts": {"who": {"name": "Li"}}}, "/0/facts"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_and_nothing_is_queued(tx: Tx, said: dict[str, Any], pointer: str) -> None:
    good = a_wish(a_template(tx))
    with pytest.raises(WishUnreadable) as refused:
        queue_messages(tx, [replace(good, **said), good])
    assert refused.value.errors[0].pointer == pointer
    assert queued(tx) == 0


def test_a_stopped_campaign_has_nothing_waiting_and_says_why(tx: Tx) -> None:
    template = a_template(tx)
    queue_messages(tx, [a_wish(template, 1), a_wish(template, 2), a_wish(template, 1, campaign_id=8)])
    assert stop_messages(tx, 7) == 2
    assert stop_messages(tx, 7) == 0
    assert [(c.state, c.reason, c.count) for c in sending_state(tx, 7)] == [
        (MessageState.REFUSED, Reason.CAMPAIGN_STOPPED, 2)
    ]
    assert [(c.state, c.count) for c in sending_state(tx, 8)] == [(MessageState.QUEUED, 1)]


def test_what_may_not_leave_yet_is_due_later_and_lives_from_then(tx: Tx) -> None:
    template = a_template(tx)
    tomorrow = tx.now + timedelta(days=1)
    queue_messages(tx, [a_wish(template, not_before=tomorrow)])
    due, expires = tx.ask("SELECT due_at, expires_at FROM marketing.message").fetchone() or (None, None)
    assert due == tomorrow
    assert expires == tomorrow + timedelta(days=7)


def test_the_rest_of_a_very_large_stopped_campaign_is_ended_afterwards(tx: Tx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "STOPPED_AT_ONCE", 2)
    template = a_template(tx)
    queue_messages(tx, [a_wish(template, member) for member in range(1, 6)])
    assert stop_messages(tx, 7) == 2
    assert [operations.end_stopped(tx) for _ in range(3)] == [2, 1, 0]
